package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The private hold of a checkpoint's weights: where they are really read while the training goes
 * on.
 *
 * @param weights links to the files, or copies of them, under the same names
 * @param version what the linked files were when the hold was taken; null for a copy, which nobody
 *     else writes
 */
public record HeldWeights(WeightsLocation weights, @Nullable String version) {
  /**
   * Whether the content still is what was held. A link shares its bytes with the training job: a
   * job that writes into the file, in place of a new one, changes what the link shows.
   */
  boolean isCurrent() throws IOException {
    return version == null || version.equals(versionOf(weights.file()));
  }

  /** What tells one content of held files from the next. */
  static String versionOf(Path weights) throws IOException {
    return new WeightVersions().of(weights).text();
  }
}
