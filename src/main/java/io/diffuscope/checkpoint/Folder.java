package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A directory as one listing saw it: its names, and on demand what each of them is. Everything is
 * asked of the file system at most once, so that all layouts judge the same state.
 *
 * <p>Dotfiles and {@code *.tmp*} are left out: writers that rename into place use them. The one
 * exception is {@code .metadata}, the marker of a distributed checkpoint.
 */
final class Folder {
  /** What an entry is. */
  enum Kind {
    FILE,
    FOLDER,
    /** A device, a socket. */
    OTHER,
    /** It went away since it was listed, or is a link to nothing. */
    GONE,
    /** The operating system refuses to tell. */
    REFUSED
  }

  /**
   * What is known of an entry.
   *
   * @param version of a file, following links; null for all others
   * @param problem one sentence where it was refused
   */
  record Entry(Kind kind, @Nullable FileVersion version, @Nullable String problem) {
    private static final Entry GONE = new Entry(Kind.GONE, null, null);

    static Entry refused(Path path, IOException cause) {
      return new Entry(Kind.REFUSED, null, unreadable(path, cause));
    }
  }

  private final Path path;
  private final SortedSet<String> names;
  private final @Nullable String problem;
  private final Lister lister;
  private final Map<String, Entry> entries = new HashMap<>();
  private final Map<String, Optional<Folder>> folders = new HashMap<>();

  private Folder(Path path, SortedSet<String> names, @Nullable String problem, Lister lister) {
    this.path = path;
    this.names = names;
    this.problem = problem;
    this.lister = lister;
  }

  /** Asks the file system for the names in a directory. */
  @FunctionalInterface
  interface Lister {
    /** That of the file system. */
    Lister FILES = Folder::namesIn;

    /**
     * All that are {@linkplain Folder seen}.
     *
     * @throws IOException where it cannot be listed
     */
    SortedSet<String> names(Path directory) throws IOException;
  }

  /** Lists a directory. */
  static Folder list(Path path) throws IOException {
    return list(path, Lister.FILES);
  }

  /** As {@link #list(Path)}; the folders in it are listed in the same way. */
  static Folder list(Path path, Lister lister) throws IOException {
    return new Folder(path, lister.names(path), null, lister);
  }

  /** A directory of which only some entries are looked at, without listing it. */
  static Folder only(Path path, Collection<String> entries, Lister lister) {
    SortedSet<String> names = new TreeSet<>(entries);
    names.removeIf(name -> !isSeen(name));
    return new Folder(path, names, null, lister);
  }

  /** Takes this for the folder of its name in it. */
  void put(Folder inner) {
    folders.put(CheckpointFiles.fileName(inner.path), Optional.of(inner));
  }

  private static SortedSet<String> namesIn(Path path) throws IOException {
    SortedSet<String> names = new TreeSet<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(path)) {
      for (Path entry : stream) {
        String name = CheckpointFiles.fileName(entry);
        if (isSeen(name)) {
          names.add(name);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw Objects.requireNonNull(e.getCause());
    }
    return names;
  }

  private static boolean isSeen(String name) {
    return !name.contains(".tmp") && (!name.startsWith(".") || name.equals(".metadata"));
  }

  Path path() {
    return path;
  }

  /** The names in it, in order. */
  SortedSet<String> names() {
    return names;
  }

  /** Why its names are not known; null where they are. */
  @Nullable String problem() {
    return problem;
  }

  Path resolve(String name) {
    return path.resolve(name);
  }

  Entry entry(String name) {
    if (!names.contains(name)) {
      return Entry.GONE;
    }
    return entries.computeIfAbsent(name, n -> look(path.resolve(n)));
  }

  boolean isFolder(String name) {
    return entry(name).kind == Kind.FOLDER;
  }

  /** The version of a regular file; null where there is none of that name. */
  @Nullable FileVersion file(String name) {
    return entry(name).version;
  }

  /** A folder in it; empty where there is none, or none any more. */
  Optional<Folder> folder(String name) {
    return folders.computeIfAbsent(
        name, n -> isFolder(n) ? open(path.resolve(n), lister) : Optional.empty());
  }

  private static Optional<Folder> open(Path path, Lister lister) {
    try {
      return Optional.of(list(path, lister));
    } catch (NoSuchFileException | NotDirectoryException e) {
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(new Folder(path, new TreeSet<>(), unreadable(path, e), lister));
    }
  }

  private static Entry look(Path path) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      if (attributes.isDirectory()) {
        return new Entry(Kind.FOLDER, null, null);
      }
      return attributes.isRegularFile()
          ? new Entry(Kind.FILE, FileVersion.of(path, attributes), null)
          : new Entry(Kind.OTHER, null, null);
    } catch (NoSuchFileException e) {
      return Entry.GONE;
    } catch (IOException e) {
      return Entry.refused(path, e);
    }
  }

  /** The refusal of the operating system in one sentence. */
  static String unreadable(Path path, IOException cause) {
    return switch (cause) {
      case AccessDeniedException e ->
          path + ": permission denied; let this user read it (chmod, or the umask of its writer)";
      case BadInputException e -> String.valueOf(e.getMessage());
      default -> "%s: cannot be read (%s)".formatted(path, cause);
    };
  }
}
