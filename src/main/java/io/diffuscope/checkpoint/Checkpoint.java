package io.diffuscope.checkpoint;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.tensorfile.Locations;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint as the rest of Diffuscope knows it.
 *
 * @param identity opaque and unique within a monitor; two different contents never share it
 * @param path absolute path of the checkpoint, a file or a directory, as text so that it can travel
 *     between processes
 * @param step training step of its name; null where the name has none
 * @param weights what is read of it
 * @param modified when it was written, as its storage tells; null where that is not known. Only
 *     compared with that of other checkpoints in the same place, never with a clock
 * @param held where it is read in place of {@code weights} while it is evaluated; null where it is
 *     read where it lies
 */
public record Checkpoint(
    String identity,
    String path,
    @Nullable Long step,
    WeightsLocation weights,
    @Nullable Instant modified,
    @Nullable HeldWeights held) {
  /** A checkpoint that is read where it lies. */
  public Checkpoint(
      String identity,
      String path,
      @Nullable Long step,
      WeightsLocation weights,
      @Nullable Instant modified) {
    this(identity, path, step, weights, modified, null);
  }

  /** A checkpoint of which nobody knows when it was written. */
  public Checkpoint(String identity, String path, @Nullable Long step, WeightsLocation weights) {
    this(identity, path, step, weights, null, null);
  }

  /** A checkpoint that is one file of weights. */
  public static Checkpoint ofFile(String identity, String path, @Nullable Long step) {
    return ofFile(identity, path, step, null);
  }

  /** A checkpoint that is one file of weights, written at a known time. */
  public static Checkpoint ofFile(
      String identity, String path, @Nullable Long step, @Nullable Instant modified) {
    return new Checkpoint(identity, path, step, new WeightsLocation(path, null), modified);
  }

  /** Before a step that was told of a content after that had been reported without one. */
  private static final String TOLD_STEP = "!step=";

  /**
   * The same content under a step that was told of it later. It is another checkpoint to a run,
   * which may have evaluated the content without a step by then.
   *
   * @throws IllegalStateException if there is a step
   */
  Checkpoint withStepTold(long told) {
    if (step != null) {
      throw new IllegalStateException(path + " has step " + step);
    }
    return new Checkpoint(identity + TOLD_STEP + told, path, told, weights, modified, held);
  }

  /** Whether its step was told only after the content had been reported without one. */
  @JsonIgnore
  public boolean isStepTold() {
    return step != null && identity.endsWith(TOLD_STEP + step);
  }

  /** The identity without what was told of it later. */
  @JsonIgnore
  String contentIdentity() {
    return isStepTold() ? identity.substring(0, identity.lastIndexOf(TOLD_STEP)) : identity;
  }

  /** Whether another one is what became of this: written again, not the next step of a name. */
  public boolean isReplacedBy(Checkpoint other) {
    boolean sameStep = step == null || other.step == null || step.equals(other.step);
    return sameStep && path.equals(other.path);
  }

  @JsonIgnore
  public Path file() {
    return Locations.pathOf(path);
  }

  /** The file's own name, for people. */
  @JsonIgnore
  public String name() {
    return String.valueOf(file().getFileName());
  }

  /** The same, read from a private hold. */
  Checkpoint heldAs(HeldWeights hold) {
    return new Checkpoint(identity, path, step, weights, modified, hold);
  }

  /** What is to be opened: the held weights, or the checkpoint's own. */
  public WeightsLocation readFrom() {
    return held == null ? weights : held.weights();
  }

  /** A message in which the checkpoint's own place stands for that of its hold. */
  public String inItsOwnWords(String message) {
    if (held == null) {
      return message;
    }
    return message.replace(folderOf(held.weights()), folderOf(weights));
  }

  private static String folderOf(WeightsLocation location) {
    return String.valueOf(location.file().getParent());
  }
}
