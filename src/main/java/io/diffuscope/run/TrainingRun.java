package io.diffuscope.run;

import akka.Done;
import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.Signal;
import akka.actor.typed.Terminated;
import akka.actor.typed.eventstream.EventStream;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.japi.Pair;
import akka.stream.KillSwitches;
import akka.stream.Materializer;
import akka.stream.UniqueKillSwitch;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import com.fasterxml.jackson.annotation.JsonCreator;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One run: a thin shell around {@link RunDecisions}. It turns messages into commands, has its
 * {@link RunEntity} decide and keep the events, tells them to the event stream, and carries out
 * their effects. One command is with the entity at a time, so that the state here is that there.
 *
 * <p>A run first goes on from what was kept, then prepares (geometry of the sets, endpoints of the
 * reference flows); checkpoints that are found meanwhile wait.
 */
public final class TrainingRun extends AbstractOnMessageBehavior<TrainingRun.Command> {
  /**
   * Commands that wait while the journal cannot be written: what a source finds in a day of a
   * checkpoint every ten seconds.
   */
  static final int MOST_WAITING = 10_000;

  /** What a run understands. */
  public sealed interface Command extends CborSerializable {}

  /**
   * A complete checkpoint was found.
   *
   * @param passedOverAs another path under which it was passed over before; null: none
   */
  public record Found(Checkpoint checkpoint, @Nullable String passedOverAs) implements Command {
    @JsonCreator
    public Found {}

    public Found(Checkpoint checkpoint) {
      this(checkpoint, null);
    }
  }

  /** A file could not be taken. */
  public record PassedOver(String path, String reason, String message) implements Command {}

  /** The run's source does not answer, so that nothing is begun, or answers again. */
  public record SourceOut(boolean isOut) implements Command {}

  /**
   * The training is over: finish what waits, and what still comes meanwhile, then end.
   *
   * @param overAt when that was; null: now. The time to finish counts from it
   */
  public record SourceEnded(String cause, @Nullable Instant overAt) implements Command {
    @JsonCreator
    public SourceEnded {}

    public SourceEnded(String cause) {
      this(cause, null);
    }
  }

  /** The device is this run's, for one evaluation; told where evaluation has a budget. */
  public record TurnGranted() implements Command {}

  /** The device rests for so long before anybody's turn; told where evaluation has a budget. */
  public record TurnAfterRest(Duration left) implements Command {}

  /**
   * Told to the owner before the run stops: without its references it can measure nothing.
   *
   * @param reason a metric label
   * @param message one sentence for people
   */
  public record Unprepared(String reason, String message) implements CborSerializable {}

  /** Asks for the state as it is now. */
  public record GetState(ActorRef<RunState> replyTo) implements Command {}

  /** What the run tells itself; never leaves the process. */
  private sealed interface Internal extends Command, NoSerializationVerificationNeeded {}

  private record GeometryReady(GeometrySummary geometry) implements Internal {}

  private record EndpointsReady(int done, int total) implements Internal {}

  private record PreparationEnded(@Nullable String reason, @Nullable String message)
      implements Internal {}

  private record Updated(Checkpoint checkpoint, Evaluation.Update update) implements Internal {}

  /** The time to finish what waits is over. */
  private record DrainTimedOut() implements Internal {}

  /** What was postponed may be tried again. */
  private record RestIsOver() implements Internal {}

  private record FromMemory(RunEntity.Answer answer) implements Internal {}

  private record Broken(Checkpoint checkpoint, String reason, String message) implements Internal {}

