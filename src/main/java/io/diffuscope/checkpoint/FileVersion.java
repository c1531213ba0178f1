package io.diffuscope.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * What tells one content of a file from the next without reading it.
 *
 * @param size length in bytes
 * @param modifiedNanos modification time, nanoseconds since the epoch, as the file system gives it
 * @param fileKey the inode, or an object's entity tag; empty where the platform has none. The
 *     device is left out on purpose: network file systems get another device number with every
 *     mount
 */
public record FileVersion(long size, long modifiedNanos, String fileKey) {

  /** Reads the version of a regular file, following symbolic links. */
  public static FileVersion of(Path file) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    return of(file, attributes);
  }

  /** The modification time. */
  Instant modified() {
    return Instant.ofEpochSecond(0, modifiedNanos);
  }

  static FileVersion of(Path file, BasicFileAttributes attributes) throws IOException {
    return new FileVersion(
        attributes.size(), nanos(attributes.lastModifiedTime()), inode(file, attributes));
  }

  private static long nanos(FileTime time) {
    return time.to(TimeUnit.NANOSECONDS);
  }

  private static String inode(Path file, BasicFileAttributes attributes) throws IOException {
    if (attributes.fileKey() == null) {
      return "";
    }
    if (!file.getFileSystem().supportedFileAttributeViews().contains("unix")) {
      // Of an object in a bucket: its entity tag.
      return Objects.toString(attributes.fileKey(), "");
    }
    Map<String, Object> unix = Files.readAttributes(file, "unix:ino");
    return Objects.toString(unix.get("ino"), "");
  }
}
