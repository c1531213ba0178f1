package io.diffuscope.cli;

import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.Signal;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.stream.Materializer;
import io.diffuscope.checkpoint.Announcement;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.checkpoint.RunDirectories.News;
import io.diffuscope.publish.Publisher;
import io.diffuscope.publish.RunListener;
import io.diffuscope.run.DeviceTurns;
import io.diffuscope.run.EvaluationException;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.History;
import io.diffuscope.run.Pace;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunRemoval;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.Sampler;
import io.diffuscope.run.SeriesId;
import io.diffuscope.run.SharedParts;
import io.diffuscope.run.WorkQueue;
import io.diffuscope.sampling.Probe;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.web.RecordChanges;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The guardian: queue, samplers, runs and their publisher, wired together.
 *
 * <p>A sampler that dies is replaced. A single run that cannot go on ends the monitor with its
 * cause; one of several ends alone. The death of any other part ends the monitor. Runs start once
 * the publisher hears them.
 */
final class Monitor extends AbstractOnMessageBehavior<Monitor.Command> {
  /** Stays within the process. */
  sealed interface Command extends NoSerializationVerificationNeeded {}

  /** The training of the runs is over: end once everything written before now was dealt with. */
  record TrainingEnded(String cause, Instant at) implements Command {}

  /** Asks for the runs that there are, in the order in which they were found. */
  record GetRuns(ActorRef<Runs> replyTo) implements Command {}

  /** A run that can be asked. */
  record LiveRun(RunSettings settings, ActorRef<RunSupervisor.Command> supervisor) {}

  /** The runs that there are. */
  record Runs(List<LiveRun> all) implements NoSerializationVerificationNeeded {}

  /** A training job announces a checkpoint. */
  record Announce(String run, Announcement announcement, ActorRef<Announced> replyTo)
      implements Command {}

  /** Removes a run from everywhere. */
  record Forget(String run, ActorRef<Changed> replyTo) implements Command {}

  /** Adds a series to what is recorded. */
  record Restore(SeriesId series, List<RunEvent> events, ActorRef<Changed> replyTo)
      implements Command {}

  /** What became of a change of the records. */
  record Changed(RecordChanges.Outcome outcome) implements NoSerializationVerificationNeeded {}

  /** What is kept of a run is removed, or could not be. */
  private record Removed(String run, @Nullable Throwable failure, ActorRef<Changed> replyTo)
      implements Command {}

  /** What became of an announcement. */
  record Announced(Announcement.Outcome outcome) implements NoSerializationVerificationNeeded {
    static Announced refused(Announcement.Refusal cause, String message) {
      return new Announced(new Announcement.Outcome.Refused(cause, message));
    }
  }

  /** Nothing of a run is lost from here on. */
  private record Listening() implements Command {}

  private record Heard(News news) implements Command {}

  private record DiscoveryEnded(@Nullable Throwable failure) implements Command {}

  /** A run has ended, or had nothing to end. */
  private record RunOver(String id) implements Command {}

  private record RunFailed(RunSupervisor.Failed failure) implements Command {}

  /**
   * What is monitored.
   *
   * @param probe what all runs are measured with
   * @param holds hold checkpoints while they are evaluated
   * @param onFailure told the cause if the monitor cannot go on
   * @param onEnd told when everything that the monitor was started for has ended
   * @param evidence keeps the worst samples of checkpoints
   * @param store keeps what happens to the runs
   * @param removal removes what is kept of a run
   */
  record Plan(
      RunSources runs,
      Probe probe,
      Holds holds,
      int samplers,
      List<RunListener> listeners,
      Consumer<Throwable> onFailure,
      Runnable onEnd,
      EvidenceStore evidence,
      RunStore store,
      RunRemoval removal) {
    /** Without evidence. */
    Plan(
        RunSources runs,
        Probe probe,
        Holds holds,
        int samplers,
        List<RunListener> listeners,
        Consumer<Throwable> onFailure,
        Runnable onEnd,
        RunStore store) {
      this(
          runs,
          probe,
          holds,
          samplers,
          listeners,
          onFailure,
          onEnd,
          EvidenceStore.NONE,
          store,
          run -> store.forget(run));
    }
  }

