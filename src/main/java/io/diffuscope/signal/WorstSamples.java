package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.EvidenceObservation;
import io.diffuscope.sampling.WorstSample;
import java.util.List;
import java.util.TreeSet;

/**
 * The samples of a checkpoint that are most of a copy, of all its blocks, in any order. No
 * estimate: it is what a person looks at.
 */
public final class WorstSamples {
  private final int most;
  private final TreeSet<WorstSample> worst = new TreeSet<>(WorstSample.WORST_FIRST);

  /**
   * None yet.
   *
   * @param most how many are kept
   */
  public WorstSamples(int most) {
    this.most = most;
  }

  /** Takes the worst of a block in; anything else is passed over. */
  public void observe(Observation observation) {
    if (observation instanceof EvidenceObservation evidence) {
      worst.addAll(evidence.worst());
      while (worst.size() > most) {
        worst.pollLast();
      }
    }
  }

  /** Worst first. */
  public List<WorstSample> worst() {
    return List.copyOf(worst);
  }
}
