package io.diffuscope.checkpoint.s3;

import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.spi.FileSystemProvider;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;

/**
 * Buckets as a read-only file system. The platform finds it by its scheme:
 *
 * <pre>{@code
 * S3FileSystemProvider.configure(settings);
 * Path weights = Path.of(URI.create("s3://bucket/runs/7/step-100.safetensors"));
 * }</pre>
 *
 * <p>Paths can be made at any time; looking at them needs {@link #configure} first, and a network
 * from the first look on. Calls block until the store has answered, or did not for minutes.
 */
public final class S3FileSystemProvider extends FileSystemProvider {
  /** Of the paths. */
  public static final String SCHEME = "s3";

  private static final Configured CONFIGURED = new Configured();

  private final S3FileSystem files = new S3FileSystem(this);

  /** For the platform, which makes the only one. */
  public S3FileSystemProvider() {}

  /** The settings of this process, and what was opened by them. */
  private static final class Configured {
    private @Nullable ObjectStoreSettings settings;
    private @Nullable AwsCredentialsProvider credentials;
    private @Nullable Buckets opened;

    synchronized void set(ObjectStoreSettings newSettings, AwsCredentialsProvider newCredentials) {
      close();
      settings = newSettings;
      credentials = newCredentials;
    }

    synchronized void close() {
      Buckets old = opened;
      opened = null;
      if (old != null) {
        try {
          old.close();
        } catch (IOException harmless) {
          // What was kept of objects is not needed any more.
        }
      }
    }

    synchronized Buckets buckets() throws IOException {
      if (opened == null) {
        if (settings == null || credentials == null) {
          throw new FileSystemException(
              "buckets (s3://) are not configured in this process; this is a fault of Diffuscope");
        }
        opened = Buckets.open(settings, credentials);
      }
      return opened;
    }
  }

  /**
   * Sets how buckets are reached in this process. Nothing is opened before a bucket is looked at.
   */
  public static void configure(ObjectStoreSettings settings) {
    configure(settings, DefaultCredentialsProvider.create());
  }

  static void configure(ObjectStoreSettings settings, AwsCredentialsProvider credentials) {
    CONFIGURED.set(settings, credentials);
  }

  /** Ends what was opened; it is opened again when a bucket is looked at. */
  public static void close() {
    CONFIGURED.close();
  }

  /**
   * Asks the store when a path is looked at next, whatever a listing told just now: for a caller
   * that knows of something new. Nothing for paths that are in no bucket.
   */
  public static void lookAgain(Path path) throws IOException {
    if (path instanceof S3Path inBucket) {
      buckets().listings().forget(inBucket);
    }
  }

  static Buckets buckets() throws IOException {
    return CONFIGURED.buckets();
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public FileSystem newFileSystem(URI uri, Map<String, ?> environment) {
    throw new FileSystemAlreadyExistsException("one file system serves all buckets");
  }

  @Override
  public FileSystem getFileSystem(URI uri) {
    return files;
  }

  @Override
  public Path getPath(URI uri) {
    return S3Path.of(files, uri);
  }

  @Override
  public FileChannel newFileChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
      throws IOException {
    for (OpenOption option : options) {
      if (option != StandardOpenOption.READ) {
        throw new ReadOnlyFileSystemException();
      }
    }
    Buckets buckets = buckets();
    return new S3FileChannel(buckets.reader(), buckets.listings().object(S3Path.cast(path)));
  }

  @Override
  public SeekableByteChannel newByteChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
      throws IOException {
    return newFileChannel(path, options, attributes);
  }

  @Override
  public DirectoryStream<Path> newDirectoryStream(
      Path directory, DirectoryStream.Filter<? super Path> filter) throws IOException {
    List<Path> entries = new ArrayList<>();
    for (String name : buckets().listings().names(S3Path.cast(directory))) {
      Path entry = directory.resolve(name);
      if (filter.accept(entry)) {
        entries.add(entry);
      }
    }
    return new DirectoryStream<>() {
      @Override
      public Iterator<Path> iterator() throws DirectoryIteratorException {
        return entries.iterator();
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public <A extends BasicFileAttributes> A readAttributes(
      Path path, Class<A> type, LinkOption... options) throws IOException {
    if (type != BasicFileAttributes.class) {
      throw new UnsupportedOperationException("objects have no attributes " + type.getName());
    }
    return type.cast(buckets().listings().attributes(S3Path.cast(path)));
  }

  @Override
  public Map<String, Object> readAttributes(Path path, String names, LinkOption... options) {
    throw new UnsupportedOperationException("objects have no attributes by names: " + names);
  }

  @Override
  public <V extends FileAttributeView> @Nullable V getFileAttributeView(
      Path path, Class<V> type, LinkOption... options) {
    return null;
  }

  @Override
  public void checkAccess(Path path, AccessMode... modes) throws IOException {
    buckets().listings().attributes(S3Path.cast(path));
    for (AccessMode mode : modes) {
      if (mode != AccessMode.READ) {
        throw new AccessDeniedException(path.toString(), null, "buckets are only read");
      }
    }
  }

  @Override
  public boolean isSameFile(Path path, Path other) {
    return path.equals(other);
  }

  @Override
  public boolean isHidden(Path path) {
    Path name = path.getFileName();
    return name != null && name.toString().startsWith(".");
  }

  @Override
  public FileStore getFileStore(Path path) {
    throw new UnsupportedOperationException("buckets have no size");
  }

  @Override
  public void createDirectory(Path directory, FileAttribute<?>... attributes) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void delete(Path path) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void copy(Path source, Path target, CopyOption... options) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void move(Path source, Path target, CopyOption... options) {
    throw new ReadOnlyFileSystemException();
  }

  @Override
  public void setAttribute(Path path, String name, Object value, LinkOption... options) {
    throw new ReadOnlyFileSystemException();
  }
}