  private final RunSettings settings;
  private final Probe probe;
  private final @Nullable ActorRef<DeviceTurns.Command> turns;
  private RunDecisions decisions;
  private final Evaluation evaluation;
  private final EvidenceStore evidence;
  private final InstantSource clock;
  private final ActorRef<? super Unprepared> owner;
  private final Materializer materializer;
  private RunState state = RunState.EMPTY;
  private @Nullable GeometrySummary geometry;
  private @Nullable EvaluationPlan plan;
  private final PairedDistances distances;
  private Map<Reference, double[]> measured = Map.of();
  private boolean evidenceFails;
  private List<RunEvent.EvaluationCompleted> damagedEvidence = List.of();
  private Instant evaluationStarted = Instant.EPOCH;
  private @Nullable String endCause;
  private Instant drainsFrom = Instant.MAX;
  private @Nullable UniqueKillSwitch underway;
  private final RunStore store;
  private final SeriesId series;
  private final ActorRef<RunEntity.Command> memory;

  /** What came before the run was ready to hear it. */
  private final Queue<Command> early = new ArrayDeque<>();

  private final Queue<RunDecisions.Command> waiting = new ArrayDeque<>();
  private RunDecisions.@Nullable Command deciding;

  /** Whether what was kept is known, and the run goes on from there. */
  private boolean awake;

  private @Nullable String journalProblem;
  private boolean overflowed;
  private boolean draining;
  private boolean resumed;
  private boolean preparing;

  /** Path and reason of what was told before the restart; its source begins afresh, and repeats. */
  private final Set<List<String>> passedOverBefore = new HashSet<>();

  /** Whether a turn was asked for or is held. */
  private boolean inTurn;

  private TrainingRun(
      ActorContext<Command> context,
      RunSettings settings,
      SharedParts shared,
      SeriesId series,
      InstantSource clock,
      ActorRef<? super Unprepared> owner) {
    super(context);
    this.settings = settings;
    this.turns = shared.turns();
    this.probe = shared.probe();
    this.decisions =
        new RunDecisions(settings.withSteps(settings.steps().withTrainSize(probe.train().size())));
    this.evaluation =
        new Evaluation(
            context.getSystem(),
            shared.queue(),
            holding(context, shared.holds(), settings),
            settings,
            clock);
    this.evidence = shared.evidence();
    this.clock = clock;
    this.owner = owner;
    // Streams made with it end with this actor.
    this.materializer = Materializer.createMaterializer(context);
    this.store = shared.store();
    this.series = series;
    this.distances = new PairedDistances(store, series, PairedDistances.MOST_BYTES);
    this.memory =
        context.spawn(
            RunEntity.create(
                series,
                settings,
                clock,
                context.messageAdapter(RunEntity.Answer.class, FromMemory::new)),
            "memory");
    context.watch(memory);
  }

  /** Goes on from what was kept. */
  private boolean wake(RunState kept) {
    state = kept;
    List<RunEvent> history = new ArrayList<>();
    try {
      tellOfNewSeries();
      store.forEach(series, history::add);
    } catch (IOException e) {
      owner.tell(new Unprepared(reasonOfJournal(e), messageOf(e)));
      return false;
    }
    String measuredLast = null;
    for (RunEvent event : history) {
      if (event instanceof RunEvent.EvaluationCompleted e && e.sampled()) {
        measuredLast = e.checkpoint().identity();
      } else if (event instanceof RunEvent.AttemptStarted) {
        measuredLast = null;
      } else if (event instanceof RunEvent.CheckpointPassedOver e) {
        // What vanished is seen to vanish once; the next time it is another one.
        if (!e.reason().equals(Sighting.Reason.VANISHED.label())) {
          passedOverBefore.add(List.of(e.path(), e.reason()));
        }
      } else if (event instanceof RunEvent.CheckpointFound e) {
        passedOverBefore.removeIf(
            told ->
                told.getFirst().equals(e.checkpoint().path())
                    || told.getFirst().equals(e.passedOverAs()));
      }
    }
    resumed = !history.isEmpty();
    distances.goOnFrom(measuredLast);
    evidenceGoesOn(history);
    if (resumed) {
      tell(new History(settings.id(), history));
      perform(new RunDecisions.Resume());
    } else {
      goOn();
    }
    return true;
  }

