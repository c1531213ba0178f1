package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a path is as a source of checkpoints.
 *
 * @param layout its name; null where none is recognised, or the path is a checkpoint itself
 * @param why by what it was recognised, or what is there instead
 * @param others layouts that would recognise the same directory; the first by precedence is taken
 * @param checkpoints in order of steps, those without a step last
 * @param weights the copy of the weights that was asked for
 */
public record Inspection(
    @Nullable String layout,
    String why,
    List<String> others,
    List<Found> checkpoints,
    String weights) {

  /**
   * One checkpoint.
   *
   * @param weights what would be read; null while it is not there
   * @param choice how the weights were chosen and what else is there; may be empty
   * @param problem why it cannot be read, in one sentence: a marker that is missing, or what is
   *     wrong with its structure; null where it is complete
   * @param awaitsMarker whether the problem is a missing marker, which {@code checkpoints.markers =
   *     ignored} does without
   * @param modified when its weights were last written; null while there are none
   */
  public record Found(
      Path path,
      @Nullable Long step,
      @Nullable WeightsLocation weights,
      String choice,
      @Nullable String problem,
      boolean awaitsMarker,
      @Nullable Instant modified) {
    public boolean isComplete() {
      return problem == null;
    }
  }
}
