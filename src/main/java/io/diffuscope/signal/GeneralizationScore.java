package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.sampling.Reference;
import org.jspecify.annotations.Nullable;

/**
 * GL, the share of samples that are no copies: those whose largest similarity to a training image
 * is at most a threshold (arXiv 2310.05264, with SSCD and 0.6).
 */
public final class GeneralizationScore extends SimilarityShare {
  private final double threshold;

  /** A fold at this threshold of the cosine similarity. */
  public GeneralizationScore(double threshold) {
    super(SignalNames.GL, Reference.TRAIN);
    this.threshold = threshold;
  }

  @Override
  boolean @Nullable [] counted(Observation block) {
    return block instanceof SimilarityObservation seen
        ? where(seen.toTrain(), similarity -> similarity <= threshold)
        : null;
  }
}