  /** By the records of all series of the run: that of other results is of no use to anybody. */
  private void evidenceGoesOn(List<RunEvent> history) {
    List<RunEvent.EvaluationCompleted> completed = new ArrayList<>();
    Consumer<RunEvent> collect =
        event -> {
          if (event instanceof RunEvent.EvaluationCompleted e) {
            completed.add(e);
          }
        };
    history.forEach(collect);
    try {
      for (SeriesId known : store.seriesOf(settings.id())) {
        if (!known.equals(series)) {
          store.forEach(known, collect);
        }
      }
      // Where nothing is recorded for good, what earlier processes kept is not to be judged.
      if (!completed.isEmpty()) {
        damagedEvidence =
            evidence.goOn(settings.id(), completed, bestStep()).stream()
                .filter(event -> event.probe().equals(probe.id()))
                .toList();
      }
    } catch (IOException e) {
      tell(
          new EvidenceNews(
              settings.id(),
              true,
              "the evidence that is kept is not looked through (%s): let this user read and write it; the evaluation goes on"
                  .formatted(e.getMessage())));
    }
  }

  /** From here on the run hears what comes from outside. */
  private void goOn() {
    awake = true;
    for (Command message = early.poll(); message != null; message = early.poll()) {
      hear(message);
    }
  }

  private void tellOfNewSeries() throws IOException {
    List<SeriesId> known = store.seriesOf(settings.id());
    if (!known.isEmpty() && !known.contains(series)) {
      SeriesId before = known.getLast();
      tell(
          new JournalNews(
              settings.id(),
              false,
              "a new series begins: %s; the earlier one stays in the history, and this one is not compared with it"
                  .formatted(
                      series.probe().equals(before.probe())
                          ? "the checkpoints come from %s now, and came from %s"
                              .formatted(series.source(), before.source())
                          : "it is measured with probe %s now (other data, network, samples or noise), and was with %s"
                              .formatted(series.probe(), before.probe()))));
    }
  }

  private static String reasonOfJournal(IOException cause) {
    return (cause instanceof JournalDamagedException
            ? BadInputException.Reason.MALFORMED
            : BadInputException.Reason.UNREADABLE)
        .label();
  }

  /** What was kept cannot be read: reading it once more tells where. */
  private void cannotWake(Throwable cause) {
    try {
      store.forEach(series, event -> {});
      owner.tell(
          new Unprepared(
              BadInputException.Reason.UNREADABLE.label(),
              "%s: what is kept of run %s cannot be read (%s); let this user read it, or choose another --data-dir"
                  .formatted(store.place(), settings.id(), messageOf(cause))));
    } catch (IOException e) {
      owner.tell(new Unprepared(reasonOfJournal(e), messageOf(e)));
    }
  }

  /** What the memory answers; false where the run cannot go on. */
  private boolean remember(RunEntity.Answer answer) {
    switch (answer) {
      case RunEntity.Recovered m -> {
        return wake(m.state());
      }
      case RunEntity.CannotRecover m -> {
        cannotWake(m.cause());
        return false;
      }
      case RunEntity.CannotKeep m -> cannotKeep(m.cause());
      case RunEntity.Decided m -> decided(m);
    }
    return true;
  }

  private void decided(RunEntity.Decided answer) {
    deciding = null;
    state = answer.state();
    keptAgain();
    for (RunEvent event : answer.events()) {
      tell(event);
      carryOut(event);
    }
    switch (answer.command()) {
      case RunDecisions.Proceed c -> {
        if (state.evaluating() == null) {
          giveTurnBack();
        }
      }
      case RunDecisions.Resume c -> goOn();
      case RunDecisions.Begin c -> drain();
      default -> {}
    }
    askForTurn();
    decideNext();
  }

