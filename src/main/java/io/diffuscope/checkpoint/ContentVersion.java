package io.diffuscope.checkpoint;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;

/**
 * What tells one content of a checkpoint from the next without reading it, be it one file or many.
 *
 * @param text equal for equal versions of the same files; for several files a digest, so that an
 *     identity stays short
 * @param modifiedNanos the latest modification time of all files, nanoseconds since the epoch
 */
record ContentVersion(String text, long modifiedNanos) {
  /** Nothing was written yet. */
  static final ContentVersion NONE = new ContentVersion("", 0);

  private static final int DIGEST_BYTES = 16;

  static ContentVersion of(FileVersion version) {
    return new ContentVersion(textOf(version), version.modifiedNanos());
  }

  /** The version of one or more files. */
  static ContentVersion of(SortedMap<Path, FileVersion> files) {
    if (files.size() == 1) {
      return of(files.firstEntry().getValue());
    }
    MessageDigest digest = sha256();
    long modified = 0;
    for (Map.Entry<Path, FileVersion> file : files.entrySet()) {
      String line = file.getKey() + "\0" + textOf(file.getValue()) + "\n";
      digest.update(line.getBytes(StandardCharsets.UTF_8));
      modified = Math.max(modified, file.getValue().modifiedNanos());
    }
    String hex = HexFormat.of().formatHex(digest.digest(), 0, DIGEST_BYTES);
    return new ContentVersion(files.size() + "-files-" + hex, modified);
  }

  private static String textOf(FileVersion version) {
    return "%d-%d-%s".formatted(version.size(), version.modifiedNanos(), version.fileKey());
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
