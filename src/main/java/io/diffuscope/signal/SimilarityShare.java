package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Proportions;
import java.util.BitSet;
import java.util.List;
import java.util.function.DoublePredicate;
import org.jspecify.annotations.Nullable;

/** A share of samples by what the descriptor sees of them, with Wilson's interval. */
abstract class SimilarityShare implements Signal {
  private final String name;
  private final Reference reference;
  private final BitSet seen = new BitSet();
  private long samples;
  private long hits;

  SimilarityShare(String name, Reference reference) {
    this.name = name;
    this.reference = reference;
  }

  /** What the model is compared with. */
  public final Reference reference() {
    return reference;
  }

  /** Which samples of a block count, {@code [count]}; null where it says nothing of them. */
  abstract boolean @Nullable [] counted(Observation block);

  /** Fewer samples than these are no result. */
  long least() {
    return 1;
  }

  static boolean[] where(double[] similarities, DoublePredicate condition) {
    boolean[] counted = new boolean[similarities.length];
    for (int i = 0; i < counted.length; i++) {
      counted[i] = condition.test(similarities[i]);
    }
    return counted;
  }

  @Override
  public final void observe(Observation observation) {
    boolean[] counted = counted(observation);
    if (counted != null && !seen.get(observation.block())) {
      seen.set(observation.block());
      for (boolean hit : counted) {
        hits += hit ? 1 : 0;
      }
      samples += counted.length;
    }
  }

  @Override
  public final List<SignalEstimate> estimates(boolean complete) {
    return samples == 0 || (complete && samples < least())
        ? List.of()
        : List.of(
            SignalEstimate.of(name, reference, Statistic.SHARE, Proportions.share(hits, samples)));
  }
}
