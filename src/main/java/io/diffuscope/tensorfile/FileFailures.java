package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** The failures of the file system in the words of {@link BadInputException}. */
final class FileFailures {
  private FileFailures() {}

  static BadInputException describe(String file, IOException failure) {
    if (failure instanceof BadInputException known) {
      return known;
    }
    if (failure instanceof NoSuchFileException) {
      return new BadInputException(file, Reason.VANISHED, "no such file; check the path", failure);
    }
    if (failure instanceof AccessDeniedException) {
      return new BadInputException(
          file,
          Reason.UNREADABLE,
          "permission denied; let this user read it (chmod, or the umask of its writer)",
          failure);
    }
    return new BadInputException(
        file,
        Reason.UNREADABLE,
        "cannot be read (" + failure + "); check the disk or the network mount",
        failure);
  }

  /** {@code spec} as a path; text that no path can hold is bad input, not a programming error. */
  static Path path(String spec) throws BadInputException {
    try {
      return Path.of(spec);
    } catch (InvalidPathException failure) {
      throw new BadInputException(
          spec, Reason.VANISHED, "not a file name (" + failure.getReason() + ")", failure);
    }
  }
}
