package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.TrialFold;
import io.diffuscope.run.TrialUnits;
import io.diffuscope.sampling.BlockTimes;
import io.diffuscope.sampling.EvaluationCost;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.Rehearsal;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.sampling.Workload;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.Locations;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What {@code plan} times on the device, each piece for a few seconds at most.
 *
 * @param weights what it was timed with
 * @param cost of one checkpoint
 * @param trials whole evaluations that the cost is taken from; null where it is put together from
 *     the times of pieces
 * @param workload what an evaluation consists of
 * @param geometry the sets' numbers; where they were not found in the time given, those of sets
 *     without duplicates
 * @param preparation what is left to do once
 * @param featureDimension elements of a feature vector; 0 where points are compared as they are
 * @param parameters of the network
 */
record PlanRehearsal(
    PlanWeights weights,
    EvaluationCost cost,
    @Nullable TrialEvaluations trials,
    Workload workload,
    GeometrySummary geometry,
    PlanPreparation preparation,
    int featureDimension,
    long parameters) {
  /** Seconds that a piece of an evaluation is repeated for. */
  private static final double REPEAT_SECONDS = 1.5;

  /**
   * Times everything.
   *
   * @param newestFirst the checkpoints that were found
   * @param doing is told what is being done
   */
  static PlanRehearsal of(
      Probe probe,
      ProbeDevice device,
      RunSettings settings,
      List<Checkpoint> newestFirst,
      Consumer<String> doing)
      throws BadInputException {
    doing.accept("loading weights");
    PlanWeights weights = PlanWeights.load(device, newestFirst);
    PlanPreparation preparation = PlanPreparation.of(probe, device, doing);
    SetGeometry geometry = preparation.geometry();
    Rehearsal rehearsal = device.rehearsal(System::nanoTime, REPEAT_SECONDS);
    BlockTimes times = pieces(rehearsal, weights, geometry, doing);
    GeometrySummary summary =
        geometry == null ? GeometrySummary.withoutDuplicates(probe) : geometry.summary();
    Workload workload = Workload.of(probe, summary.comparedHoldout(), rehearsal.featureDimension());
    doing.accept("timing the signals");
    TrialFold fold = TrialFold.of(probe, summary, settings, System::nanoTime);
    TrialFold.Seconds folding = fold.timeStandIns();
    EvaluationCost cost = workload.cost(times).withFolding(folding.sampled(), folding.lossesOnly());
    TrialEvaluations trials = null;
    Checkpoint newest = weights.checkpoint();
    if (geometry != null && preparation.complete() && newest != null) {
      device.useGeometry(geometry);
      TrialUnits units = TrialUnits.of(probe, summary, settings, System::nanoTime);
      doing.accept("timing the other units");
      cost = cost.withOthers(units.others(device, newest, REPEAT_SECONDS));
      if (TrialEvaluations.areShortEnough(cost)) {
        doing.accept("evaluating some of the checkpoints");
        // Of a bucket nothing is fetched beyond that.
        List<Checkpoint> readable =
            Locations.isElsewhere(newest.path())
                ? List.of(newest)
                : newestFirst.subList(newestFirst.indexOf(newest), newestFirst.size());
        trials = TrialEvaluations.of(device, units, fold, readable);
        trials = trials.areEnough() ? trials : null;
      }
    }
    return new PlanRehearsal(
        weights,
        trials == null ? cost : trials.typical(),
        trials,
        workload,
        summary,
        preparation,
        rehearsal.featureDimension(),
        device.parameterCount());
  }

  private static BlockTimes pieces(
      Rehearsal rehearsal,
      PlanWeights weights,
      @Nullable SetGeometry geometry,
      Consumer<String> doing)
      throws BadInputException {
    doing.accept("timing the network");
    double call = rehearsal.call();
    double noise = rehearsal.noise();
    doing.accept("timing the comparison of samples");
    double feature = rehearsal.feature();
    double comparison = rehearsal.comparison(geometry);
    doing.accept("timing the denoising loss");
    double[] losses = rehearsal.losses(geometry);
    return new BlockTimes(
        weights.loading(),
        call,
        noise,
        feature,
        comparison,
        losses == null ? 0 : losses[0],
        losses == null ? 0 : losses[1]);
  }

  /** The same where a checkpoint is held first. */
  PlanRehearsal with(PlanHold hold) {
    return new PlanRehearsal(
        weights,
        cost.withHolding(hold.seconds()),
        trials,
        workload,
        geometry,
        preparation,
        featureDimension,
        parameters);
  }

  /** Whether the units beside samples and denoising losses could be timed. */
  boolean othersTimed() {
    return geometryFound() && preparation.complete() && weights.checkpoint() != null;
  }

  /** Whether the sets were compared in the time given. */
  boolean geometryFound() {
    return preparation.geometry() != null;
  }
}
