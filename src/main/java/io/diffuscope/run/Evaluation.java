package io.diffuscope.run;

import akka.NotUsed;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.javadsl.AskPattern;
import akka.japi.Pair;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.EvidenceRequest;
import io.diffuscope.sampling.KeptSamples;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.WorstSample;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalEstimate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The evaluation of one checkpoint as a stream: units of work go to the samplers a few at a time,
 * observations come back in order, signals fold them, and every block sharpens the estimates.
 */
final class Evaluation {
  /**
   * The state of the fold after a block.
   *
   * @param squaredDistances by reference, by noise: for the paired change to the next checkpoint;
   *     empty until complete
   * @param worst samples that are most of a copy, worst first; empty until complete, and where none
   *     are asked for
   * @param weights what the samplers read of the checkpoint, or null
   */
  record Update(
      int done,
      int total,
      List<SignalEstimate> estimates,
      Map<Reference, double[]> squaredDistances,
      List<WorstSample> worst,
      @Nullable WeightsUsed weights) {
    boolean isComplete() {
      return done == total;
    }
  }

  /**
   * The checkpoint that was judged before.
   *
   * @param distances its squared distances by reference, by noise
   * @param checkpoint null where there was none
   */
  record Before(Map<Reference, double[]> distances, @Nullable Checkpoint checkpoint) {}

  private final ActorSystem<?> system;
  private final Executor blocking;
  private final ActorRef<WorkQueue.Command> queue;
  private final Holding holding;
  private final ProbeSpec probe;
  private final @Nullable EvidenceRequest evidence;
  private final int parallelism;
  private final Duration unitTimeout;
  private final InstantSource clock;

  Evaluation(
      ActorSystem<?> system,
      ActorRef<WorkQueue.Command> queue,
      Holding holding,
      RunSettings settings,
      InstantSource clock) {
    this.system = system;
    this.blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
    this.queue = queue;
    this.holding = holding;
    this.probe = settings.probe();
    this.evidence = settings.evidence().request();
    this.parallelism = settings.parallelism();
    this.unitTimeout = settings.unitTimeout();
    this.clock = clock;
  }

  /** Updates block by block, the last one complete; fails with an {@link EvaluationException}. */
  Source<Update, NotUsed> of(Checkpoint checkpoint, EvaluationPlan plan, Before before) {
    KeptSamples kept = plan.place(checkpoint);
    return holding.during(checkpoint, held -> of(plan.units(held), kept, plan, before));
  }

  private Source<Update, NotUsed> of(
      List<WorkUnit> units, @Nullable KeptSamples kept, EvaluationPlan plan, Before before) {
    if (units.isEmpty()) {
      // No signal is due at this checkpoint.
      return Source.single(new Update(0, 0, List.of(), Map.of(), List.of(), null));
    }
    int comparisons = kept == null ? 0 : plan.probe().sampleBlocks();
    return folded(
        measured(units)
            .concatLazy(kept == null ? Source.empty() : compared(kept, plan.kept(), before)),
        () -> plan.signals(before.distances),
        units.size() + comparisons);
  }

  /**
   * As {@link #of}, of a checkpoint of which nothing but the worst samples is wanted.
   *
   * @param blocks of samples, at least one
   */
  Source<Update, NotUsed> worst(Checkpoint checkpoint, int blocks) {
    return holding.during(
        checkpoint,
        held -> {
          List<WorkUnit> units = new ArrayList<>();
          for (int block = 0; block < blocks; block++) {
            units.add(new WorkUnit.SampleBlock(held, block, Set.of()));
          }
          return folded(measured(units), List::of, blocks);
        });
  }

  private Source<WorkOutcome, NotUsed> measured(List<WorkUnit> units) {
    return outcomes(units.stream().map(unit -> unit.withEvidence(evidence)).toList());
  }

  private Source<Update, NotUsed> folded(
      Source<WorkOutcome, NotUsed> outcomes, Supplier<List<Signal>> signals, int total) {
    int mostWorst = evidence == null ? 0 : evidence.pairs();
    return outcomes.statefulMap(
        () -> new Fold(signals.get(), total, mostWorst),
        (fold, outcome) -> {
          WorkOutcome.Observed observed = observed(outcome);
          return Pair.create(fold, fold.add(observed.observations(), observed.weights()));
        },
        fold -> Optional.empty());
  }

  /** Comparisons with what others have kept, looked for when the own samples are complete. */
  private Source<WorkOutcome, NotUsed> compared(
      KeptSamples kept, Comparisons comparisons, Before before) {
    return Source.lazyCompletionStageSource(
            () ->
                CompletableFuture.supplyAsync(
                        () -> comparisons.find(kept, before.checkpoint), blocking)
                    .thenApply(this::outcomes))
        .mapMaterializedValue(ignored -> NotUsed.getInstance());
  }

  /** Outcomes of units, in the units' order; fails with an {@link EvaluationException}. */
  Source<WorkOutcome, NotUsed> outcomes(List<WorkUnit> units) {
    return Source.from(units)
        .mapAsync(parallelism, this::ask)
        .map(
            outcome -> {
              if (outcome instanceof WorkOutcome.Failed failed) {
                throw new EvaluationException(failed.reason(), failed.message());
              }
              return outcome;
            });
  }

  private CompletionStage<WorkOutcome> ask(WorkUnit unit) {
    Instant deadline = clock.instant().plus(unitTimeout);
    return AskPattern.<WorkQueue.Command, WorkOutcome>ask(
            queue,
            replyTo -> new WorkQueue.Submit(probe, unit, deadline, replyTo),
            unitTimeout,
            system.scheduler())
        .exceptionally(failure -> unanswered(unit, failure));
  }

  private WorkOutcome unanswered(WorkUnit unit, Throwable failure) {
    return failure instanceof TimeoutException
        ? new WorkOutcome.Failed(
            FailureReason.TIMEOUT.label(),
            "%s took longer than %d seconds; raise diffuscope.device.unit-timeout"
                .formatted(unit.describe(), unitTimeout.toSeconds()))
        : new WorkOutcome.Failed(FailureReason.INTERNAL.label(), failure.toString());
  }

  private static WorkOutcome.Observed observed(WorkOutcome outcome) {
    if (outcome instanceof WorkOutcome.Observed observed) {
      return observed;
    }
    throw new IllegalStateException("not an observation: " + outcome);
  }
}
