package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.sampling.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Authenticity (Alaa et al. 2022, arXiv 2102.08921): the share of samples x with d(x, x*) above the
 * distance of x* to the nearest other training image, x* being the training image nearest to x;
 * here in the descriptor's features.
 */
public final class Authenticity extends SimilarityShare {
  /** A fold. */
  public Authenticity() {
    super(SignalNames.AUTHENTICITY, Reference.TRAIN);
  }

  @Override
  boolean @Nullable [] counted(Observation block) {
    return block instanceof SimilarityObservation seen ? seen.authentic() : null;
  }
}
