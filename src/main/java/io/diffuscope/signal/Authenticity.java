package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Proportions;
import java.util.BitSet;
import java.util.List;

/**
 * Authenticity (Alaa et al. 2022, arXiv 2102.08921): the share of samples x with d(x, x*) above the
 * distance of x* to the nearest other training image, x* being the training image nearest to x;
 * here in the descriptor's features.
 */
public final class Authenticity implements Signal {
  private final BitSet seen = new BitSet();
  private long samples;
  private long hits;

  @Override
  public void observe(Observation observation) {
    if (observation instanceof SimilarityObservation block && !seen.get(block.block())) {
      seen.set(block.block());
      for (boolean authentic : block.authentic()) {
        hits += authentic ? 1 : 0;
      }
      samples += block.authentic().length;
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    return samples == 0
        ? List.of()
        : List.of(
            SignalEstimate.of(
                SignalNames.AUTHENTICITY,
                Reference.TRAIN,
                Statistic.SHARE,
                Proportions.share(hits, samples)));
  }
}
