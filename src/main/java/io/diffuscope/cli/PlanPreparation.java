package io.diffuscope.cli;

import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.sampling.TimedTask;
import io.diffuscope.tensorfile.BadInputException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is done once for a probe, as far as a few seconds go; what ends in that time is kept in the
 * caches, where a monitor finds it.
 *
 * @param geometry of the sets; null where the time was up
 * @param parts what is left of each part, by name
 * @param complete whether nothing is left
 */
record PlanPreparation(
    @Nullable SetGeometry geometry, Map<String, Remaining> parts, boolean complete) {
  /** Seconds that a part is tried for. */
  private static final double TRY_SECONDS = 3;

  /**
   * Of one part.
   *
   * @param seconds what is left takes
   * @param remark what was there and what was extrapolated
   */
  record Remaining(double seconds, String remark) {}

  /** Tries each part. */
  static PlanPreparation of(Probe probe, ProbeDevice device, Consumer<String> doing)
      throws BadInputException {
    doing.accept("comparing the sets");
    Map<String, Remaining> parts = new LinkedHashMap<>();
    boolean stored = device.hasStoredGeometry();
    TimedTask<SetGeometry> found = TimedTask.run(device.geometry(), TRY_SECONDS, System::nanoTime);
    parts.put(
        "neighbours in the sets",
        new Remaining(
            found.whole() ? 0 : found.seconds(),
            stored
                ? "in the cache"
                : found.whole()
                    ? "in the cache now, found in " + PlanReport.duration(found.seconds())
                    : "extrapolated"));
    boolean complete = found.whole();
    for (Reference reference : probe.references()) {
      doing.accept("timing the flow of the %s".formatted(reference.label()));
      Remaining left = flow(probe, device, reference);
      parts.put("flow of " + reference.label(), left);
      complete &= left.seconds == 0;
    }
    return new PlanPreparation(found.result(), parts, complete);
  }

  private static Remaining flow(Probe probe, ProbeDevice device, Reference reference)
      throws BadInputException {
    int blocks = probe.sampleBlocks();
    int missing = 0;
    int made = 0;
    double spent = 0;
    double each = 0;
    boolean whole = true;
    for (int block = 0; block < blocks; block++) {
      if (device.hasReferenceBlock(reference, block)) {
        continue;
      }
      if (spent >= TRY_SECONDS) {
        missing++;
        continue;
      }
      TimedTask<Integer> timed =
          TimedTask.run(
              device.referenceBlock(reference, block), TRY_SECONDS - spent, System::nanoTime);
      // Where time was up, the whole of it is extrapolated.
      spent = timed.whole() ? spent + timed.seconds() : TRY_SECONDS;
      each = timed.seconds();
      whole = timed.whole();
      made += timed.whole() ? 1 : 0;
      missing += timed.whole() ? 0 : 1;
    }
    if (missing == 0) {
      return new Remaining(
          0,
          made == 0 ? "in the cache" : "in the cache now, made in " + PlanReport.duration(spent));
    }
    return new Remaining(
        missing * each,
        "%d of %d blocks in the cache, one takes %s%s"
            .formatted(
                blocks - missing,
                blocks,
                PlanReport.duration(each),
                whole ? "" : " (extrapolated)"));
  }
}
