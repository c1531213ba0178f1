package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Proportions;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * GL, the share of samples that are no copies: those whose largest similarity to a training image
 * is at most a threshold (arXiv 2310.05264, with SSCD and 0.6).
 */
public final class GeneralizationScore implements Signal {
  private final double threshold;
  private final BitSet seen = new BitSet();
  private long samples;
  private long hits;

  /** A fold at this threshold of the cosine similarity. */
  public GeneralizationScore(double threshold) {
    this.threshold = threshold;
  }

  @Override
  public void observe(Observation observation) {
    if (observation instanceof SimilarityObservation block && !seen.get(block.block())) {
      seen.set(block.block());
      hits += Arrays.stream(block.toTrain()).filter(s -> s <= threshold).count();
      samples += block.toTrain().length;
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    return samples == 0
        ? List.of()
        : List.of(
            SignalEstimate.of(
                SignalNames.GL,
                Reference.TRAIN,
                Statistic.SHARE,
                Proportions.share(hits, samples)));
  }
}
