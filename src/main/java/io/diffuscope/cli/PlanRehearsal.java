package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.BlockTimes;
import io.diffuscope.sampling.EvaluationCost;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.Rehearsal;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.sampling.TimedTask;
import io.diffuscope.sampling.Workload;
import io.diffuscope.tensorfile.BadInputException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What {@code plan} times on the device, each piece for a few seconds at most. Preparation that
 * ends in that time is kept in the caches, where a monitor finds it.
 *
 * @param cost of one checkpoint
 * @param workload what it consists of
 * @param geometry the sets' numbers; where they were not found in the time given, those of sets
 *     without duplicates
 * @param geometryFound whether they were
 * @param preparation seconds that are left of each part of it, by name; 0 for what is in the cache
 * @param featureDimension elements of a feature vector; 0 where points are compared as they are
 * @param parameters of the network
 */
record PlanRehearsal(
    EvaluationCost cost,
    Workload workload,
    GeometrySummary geometry,
    boolean geometryFound,
    Map<String, Remaining> preparation,
    int featureDimension,
    long parameters) {
  /** Seconds that a part of the preparation is tried for. */
  private static final double TRY_SECONDS = 3;

  /** Seconds that a piece of an evaluation is repeated for. */
  private static final double REPEAT_SECONDS = 1.5;

  /**
   * Of one part of the preparation.
   *
   * @param seconds what is left takes
   * @param remark what was there and what was extrapolated
   */
  record Remaining(double seconds, String remark) {}

  /**
   * Times everything.
   *
   * @param checkpoint whose weights are used; null for the template's own
   * @param doing is told what is being done
   */
  static PlanRehearsal of(
      Probe probe, ProbeDevice device, @Nullable Checkpoint checkpoint, Consumer<String> doing)
      throws BadInputException {
    doing.accept("loading weights");
    double loading = loading(device, checkpoint);

    doing.accept("timing the comparison of the sets");
    Map<String, Remaining> preparation = new LinkedHashMap<>();
    boolean stored = device.hasStoredGeometry();
    TimedTask<SetGeometry> found = TimedTask.run(device.geometry(), TRY_SECONDS, System::nanoTime);
    SetGeometry geometry = found.result();
    preparation.put(
        "geometry of the sets",
        new Remaining(
            found.whole() ? 0 : found.seconds(),
            stored
                ? "in the cache"
                : found.whole()
                    ? "in the cache now, found in " + PlanReport.duration(found.seconds())
                    : "extrapolated"));
    for (Reference reference : probe.references()) {
      doing.accept("timing the flow of the %s".formatted(reference.label()));
      preparation.put("flow of " + reference.label(), flow(probe, device, reference));
    }

    Rehearsal rehearsal = device.rehearsal(System::nanoTime, REPEAT_SECONDS);
    doing.accept("timing the network");
    double call = rehearsal.call();
    double noise = rehearsal.noise();
    doing.accept("timing the comparison of samples");
    double feature = rehearsal.feature();
    double comparison = rehearsal.comparison(geometry);
    doing.accept("timing the denoising loss");
    double[] losses = rehearsal.losses(geometry);
    BlockTimes times =
        new BlockTimes(
            loading,
            call,
            noise,
            feature,
            comparison,
            losses == null ? 0 : losses[0],
            losses == null ? 0 : losses[1]);
    GeometrySummary summary = geometry == null ? withoutDuplicates(probe) : geometry.summary();
    Workload workload = Workload.of(probe, summary.comparedHoldout(), rehearsal.featureDimension());
    return new PlanRehearsal(
        workload.cost(times),
        workload,
        summary,
        geometry != null,
        preparation,
        rehearsal.featureDimension(),
        device.parameterCount());
  }

  /** The second time, when the file is in the system's memory, as it is after it was written. */
  private static double loading(ProbeDevice device, @Nullable Checkpoint checkpoint)
      throws BadInputException {
    if (checkpoint == null) {
      return 0;
    }
    device.useCheckpoint(checkpoint.identity(), checkpoint.weights());
    long start = System.nanoTime();
    device.useCheckpoint(checkpoint.identity() + " again", checkpoint.weights());
    return (System.nanoTime() - start) * 1e-9;
  }

  private static Remaining flow(Probe probe, ProbeDevice device, Reference reference)
      throws BadInputException {
    int blocks = probe.sampleBlocks();
    int missing = 0;
    int first = -1;
    for (int block = blocks - 1; block >= 0; block--) {
      if (!device.hasReferenceBlock(reference, block)) {
        missing++;
        first = block;
      }
    }
    if (missing == 0) {
      return new Remaining(0, "in the cache");
    }
    TimedTask<Integer> timed =
        TimedTask.run(device.referenceBlock(reference, first), TRY_SECONDS, System::nanoTime);
    int left = timed.whole() ? missing - 1 : missing;
    return new Remaining(
        left * timed.seconds(),
        "%d of %d blocks in the cache, one takes %s%s"
            .formatted(
                blocks - left,
                blocks,
                PlanReport.duration(timed.seconds()),
                timed.whole() ? "" : " (extrapolated)"));
  }

  private static GeometrySummary withoutDuplicates(Probe probe) {
    int train = Math.toIntExact(probe.train().size());
    long holdout = probe.holdout() == null ? 0 : probe.holdout().size();
    return new GeometrySummary(0, train, (int) Math.min(train, holdout), 0, 0, 0, null);
  }
}
