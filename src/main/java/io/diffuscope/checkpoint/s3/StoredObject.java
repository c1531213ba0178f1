package io.diffuscope.checkpoint.s3;

import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;

/**
 * An object as the store describes it. An object never changes: a key is given another one.
 *
 * @param size in bytes
 * @param modified when it was stored, in whole seconds: some answers tell no more
 * @param etag tells one content of a key from the next; without quotes
 */
record StoredObject(String bucket, String key, long size, Instant modified, String etag) {

  /** How messages name it. */
  String name() {
    return S3FileSystemProvider.SCHEME + "://" + bucket + "/" + key;
  }

  BasicFileAttributes attributes() {
    return new Attributes(size, FileTime.from(modified), etag, false);
  }

  /** What is known of keys in common: that there are some. */
  static BasicFileAttributes ofDirectory(String key) {
    return new Attributes(0, FileTime.fromMillis(0), key, true);
  }

  private record Attributes(
      long size, FileTime lastModifiedTime, String fileKey, boolean isDirectory)
      implements BasicFileAttributes {
    @Override
    public FileTime lastAccessTime() {
      return lastModifiedTime;
    }

    @Override
    public FileTime creationTime() {
      return lastModifiedTime;
    }

    @Override
    public boolean isRegularFile() {
      return !isDirectory;
    }

    @Override
    public boolean isSymbolicLink() {
      return false;
    }

    @Override
    public boolean isOther() {
      return false;
    }
  }
}
