package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/**
 * What tells one state of a file from another without reading it.
 *
 * @param size in bytes
 * @param modified the time of the last modification
 * @param key device and inode, where the file system has them
 */
public record FileIdentity(long size, FileTime modified, Optional<Object> key) {

  /**
   * The state that a file is in.
   *
   * @throws BadInputException VANISHED, UNREADABLE, MALFORMED (a directory) or UNSUPPORTED (neither
   *     a file nor a directory)
   */
  public static FileIdentity of(Path file) throws BadInputException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (attributes.isDirectory()) {
        throw new BadInputException(
            file, Reason.MALFORMED, "is a directory; give the path of a file in it");
      }
      if (!attributes.isRegularFile()) {
        throw new BadInputException(
            file, Reason.UNSUPPORTED, "is not a regular file; copy its content into one");
      }
      return of(attributes);
    } catch (IOException failure) {
      throw FileFailures.describe(file.toString(), failure);
    }
  }

  /** The state of a regular file with these attributes. */
  public static FileIdentity of(BasicFileAttributes attributes) {
    return new FileIdentity(
        attributes.size(),
        attributes.lastModifiedTime(),
        Optional.ofNullable(attributes.fileKey()));
  }

  /**
   * Fails unless {@code file} is still in this state.
   *
   * @throws BadInputException CHANGED, or as {@link #of(Path)}
   */
  public void verify(Path file) throws BadInputException {
    FileIdentity now = of(file);
    if (!now.equals(this)) {
      throw new BadInputException(file, Reason.CHANGED, changeTo(now));
    }
  }

  private String changeTo(FileIdentity now) {
    String what =
        now.size != size
            ? "its size went from " + size + " to " + now.size + " bytes"
            : now.key.equals(key) ? "it was modified" : "it was replaced";
    return "changed while it was read (" + what + "); read it again when its writer has finished";
  }
}