  private void cannotKeep(@Nullable String cause) {
    store.revive();
    tell(new JournalBacklog(settings.id(), waiting(), true, 0));
    if (journalProblem == null) {
      journalProblem = cause == null ? "" : cause;
      tell(
          new JournalNews(
              settings.id(),
              true,
              "%s cannot be written%s: what is under evaluation goes on, and nothing else begins until it can; make room, or make it writable"
                  .formatted(store.place(), cause == null ? "" : " (%s)".formatted(cause))));
    }
  }

  private void keptAgain() {
    if (journalProblem != null) {
      journalProblem = null;
      tell(new JournalBacklog(settings.id(), 0, false, 0));
      tell(
          new JournalNews(
              settings.id(),
              overflowed,
              overflowed
                  ? "the journal is written again, but what was found after %d commands waited is not in it; start the program again, and that is looked for again"
                      .formatted(MOST_WAITING)
                  : "the journal is written again; nothing is missing"));
    }
  }

  private int waiting() {
    return waiting.size() + (deciding == null ? 0 : 1);
  }

  /**
   * A run. It may block (it reads its journal): spawn it on a dispatcher for that.
   *
   * @param source where its checkpoints come from, as a text that stays the same: those of another
   *     place are another series
   * @param owner told where the run cannot be prepared, which ends it
   * @throws IllegalArgumentException if there is a budget, and nobody to hold it
   */
  public static Behavior<Command> create(
      RunSettings settings,
      SharedParts shared,
      String source,
      InstantSource clock,
      ActorRef<? super Unprepared> owner) {
    if ((shared.turns() == null) != (settings.pace().budget() == null)) {
      throw new IllegalArgumentException("a budget needs turns, and turns need a budget");
    }
    return Behaviors.setup(
        context -> {
          SeriesId series = new SeriesId(settings.id(), shared.probe().id(), source);
          try {
            shared.store().begin(series, RunEntity.rules(settings.detectors()));
          } catch (IOException e) {
            owner.tell(new Unprepared(reasonOfJournal(e), messageOf(e)));
            return Behaviors.stopped();
          }
          return new TrainingRun(context, settings, shared, series, clock, owner);
        });
  }

  private static Holding holding(ActorContext<Command> context, Holds holds, RunSettings settings) {
    ActorRef<EventStream.Command> events = context.getSystem().eventStream();
    return new Holding(
        settings.id(),
        context.getSystem(),
        holds,
        settings.unitTimeout(),
        news -> events.tell(new EventStream.Publish<>(news)));
  }

  /** One that goes on, only to look once, may find that there is nothing to make ready for. */
  private void prepareIfNeeded() {
    boolean needed = !resumed || !settings.ending().once() || !decisions.isDone(state);
    if (needed && !preparing) {
      preparing = true;
      prepare();
    }
  }

  private void prepare() {
    tell(new PreparationProgress(settings.id(), "neighbours within the sets", 0, 1));
    CompletionStage<WorkOutcome> found =
        evaluation
            .outcomes(List.of(new WorkUnit.FindGeometry(settings.id())))
            .runWith(Sink.head(), materializer);
    getContext()
        .pipeToSelf(
            found,
            (outcome, failure) ->
                outcome instanceof WorkOutcome.GeometryFound g
                    ? new GeometryReady(g.geometry())
                    : preparationFailed(failure));
  }

  private static PreparationEnded preparationFailed(@Nullable Throwable failure) {
    Throwable cause = unwrap(failure);
    return new PreparationEnded(reasonOf(cause), messageOf(cause));
  }

