package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Announcement.Refusal;
import io.diffuscope.checkpoint.Announcement.RefusedException;
import io.diffuscope.tensorfile.Locations;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The folders below which checkpoints may be announced, so that whoever holds the token cannot make
 * the monitor open any file of this machine.
 *
 * <p>On this machine real paths count, of the root and of what is announced: a link that leads out
 * leads nowhere, and a root may itself be a link. Elsewhere ({@code s3://bucket/prefix}) names are
 * compared as they are, without asking anybody.
 */
public final class AnnounceRoots {
  private static final Set<String> NO_NAMES = Set.of("", ".", "..");

  private static final int DEPTH = 3;

  private final List<Path> here;
  private final List<String> elsewhere;

  private AnnounceRoots(List<Path> here, List<String> elsewhere) {
    this.here = List.copyOf(here);
    this.elsewhere = List.copyOf(elsewhere);
  }

  /**
   * Roots by their texts; they need not exist yet. Relative ones start at the working directory.
   *
   * @throws IllegalArgumentException if a text can stand for no folder
   */
  public static AnnounceRoots of(List<String> roots) {
    List<Path> here = new ArrayList<>();
    List<String> elsewhere = new ArrayList<>();
    for (String root : roots) {
      if (root.isBlank()) {
        throw new IllegalArgumentException(
            "a root for announcements is empty: name the folder that the job writes to");
      }
      if (Locations.isElsewhere(root)) {
        elsewhere.add(withoutLastSlash(root));
      } else {
        here.add(Path.of(root).toAbsolutePath().normalize());
      }
    }
    return new AnnounceRoots(here, elsewhere);
  }

  /** These and, before them, the directory that a run watches. */
  public AnnounceRoots with(Path directory) {
    return isHere(directory)
        ? new AnnounceRoots(
            Stream.concat(Stream.of(directory.toAbsolutePath().normalize()), here.stream())
                .toList(),
            elsewhere)
        : new AnnounceRoots(
            here,
            Stream.concat(
                    Stream.of(withoutLastSlash(directory.toAbsolutePath().toString())),
                    elsewhere.stream())
                .toList());
  }

  /** The roots as they count: absolute, without a slash at the end. */
  public List<String> places() {
    return Stream.concat(here.stream().map(Path::toString), elsewhere.stream()).toList();
  }

  /** Whether nothing may be announced. */
  public boolean isEmpty() {
    return here.isEmpty() && elsewhere.isEmpty();
  }

  /**
   * The path that an announcement names, as a listing of its root would name it: below the root as
   * it was given, and without links.
   */
  Path resolve(String text) throws RefusedException {
    try {
      return Locations.isElsewhere(text) ? resolveElsewhere(text) : resolveHere(Path.of(text));
    } catch (InvalidPathException e) {
      throw new RefusedException(
          Refusal.MALFORMED, "the path cannot be one on this machine: " + e.getReason());
    }
  }

  private Path resolveHere(Path path) throws RefusedException {
    if (!path.isAbsolute()) {
      throw new RefusedException(
          Refusal.MALFORMED,
          "%s: a relative path, and nobody knows relative to what; give an absolute one"
              .formatted(path));
    }
    Path real;
    try {
      real = path.toRealPath();
    } catch (IOException e) {
      throw absent(path, e);
    }
    for (Path root : here) {
      Path realRoot = realOrTarget(root);
      if (real.startsWith(realRoot)) {
        return root.resolve(realRoot.relativize(real));
      }
    }
    throw outside(path.toString());
  }

  /** Nothing is told of what is outside, not even whether it is there. */
  private RefusedException absent(Path path, IOException cause) {
    if (!isInside(realOrTarget(path))) {
      return outside(path.toString());
    }
    return cause instanceof NoSuchFileException
        ? new RefusedException(
            Refusal.INCOMPLETE,
            path + ": no such file or folder; announce a checkpoint once it is written")
        : new RefusedException(Refusal.UNUSABLE, Folder.unreadable(path, cause));
  }

  private Path resolveElsewhere(String text) throws RefusedException {
    String path = withoutLastSlash(text);
    if (!isBelow(path)) {
      throw outside(text);
    }
    String names = path.substring(path.indexOf("://") + 3);
    if (Stream.of(names.split("/", -1)).anyMatch(NO_NAMES::contains)) {
      throw new RefusedException(
          Refusal.MALFORMED, text + ": has an empty name, \".\" or \"..\" in it; give it without");
    }
    try {
      return Locations.pathOf(path);
    } catch (FileSystemNotFoundException e) {
      throw new RefusedException(
          Refusal.UNUSABLE, "%s: nothing here reads such a place".formatted(text));
    }
  }

  private boolean isBelow(String path) {
    return elsewhere.stream().anyMatch(root -> path.equals(root) || path.startsWith(root + "/"));
  }

  /**
   * Refuses a file that a checkpoint is made of and that lies elsewhere than it: a link leads
   * there.
   */
  void requireInside(Path file) throws RefusedException {
    boolean inside;
    if (isHere(file)) {
      // Where it leads and not whether that is there: of what is outside nothing is told.
      inside = isInside(realOrTarget(file));
    } else {
      inside = isBelow(file.toString());
    }
    if (!inside) {
      throw outside(file.toString());
    }
  }

  /**
   * Refuses a folder in which a link leads out, before anybody looks where it leads. No layout
   * looks deeper than {@value #DEPTH} folders into a checkpoint.
   */
  void requireLinksInside(Path folder) throws IOException, RefusedException {
    if (!isHere(folder) || !Files.isDirectory(folder)) {
      return;
    }
    List<Path> links;
    try (Stream<Path> entries = Files.walk(folder, DEPTH)) {
      links = entries.filter(Files::isSymbolicLink).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    for (Path link : links) {
      requireInside(link);
    }
  }

  private boolean isInside(Path target) {
    return here.stream().anyMatch(root -> target.startsWith(realOrTarget(root)));
  }

  private static RefusedException outside(String path) {
    return new RefusedException(
        Refusal.FORBIDDEN,
        path
            + ": not below a root for announcements; add its folder with --announce-root or"
            + " diffuscope.announce.roots");
  }

  private static boolean isHere(Path path) {
    return path.getFileSystem().equals(FileSystems.getDefault());
  }

  private static Path realOrTarget(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException e) {
      return LinkTarget.of(path);
    }
  }

  private static String withoutLastSlash(String text) {
    return text.endsWith("/") && !text.endsWith("//") ? text.substring(0, text.length() - 1) : text;
  }
}
