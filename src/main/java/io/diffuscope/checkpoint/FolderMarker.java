package io.diffuscope.checkpoint;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A file in a checkpoint's folder that the trainer writes after the weights. One that is older than
 * the weights tells nothing: it comes from before they were written over.
 *
 * @param file its name
 * @param others names of the same file of other processes begin with this; null where there are
 *     none
 * @param slack by how much it may be older, where weights and marker are written on several
 *     machines with clocks of their own
 */
record FolderMarker(String file, @Nullable String others, Duration slack) {
  static FolderMarker of(String file) {
    return new FolderMarker(file, null, Duration.ZERO);
  }

  /**
   * What is missing, as a clause; null where nothing is.
   *
   * @param siblings all checkpoints of the directory
   */
  @Nullable String missing(Folder checkpoint, ContentVersion weights, List<Folder> siblings) {
    FileVersion marker = checkpoint.file(file);
    if (marker == null || marker.modifiedNanos() < weights.modifiedNanos() - slack.toNanos()) {
      return "the trainer has not written %s after the weights".formatted(file);
    }
    if (others == null) {
      return null;
    }
    return othersMissing(checkpoint, marker, siblings, others);
  }

  /**
   * Every process writes a file of its own; how many there are shows in the newest other
   * checkpoint. Once a later checkpoint is there, none of them can still be writing.
   */
  private @Nullable String othersMissing(
      Folder checkpoint, FileVersion marker, List<Folder> siblings, String prefix) {
    Folder newest = null;
    long modified = Long.MIN_VALUE;
    for (Folder sibling : siblings) {
      FileVersion other = sibling.path().equals(checkpoint.path()) ? null : sibling.file(file);
      if (other == null) {
        continue;
      }
      if (other.modifiedNanos() > marker.modifiedNanos()) {
        return null;
      }
      if (other.modifiedNanos() > modified) {
        newest = sibling;
        modified = other.modifiedNanos();
      }
    }
    if (newest == null) {
      return null;
    }
    Set<String> wanted = new TreeSet<>(newest.names());
    wanted.removeIf(name -> !name.startsWith(prefix));
    wanted.removeAll(checkpoint.names());
    return wanted.isEmpty()
        ? null
        : "another process has not written %s, which %s has"
            .formatted(String.join(", ", wanted), newest.path().getFileName());
  }
}
