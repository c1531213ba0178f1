package io.diffuscope.signal;

import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Estimate;
import org.jspecify.annotations.Nullable;

/**
 * One estimate with the coordinates that tell it from all others of a checkpoint.
 *
 * @param signal the signal's name, which is also its metric's name, for example {@code pfd}
 * @param reference what the model was compared with; null where a signal has no single reference
 * @param statistic which number of the signal
 * @param sigma the noise level, for signals that have one value per level; else null
 * @param estimate the number and its error
 */
public record SignalEstimate(
    String signal,
    @Nullable Reference reference,
    Statistic statistic,
    @Nullable Double sigma,
    Estimate estimate) {

  public static SignalEstimate of(
      String signal, @Nullable Reference reference, Statistic statistic, Estimate estimate) {
    return new SignalEstimate(signal, reference, statistic, null, estimate);
  }
}
