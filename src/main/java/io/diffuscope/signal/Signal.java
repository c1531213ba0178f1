package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import java.util.List;

/**
 * Folds the observations of one checkpoint into estimates that sharpen as they arrive.
 *
 * <p>Observations may come in any order: partial sums are kept by block and reduced in block order,
 * so that the final digits do not depend on who computed which block first. One instance serves one
 * checkpoint, from one thread.
 */
public interface Signal {
  /** Takes an observation in; kinds that mean nothing to this signal are ignored. */
  void observe(Observation observation);

  /**
   * The estimates so far; empty before the first observation.
   *
   * @param complete whether all observations are in: what is expensive, or meaningful for all
   *     samples together only, is left out before that
   */
  List<SignalEstimate> estimates(boolean complete);
}
