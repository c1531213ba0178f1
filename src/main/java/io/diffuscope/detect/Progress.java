package io.diffuscope.detect;

import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import org.jspecify.annotations.Nullable;

/**
 * What the verdict needs of one evaluated checkpoint.
 *
 * @param step training step
 * @param teacher {@code pfd} to the teacher; null without one
 * @param holdout {@code pfd} to the hold-out, its stand-in; null without one
 */
public record Progress(long step, @Nullable Distance teacher, @Nullable Distance holdout) {

  /** The verdict's part of a look. */
  public static Progress of(Look look) {
    return new Progress(
        look.step(), distance(look, Reference.TEACHER), distance(look, Reference.HOLDOUT));
  }

  private static @Nullable Distance distance(Look look, Reference reference) {
    Estimate rms = look.find(SignalNames.PFD, reference, Statistic.RMS).orElse(null);
    if (rms == null || !Double.isFinite(rms.value())) {
      return null;
    }
    double paired =
        look.find(SignalNames.PFD, reference, Statistic.CHANGE)
            .map(Estimate::standardError)
            .orElse(Double.NaN);
    return new Distance(rms.value(), Double.isFinite(paired) ? paired : rms.standardError());
  }

  /**
   * A root mean square distance.
   *
   * @param value the distance
   * @param error standard error of its change against the checkpoint evaluated before, on the same
   *     noises; where there was none, its own standard error
   */
  public record Distance(double value, double error) {}
}