  private static final int NAMED_RUNS = 20;

  private final Plan plan;
  private final ActorRef<WorkQueue.Command> queue;
  private final ActorRef<Publisher.Command> publisher;
  private final Map<String, LiveRun> runs = new LinkedHashMap<>();
  private final Set<String> over = new HashSet<>();
  private @Nullable Set<String> awaited;
  private @Nullable ActorRef<DeviceTurns.Command> turns;
  private int samplersMade;
  private @Nullable TrainingEnded trainingEnded;

  private Monitor(ActorContext<Command> context, Plan plan) {
    super(context);
    this.plan = plan;
    publisher =
        context.spawn(
            Publisher.create(
                heardBy(plan.listeners),
                context.messageAdapter(Publisher.Subscribed.class, told -> new Listening())),
            "publisher");
    queue = context.spawn(WorkQueue.create(), "work-queue");
    context.watch(publisher);
    context.watch(queue);
    for (int i = 0; i < plan.samplers; i++) {
      spawnSampler();
    }
  }

  static Behavior<Command> create(Plan plan) {
    return Behaviors.setup(context -> new Monitor(context, plan));
  }

  /** Last, so that everybody else has heard of the end of a run before it is acted upon. */
  private List<RunListener> heardBy(List<RunListener> listeners) {
    ActorRef<Command> self = getContext().getSelf();
    List<RunListener> all = new ArrayList<>(listeners);
    all.add(
        new RunListener() {
          @Override
          public void onEvent(RunEvent event) {
            if (event instanceof RunEvent.RunEnded ended) {
              self.tell(new RunOver(ended.run()));
            }
          }

          @Override
          public void onHistory(History history) {}
        });
    return all;
  }

  private void spawnSampler() {
    ActorRef<Sampler.Command> sampler =
        getContext()
            .spawn(Sampler.create(queue), "sampler-" + ++samplersMade, Sampler.dispatcher());
    getContext().watch(sampler);
  }

  /** The runs, once the publisher hears them; their sources come after them. */
  private void begin() {
    switch (plan.runs) {
      case RunSources.One one -> {
        awaited = Set.of(one.run().settings().id());
        spawnRun(one.run(), true);
      }
      case RunSources.Many many -> {
        ActorRef<Command> self = getContext().getSelf();
        getContext()
            .pipeToSelf(
                many.found()
                    .runForeach(
                        news -> self.tell(new Heard(news)),
                        Materializer.createMaterializer(getContext())),
                (done, failure) -> new DiscoveryEnded(failure));
      }
    }
  }

  private void spawnRun(MonitoredRun run, boolean atOnce) {
    String id = run.settings().id();
    ActorRef<RunSupervisor.Failed> failures =
        getContext().messageAdapter(RunSupervisor.Failed.class, RunFailed::new);
    ActorRef<RunSupervisor.NothingToEnd> ends =
        getContext()
            .messageAdapter(RunSupervisor.NothingToEnd.class, told -> new RunOver(told.id()));
    ActorRef<RunSupervisor.Command> supervisor =
        getContext()
            .spawn(
                RunSupervisor.create(
                    run,
                    new SharedParts(
                        plan.probe,
                        queue,
                        turnsFor(run.settings().pace()),
                        plan.holds,
                        plan.evidence,
                        plan.store),
                    atOnce,
                    failures,
                    ends),
                "run-" + id);
    getContext().watch(supervisor);
    runs.put(id, new LiveRun(run.settings(), supervisor));
    if (trainingEnded != null) {
      supervisor.tell(new RunSupervisor.EndWhenListed(trainingEnded));
    }
  }

