package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Proportions;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * RP, the share of noises from which the model and a reference make the same image: those whose two
 * endpoints have a similarity above a threshold (arXiv 2310.05264, with SSCD and 0.6).
 */
public final class Reproducibility implements Signal {
  private final Reference reference;
  private final double threshold;
  private final BitSet seen = new BitSet();
  private long samples;
  private long hits;

  /** A fold of the pairs with this reference, at this threshold of the cosine similarity. */
  public Reproducibility(Reference reference, double threshold) {
    this.reference = reference;
    this.threshold = threshold;
  }

  /** What the model is compared with. */
  public Reference reference() {
    return reference;
  }

  @Override
  public void observe(Observation observation) {
    if (!(observation instanceof SimilarityObservation block) || seen.get(block.block())) {
      return;
    }
    double[] pairs = block.pairs().get(reference);
    if (pairs != null) {
      seen.set(block.block());
      hits += Arrays.stream(pairs).filter(s -> s > threshold).count();
      samples += pairs.length;
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    return samples == 0
        ? List.of()
        : List.of(
            SignalEstimate.of(
                SignalNames.RP, reference, Statistic.SHARE, Proportions.share(hits, samples)));
  }
}
