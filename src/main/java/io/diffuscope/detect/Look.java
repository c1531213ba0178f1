package io.diffuscope.detect;

import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What detectors see of one checkpoint: its final estimates, never partial ones.
 *
 * @param step training step
 * @param estimates all final estimates of that checkpoint, of one probe
 */
public record Look(long step, List<SignalEstimate> estimates) {
  public Look {
    estimates = List.copyOf(estimates);
  }

  /** The estimate with these coordinates, if the checkpoint has it. */
  public Optional<Estimate> find(
      String signal, @Nullable Reference reference, Statistic statistic) {
    return estimates.stream()
        .filter(e -> e.signal().equals(signal))
        .filter(e -> e.reference() == reference)
        .filter(e -> e.statistic() == statistic)
        .filter(e -> Objects.isNull(e.sigma()))
        .map(SignalEstimate::estimate)
        .findFirst();
  }
}