  /** One budget for all runs, since they share the samplers; their settings share it, too. */
  private @Nullable ActorRef<DeviceTurns.Command> turnsFor(Pace pace) {
    Double budget = pace.budget();
    if (budget == null) {
      return null;
    }
    ActorRef<DeviceTurns.Command> shared = turns;
    if (shared == null) {
      shared = getContext().spawn(DeviceTurns.create(budget), "device-turns");
      getContext().watch(shared);
      turns = shared;
    }
    return shared;
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    switch (message) {
      case Listening m -> begin();
      case Heard m -> heard(m.news);
      case DiscoveryEnded m -> {
        Throwable failure = m.failure;
        if (failure != null) {
          plan.onFailure.accept(
              new IllegalStateException("the source of runs failed: " + failure, failure));
        }
      }
      case RunFailed m -> failed(m.failure);
      case RunOver m -> {
        over.add(m.id);
        LiveRun run = runs.get(m.id);
        if (run != null) {
          run.supervisor.tell(new RunSupervisor.Over());
        }
        endIfDone();
      }
      case TrainingEnded m -> {
        trainingEnded = m;
        runs.values().forEach(run -> run.supervisor.tell(new RunSupervisor.EndWhenListed(m)));
      }
      case Announce m -> announce(m);
      case Forget m -> forget(m);
      case Restore m -> restore(m);
      case Removed m -> removed(m);
      case GetRuns m -> m.replyTo.tell(new Runs(List.copyOf(runs.values())));
    }
    return this;
  }