  private void prepareEndpoints() {
    List<WorkUnit> units = new ArrayList<>();
    for (Reference reference : probe.references()) {
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        units.add(new WorkUnit.ReferenceFlow(reference, block));
      }
    }
    ActorRef<Command> self = getContext().getSelf();
    CompletionStage<Integer> done =
        evaluation
            .outcomes(units)
            .zipWithIndex()
            .map(
                pair -> {
                  int count = Math.toIntExact(pair.second()) + 1;
                  self.tell(new EndpointsReady(count, units.size()));
                  return count;
                })
            // Without labels a class-conditional network has no flow to be compared with.
            .runWith(Sink.fold(0, (before, count) -> count), materializer);
    CompletionStage<Done> repaired = done.thenCompose(repairOfEvidence());
    getContext()
        .pipeToSelf(
            repaired,
            (ignored, failure) ->
                failure == null ? new PreparationEnded(null, null) : preparationFailed(failure));
  }

  /** While the run prepares: nothing else is measured then, and evidence is not written. */
  private Function<Integer, CompletionStage<Done>> repairOfEvidence() {
    List<RunEvent.EvaluationCompleted> damaged =
        settings.evidence().request() == null ? List.of() : damagedEvidence;
    Long best = bestStep();
    ActorRef<EventStream.Command> stream = getContext().getSystem().eventStream();
    Executor blocking =
        getContext().getSystem().dispatchers().lookup(DispatcherSelector.blocking());
    return count ->
        new EvidenceRepair(evidence, evaluation, blocking, materializer)
            .repair(
                damaged,
                probe.sampleBlocks(),
                best,
                done ->
                    stream.tell(
                        new EventStream.Publish<>(
                            new PreparationProgress(
                                settings.id(),
                                "evidence that was damaged",
                                done,
                                damaged.size()))));
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    if (message instanceof FromMemory m) {
      if (!remember(m.answer)) {
        return Behaviors.stopped();
      }
    } else if (!awake) {
      early.add(message);
    } else if (!hear(message)) {
      return Behaviors.stopped();
    }
    if (awake) {
      prepareIfNeeded();
      endIfDone();
    }
    return this;
  }

  /** False where the run cannot go on. */
  private boolean hear(Command message) {
    switch (message) {
      case Found m -> perform(new RunDecisions.Find(m.checkpoint, m.passedOverAs));
      case PassedOver m -> {
        if (!passedOverBefore.remove(List.of(m.path, m.reason))) {
          perform(new RunDecisions.PassOver(m.path, m.reason, m.message));
        }
      }
      case SourceEnded m -> {
        endCause = m.cause;
        drainsFrom = m.overAt == null ? clock.instant() : m.overAt;
        decisions = decisions.draining();
        perform(new RunDecisions.Wake());
        drain();
      }
      case TurnGranted m -> perform(new RunDecisions.Proceed());
      case TurnAfterRest m -> {
        if (!state.ended()) {
          tell(new BudgetRest(settings.id(), clock.instant().plus(m.left)));
        }
      }
      case SourceOut m -> {
        decisions = decisions.withSourceOut(m.isOut);
        perform(new RunDecisions.Wake());
      }
      case RestIsOver m -> perform(new RunDecisions.Wake());
      case DrainTimedOut m -> drainTimedOut();
      case GetState m -> m.replyTo.tell(state);
      case GeometryReady m -> {
        geometry = m.geometry;
        prepareEndpoints();
      }
      case EndpointsReady m ->
          tell(
              new PreparationProgress(
                  settings.id(), "endpoints of the reference flows", m.done, m.total));
      case PreparationEnded m -> {
        return begin(m);
      }
      case Updated m -> updated(m);
      case Broken m -> perform(new RunDecisions.Fail(m.checkpoint, m.reason, m.message));
      case FromMemory m -> throw new IllegalStateException("not from outside");
    }
    return true;
  }

  private boolean begin(PreparationEnded ended) {
    if (state.ended()) {
      return true;
    }
    GeometrySummary known = geometry;
    if (known == null || ended.reason != null) {
      owner.tell(
          new Unprepared(
              String.valueOf(ended.reason),
              "run %s cannot be prepared: %s".formatted(settings.id(), ended.message)));
      return false;
    }
    EvaluationPlan made = EvaluationPlan.of(probe, known, settings);
    plan = made;
    HoldoutCheck check = known.holdoutCheck();
    Boolean passed = check == null ? null : Boolean.valueOf(!check.differs());
    perform(
        new RunDecisions.Begin(
            settings.displayName(),
            probe.id(),
            passed,
            notes(known, made),
            made.measuresLosses(),
            known.duplicates()));
    return true;
  }

  private List<String> notes(GeometrySummary known, EvaluationPlan made) {
    List<String> notes = new ArrayList<>(RunNotes.of(probe, known, settings.signals()));
    notes.addAll(made.kept().notes(settings.signals().isOn(SignalNames.BIAS_VARIANCE)));
    return notes;
  }

  private void updated(Updated message) {
    if (state.ended()) {
      return;
    }
    Evaluation.Update update = message.update;
    tell(
        new EvaluationProgress(
            settings.id(), message.checkpoint, update.done(), update.total(), update.estimates()));
    if (update.isComplete()) {
      Duration took = Duration.between(evaluationStarted, clock.instant());
      measured = update.squaredDistances();
      if (state.evaluating() != null && state.evaluating().sampled()) {
        distances.store(message.checkpoint.identity(), measured);
        withEvidence(
            message.checkpoint.name(),
            () -> {
              evidence.draft(settings.id(), probe.id(), message.checkpoint, update.worst());
              return false;
            });
      }
      perform(
          new RunDecisions.Complete(
              message.checkpoint, update.estimates(), update.weights(), took.toNanos() / 1e9));
    }
  }

  private void endIfDone() {
    String cause = endCause;
    // One that goes on and has nothing new need not make its references ready for that.
    boolean begun = state.started() != null || resumed;
    if (cause != null && begun && waiting() == 0 && decisions.isDone(state) && !state.ended()) {
      perform(new RunDecisions.End(cause));
    }
  }

  /** What waits is given time from the end of the training, or from when it could begin. */
  private void drain() {
    Duration timeout = settings.ending().drainTimeout();
    RunEvent.RunStarted started = state.started();
    if (endCause != null && started != null && !draining && timeout != null) {
      draining = true;
      Instant from = drainsFrom.isAfter(started.at()) ? drainsFrom : started.at();
      Duration left = Duration.between(clock.instant(), from.plus(timeout));
      getContext()
          .scheduleOnce(
              left.isNegative() ? Duration.ZERO : left,
              getContext().getSelf(),
              new DrainTimedOut());
    }
  }

  private void drainTimedOut() {
    Duration timeout = settings.ending().drainTimeout();
    if (!state.ended() && timeout != null) {
      perform(new RunDecisions.GiveUp(String.valueOf(endCause), timeout));
    }
  }

  private void perform(RunDecisions.Command command) {
    if (waiting.size() >= MOST_WAITING) {
      lose();
      return;
    }
    waiting.add(command);
    if (journalProblem != null) {
      tell(new JournalBacklog(settings.id(), waiting(), false, 0));
    }
    decideNext();
  }

  private void decideNext() {
    if (deciding == null) {
      deciding = waiting.poll();
      if (deciding != null) {
        memory.tell(new RunEntity.Decide(decisions, deciding));
      }
    }
  }

  private void lose() {
    if (!overflowed) {
      overflowed = true;
      tell(
          new JournalNews(
              settings.id(),
              true,
              "more than %d commands wait for the journal: what is found from now on is not evaluated until the program is started again; make room, or make it writable"
                  .formatted(MOST_WAITING)));
    }
    tell(new JournalBacklog(settings.id(), waiting(), false, 1));
  }

  private void askForTurn() {
    if (turns != null && !inTurn && decisions.isReady(state, clock.instant())) {
      inTurn = true;
      turns.tell(new DeviceTurns.Ask(getContext().getSelf()));
    }
  }

  private void giveTurnBack() {
    if (turns != null && inTurn) {
      inTurn = false;
      turns.tell(new DeviceTurns.Done(getContext().getSelf()));
    }
  }

  private void carryOut(RunEvent event) {
    switch (event) {
      case RunEvent.EvaluationStarted e -> evaluate(e.checkpoint(), e.sampled());
      case RunEvent.EvaluationCompleted e -> {
        giveTurnBack();
        if (e.sampled()) {
          distances.put(e.judged() ? e.checkpoint().step() : null, measured);
          // Here, and not later: when the run ends, all of its evidence is there.
          withEvidence(e.checkpoint().name(), () -> evidence.keep(e, bestStep()));
        }
      }
      case RunEvent.EvaluationFailed e -> giveTurnBack();
      case RunEvent.EvaluationPostponed e -> {
        giveTurnBack();
        getContext()
            .scheduleOnce(
                Duration.between(e.at(), e.until()), getContext().getSelf(), new RestIsOver());
      }
      case RunEvent.AttemptStarted e -> distances.resumeFrom(e.fromStep());
      case RunEvent.RunEnded e -> {
        giveTurnBack();
        if (underway != null) {
          underway.shutdown();
        }
      }
      default -> {}
    }
  }

  private @Nullable Long bestStep() {
    return decisions.verdict(state).bestStep();
  }

  /** Work on files of evidence; tells whether some is kept now. */
  private interface EvidenceWork {
    boolean isKept() throws IOException;
  }

  /** This actor may block. What fails costs the evidence, and nothing else. */
  private void withEvidence(String checkpoint, EvidenceWork work) {
    try {
      evidenceFails &= !work.isKept();
    } catch (IOException | RuntimeException e) {
      tell(
          new EvidenceNews(
              settings.id(),
              !evidenceFails,
              ("the evidence of %s is not kept (%s): make room, or let this user write there; the"
                      + " evaluation goes on")
                  .formatted(checkpoint, e.getMessage())));
      evidenceFails = true;
    }
  }

  private void evaluate(Checkpoint checkpoint, boolean sampled) {
    EvaluationPlan full = plan;
    if (full == null) {
      throw new IllegalStateException("an evaluation began before the run was prepared");
    }
    EvaluationPlan due = full.at(state.sampledSoFar());
    EvaluationPlan known = sampled ? due : due.lossesOnly();
    evaluationStarted = clock.instant();
    ActorRef<Command> self = getContext().getSelf();
    Long step = checkpoint.step();
    Checkpoint judged =
        step == null ? null : state.lineage().checkpointAt(state.lineage().judgedBefore(step));
    Source<Evaluation.Update, ?> updates =
        evaluation.of(checkpoint, known, new Evaluation.Before(distances.before(judged), judged));
    Pair<UniqueKillSwitch, CompletionStage<Done>> running =
        updates
            .viaMat(KillSwitches.single(), Keep.right())
            .toMat(Sink.foreach(update -> self.tell(new Updated(checkpoint, update))), Keep.both())
            .run(materializer);
    underway = running.first();
    CompletionStage<Done> done = running.second();
    done.whenComplete(
        (ignored, failure) -> {
          if (failure != null) {
            Throwable cause = unwrap(failure);
            self.tell(new Broken(checkpoint, reasonOf(cause), messageOf(cause)));
          }
        });
  }

  private static Throwable unwrap(@Nullable Throwable failure) {
    if (failure == null) {
      return new IllegalStateException("no outcome");
    }
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }

  private static String reasonOf(Throwable cause) {
    return cause instanceof EvaluationException e ? e.reason() : FailureReason.INTERNAL.label();
  }

  private static String messageOf(Throwable cause) {
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }

  /** The memory ends only by a failure that no trying again mends. */
  @Override
  public Behavior<Command> onSignal(Signal signal) {
    if (signal instanceof ChildFailed failed) {
      throw new IllegalStateException(
          "the memory of run %s failed: %s".formatted(settings.id(), messageOf(failed.cause())),
          failed.cause());
    }
    return signal instanceof Terminated ? Behaviors.stopped() : this;
  }

  private void tell(RunNotification notification) {
    getContext().getSystem().eventStream().tell(new EventStream.Publish<>(notification));
  }
}
