package io.diffuscope.checkpoint.s3;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A key of a bucket, or what keys have in common up to a slash. Absolute paths read {@code
 * s3://bucket/key}, relative ones {@code key}. Nothing here asks the object store.
 */
final class S3Path implements Path {
  private static final String SEPARATOR = "/";

  private final S3FileSystem files;
  private final @Nullable String bucket;
  private final List<String> names;

  private S3Path(S3FileSystem files, @Nullable String bucket, List<String> names) {
    this.files = files;
    this.bucket = bucket;
    this.names = List.copyOf(names);
  }

  /** The path of a key; slashes at its ends and in a row count once. */
  static S3Path absolute(S3FileSystem files, String bucket, String key) {
    return new S3Path(files, bucket, split(key));
  }

  static S3Path of(S3FileSystem files, URI uri) {
    String bucket = uri.getAuthority();
    if (bucket == null || bucket.isEmpty()) {
      throw new IllegalArgumentException(
          "%s names no bucket: write s3://BUCKET/PREFIX".formatted(uri));
    }
    return absolute(files, bucket, Objects.requireNonNullElse(uri.getPath(), ""));
  }

  static S3Path of(S3FileSystem files, String text) {
    String start = S3FileSystemProvider.SCHEME + "://";
    if (!text.startsWith(start)) {
      return new S3Path(files, null, split(text));
    }
    String rest = text.substring(start.length());
    int slash = rest.indexOf('/');
    String bucket = slash < 0 ? rest : rest.substring(0, slash);
    if (bucket.isEmpty()) {
      throw new InvalidPathException(text, "it names no bucket: write s3://BUCKET/PREFIX");
    }
    return absolute(files, bucket, slash < 0 ? "" : rest.substring(slash));
  }

  /** This kind of path, or the complaint that file systems were mixed up. */
  static S3Path cast(Path path) {
    if (path instanceof S3Path s3) {
      return s3;
    }
    throw new ProviderMismatchException(path + " is not a path in a bucket");
  }

  private static List<String> split(String key) {
    return Arrays.stream(key.split(SEPARATOR)).filter(name -> !name.isEmpty()).toList();
  }

  /** The bucket of an absolute path. */
  String bucket() {
    if (bucket == null) {
      throw new IllegalStateException(this + " is relative");
    }
    return bucket;
  }

  /** The key without slashes at its ends; empty for the bucket itself. */
  String key() {
    return String.join(SEPARATOR, names);
  }

  /** What the keys of everything below have in common; empty for the bucket itself. */
  String prefix() {
    return names.isEmpty() ? "" : key() + SEPARATOR;
  }

  private S3Path with(List<String> other) {
    return new S3Path(files, bucket, other);
  }

  @Override
  public FileSystem getFileSystem() {
    return files;
  }

  @Override
  public boolean isAbsolute() {
    return bucket != null;
  }

  @Override
  public @Nullable Path getRoot() {
    return bucket == null ? null : with(List.of());
  }

  @Override
  public @Nullable Path getFileName() {
    return names.isEmpty() ? null : new S3Path(files, null, List.of(names.getLast()));
  }

  @Override
  public @Nullable Path getParent() {
    if (names.isEmpty() || (bucket == null && names.size() == 1)) {
      return null;
    }
    return with(names.subList(0, names.size() - 1));
  }

  @Override
  public int getNameCount() {
    return names.size();
  }

  @Override
  public Path getName(int index) {
    return subpath(index, index + 1);
  }

  @Override
  public Path subpath(int begin, int end) {
    if (begin < 0 || begin >= end || end > names.size()) {
      throw new IllegalArgumentException("%s has no parts %d to %d".formatted(this, begin, end));
    }
    return new S3Path(files, null, names.subList(begin, end));
  }

  @Override
  public boolean startsWith(Path other) {
    return other instanceof S3Path prefix
        && Objects.equals(bucket, prefix.bucket)
        && names.size() >= prefix.names.size()
        && names.subList(0, prefix.names.size()).equals(prefix.names);
  }

  @Override
  public boolean endsWith(Path other) {
    if (!(other instanceof S3Path suffix)) {
      return false;
    }
    return suffix.bucket == null
        ? names.size() >= suffix.names.size()
            && names.subList(names.size() - suffix.names.size(), names.size()).equals(suffix.names)
        : equals(suffix);
  }

  @Override
  public Path normalize() {
    List<String> kept = new ArrayList<>();
    for (String name : names) {
      if (name.equals("..") && !kept.isEmpty()) {
        kept.removeLast();
      } else if (!name.equals(".") && !name.equals("..")) {
        kept.add(name);
      }
    }
    return with(kept);
  }

  /** A relative path of any file system names the same parts, such as a shard in an index. */
  @Override
  public Path resolve(Path other) {
    if (other.isAbsolute()) {
      return cast(other);
    }
    List<String> joined = new ArrayList<>(names);
    other.forEach(name -> joined.addAll(split(name.toString())));
    return with(joined);
  }

  @Override
  public Path resolve(String other) {
    return resolve(of(files, other));
  }

  @Override
  public Path relativize(Path other) {
    S3Path target = cast(other);
    if (!Objects.equals(bucket, target.bucket)) {
      throw new IllegalArgumentException("%s and %s have no common root".formatted(this, other));
    }
    int common = 0;
    while (common < Math.min(names.size(), target.names.size())
        && names.get(common).equals(target.names.get(common))) {
      common++;
    }
    List<String> steps = new ArrayList<>();
    for (int i = common; i < names.size(); i++) {
      steps.add("..");
    }
    steps.addAll(target.names.subList(common, target.names.size()));
    return new S3Path(files, null, steps);
  }

  @Override
  public URI toUri() {
    try {
      return new URI(S3FileSystemProvider.SCHEME, bucket(), SEPARATOR + key(), null, null);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(this + " has no URI", e);
    }
  }

  @Override
  public Path toAbsolutePath() {
    if (bucket == null) {
      throw new IllegalStateException(this + " is relative, and buckets have no working directory");
    }
    return this;
  }

  @Override
  public Path toRealPath(LinkOption... options) {
    return toAbsolutePath().normalize();
  }

  @Override
  public WatchKey register(
      WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
    throw new UnsupportedOperationException("buckets are polled");
  }

  @Override
  public int compareTo(Path other) {
    return toString().compareTo(cast(other).toString());
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof S3Path path
        && Objects.equals(bucket, path.bucket)
        && names.equals(path.names);
  }

  @Override
  public int hashCode() {
    return Objects.hash(bucket, names);
  }

  @Override
  public String toString() {
    return bucket == null ? key() : S3FileSystemProvider.SCHEME + "://" + bucket + "/" + key();
  }
}
