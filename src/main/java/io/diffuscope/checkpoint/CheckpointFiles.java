package io.diffuscope.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** From a file to a {@link Checkpoint}: the step in its name, and its identity. */
public final class CheckpointFiles {
  private static final Pattern EXTENSION = Pattern.compile("\\.[A-Za-z][A-Za-z0-9]*$");
  private static final Pattern LAST_DIGITS = Pattern.compile("(\\d+)\\D*$");

  private CheckpointFiles() {}

  /** The checkpoint in a file as it is now; fails where the file is missing or unreadable. */
  public static Checkpoint describe(Path file) throws IOException {
    return of(file, FileVersion.of(file));
  }

  /**
   * Whether a checkpoint's file still is the version that was found. True for a checkpoint whose
   * identity comes from somewhere else than a file's version.
   */
  public static boolean isCurrent(Checkpoint checkpoint) throws IOException {
    return !checkpoint.identity().startsWith(checkpoint.path() + "@")
        || describe(checkpoint.file()).identity().equals(checkpoint.identity());
  }

  /**
   * The checkpoint in a file of this version. The identity holds path, size, modification time and
   * inode also where the name carries a step, because a restarted training writes the same names
   * again.
   */
  static Checkpoint of(Path file, FileVersion version) {
    Path absolute = file.toAbsolutePath().normalize();
    String identity =
        "%s@%d-%d-%s"
            .formatted(absolute, version.size(), version.modifiedNanos(), version.fileKey());
    return Checkpoint.ofFile(
        identity, absolute.toString(), stepOf(fileName(absolute)), version.modified());
  }

  /**
   * The last run of digits in a file name, its extension aside: 1200 for {@code
   * ema_0.999_001200.pt}. Null where there is none, or where it does not fit a long.
   */
  public static @Nullable Long stepOf(String fileName) {
    Matcher digits = LAST_DIGITS.matcher(EXTENSION.matcher(fileName).replaceFirst(""));
    if (!digits.find()) {
      return null;
    }
    try {
      return Long.parseLong(digits.group(1));
    } catch (NumberFormatException e) {
      return null;
    }
  }

  static String fileName(Path path) {
    return String.valueOf(path.getFileName());
  }
}
