package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.sampling.Observation.IcrObservation;
import io.diffuscope.statistics.Icr;
import io.diffuscope.tensorfile.BadInputException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The ICR of arXiv 2606.09718 from two noisy views of each of some training images. */
final class IcrTask implements Task<IcrObservation> {
  private static final Logger log = LoggerFactory.getLogger(IcrTask.class);

  /** Equations of this many unknowns are solved eleven times: some minutes. */
  static final int MOST_FEATURES = 2048;

  private final NDManager manager;
  private final NoisyFeatures first;
  private final NoisyFeatures second;
  private final int images;
  private @Nullable Icr icr;
  private boolean ended;

  /**
   * Both views.
   *
   * @param images how many
   */
  IcrTask(NDManager parent, NoisyFeatures first, NoisyFeatures second, int images) {
    this.manager = parent.newSubManager();
    this.first = first;
    this.second = second;
    this.images = images;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (ended) {
      return false;
    }
    if (first.advance(manager) || second.advance(manager)) {
      return true;
    }
    try {
      Icr known = icr;
      if (known == null) {
        icr = Icr.begin(first.rows(0, images), second.rows(0, images), Icr.DEFAULT_RIDGE);
        return true;
      }
      ended = !known.advance();
    } catch (IllegalArgumentException e) {
      // Such as of a representation that is the same for every input: nothing went wrong here.
      log.warn("icr is not measured of this checkpoint: {}", e.getMessage());
      icr = null;
      ended = true;
    }
    return !ended;
  }

  @Override
  public double progress() {
    Icr known = icr;
    double computed = ended ? 1 : known == null ? 0 : known.progress();
    return (first.progress() + second.progress() + computed) / 3;
  }

  @Override
  public IcrObservation result() {
    Icr known = icr;
    return new IcrObservation(0, known == null ? null : known.result());
  }

  @Override
  public void close() {
    manager.close();
  }
}
