package io.diffuscope.run;

import io.diffuscope.sampling.SampleStore;
import java.io.IOException;

/** Removes a run from everywhere in a data directory; nobody may be writing it. */
@FunctionalInterface
public interface RunRemoval {
  /**
   * Removes it.
   *
   * @throws IOException if something cannot be removed
   */
  void forget(String run) throws IOException;

  /**
   * Removes evidence, samples and, last of all, the record: one that was interrupted is still
   * listed, and can be removed again.
   */
  static RunRemoval from(RunStore store, EvidenceStore evidence, SampleStore samples) {
    return run -> {
      evidence.forget(run);
      samples.forget(run);
      store.forget(run);
    };
  }
}