  private void forget(Forget asked) {
    LiveRun run = runs.get(asked.run);
    if (run != null && !over.contains(asked.run)) {
      asked.replyTo.tell(
          new Changed(
              new RecordChanges.Outcome.Refused(
                  "run \"%s\" is being watched: let it end, or stop the monitor, and forget it then"
                      .formatted(asked.run))));
      return;
    }
    if (run != null) {
      runs.remove(asked.run);
      getContext().unwatch(run.supervisor);
      getContext().stop(run.supervisor);
    }
    Executor blocking =
        getContext().getSystem().dispatchers().lookup(DispatcherSelector.blocking());
    getContext()
        .pipeToSelf(
            CompletableFuture.runAsync(
                () -> {
                  try {
                    plan.removal.forget(asked.run);
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                },
                blocking),
            (done, failure) -> new Removed(asked.run, failure, asked.replyTo));
  }

  /** What a run that is here writes must not be written beside it. */
  private void restore(Restore asked) {
    String id = asked.series.run();
    if (runs.containsKey(id)) {
      asked.replyTo.tell(
          new Changed(
              new RecordChanges.Outcome.Refused(
                  "run \"%s\" is before the monitor: forget it first, or restore into another --data-dir"
                      .formatted(id))));
      return;
    }
    Executor blocking =
        getContext().getSystem().dispatchers().lookup(DispatcherSelector.blocking());
    blocking.execute(() -> asked.replyTo.tell(new Changed(restored(plan.store, asked))));
  }

  private static RecordChanges.Outcome restored(RunStore store, Restore asked) {
    try {
      if (store.seriesOf(asked.series.run()).contains(asked.series)) {
        return new RecordChanges.Outcome.Refused(
            "the series of run \"%s\" is recorded here: forget the run first"
                .formatted(asked.series.run()));
      }
      store.append(asked.series, asked.events);
      return new RecordChanges.Outcome.Done();
    } catch (IOException e) {
      return new RecordChanges.Outcome.Refused(
          "run \"%s\" could not be restored: %s".formatted(asked.series.run(), e.getMessage()));
    }
  }

  private void removed(Removed message) {
    publisher.tell(new Publisher.Remove(message.run));
    Throwable failure = message.failure;
    if (failure != null) {
      getContext().getLog().error("run {} cannot be forgotten", message.run, failure);
    }
    message.replyTo.tell(
        new Changed(
            failure == null
                ? new RecordChanges.Outcome.Done()
                : new RecordChanges.Outcome.Refused(
                    "not all of run \"%s\" could be removed (%s): forget it again"
                        .formatted(message.run, failure.getMessage()))));
  }

  private void announce(Announce asked) {
    LiveRun run = runs.get(asked.run);
    if (run != null) {
      run.supervisor.tell(new RunSupervisor.Announce(asked.announcement, asked.replyTo));
      return;
    }
    String known =
        runs.isEmpty()
            ? "none is there yet"
            : "there %s %s%s"
                .formatted(
                    runs.size() == 1 ? "is" : "are",
                    runs.keySet().stream().limit(NAMED_RUNS).collect(Collectors.joining(", ")),
                    runs.size() > NAMED_RUNS
                        ? " and %d more".formatted(runs.size() - NAMED_RUNS)
                        : "");
    asked.replyTo.tell(
        Announced.refused(
            Announcement.Refusal.UNKNOWN_RUN,
            "no run \"%s\" is watched: %s".formatted(asked.run, known)));
  }

  private void heard(News news) {
    switch (news) {
      case News.Found found -> {
        if (plan.runs instanceof RunSources.Many many) {
          spawnRun(many.describe().apply(found.name(), found.directory()), false);
        }
      }
      case News.Listed listed -> {
        if (plan.runs instanceof RunSources.Many many && many.once()) {
          awaited = Set.copyOf(runs.keySet());
          endIfDone();
        }
      }
      case News.Problem problem -> {
        getContext().getLog().warn("{}", problem.message());
        if (plan.runs instanceof RunSources.Many many && many.once()) {
          plan.onFailure.accept(
              new EvaluationException(
                  BadInputException.Reason.UNREADABLE.label(), problem.message()));
        }
      }
      case News.Recovered recovered -> getContext().getLog().info("{}", recovered.message());
    }
  }

  private void endIfDone() {
    Set<String> all = awaited;
    if (all != null && over.containsAll(all)) {
      plan.onEnd.run();
    }
  }

  private void failed(RunSupervisor.Failed failure) {
    LiveRun run = failure.isOver() ? runs.remove(failure.id()) : runs.get(failure.id());
    switch (plan.runs) {
      case RunSources.One one -> plan.onFailure.accept(failure.cause());
      case RunSources.Many many -> {
        if (run != null) {
          String message = String.valueOf(failure.cause().getMessage());
          getContext().getLog().error("run {} ends: {}", failure.id(), message);
          many.complaints()
              .accept("run %s ends: %s".formatted(run.settings.displayName(), message));
          if (failure.isOver()) {
            over.add(failure.id());
            endIfDone();
          } else {
            run.supervisor.tell(new RunSupervisor.EndNow(message));
          }
        }
      }
    }
  }

  @Override
  public Behavior<Command> onSignal(Signal signal) {
    if (signal instanceof Terminated terminated) {
      ActorRef<Void> gone = terminated.getRef();
      String name = gone.path().name();
      Throwable cause =
          signal instanceof ChildFailed failed
              ? failed.cause()
              : new IllegalStateException("%s stopped".formatted(name));
      boolean isVital =
          gone.path().equals(publisher.path())
              || gone.path().equals(queue.path())
              || (turns != null && gone.path().equals(turns.path()));
      if (isVital) {
        plan.onFailure.accept(cause);
      } else if (name.startsWith("sampler-")) {
        getContext().getLog().error("{} died and is replaced", name);
        spawnSampler();
      } else {
        // One that told of its failure before is no longer among them.
        runs.values().stream()
            .filter(run -> run.supervisor.path().equals(gone.path()))
            .findFirst()
            .ifPresent(run -> failed(new RunSupervisor.Failed(run.settings.id(), cause, true)));
      }
    }
    return this;
  }
}
