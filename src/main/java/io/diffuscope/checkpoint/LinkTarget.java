package io.diffuscope.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Where a path leads once its links are followed, whether anything is there or not. The real path
 * of the platform is told of what exists alone.
 */
final class LinkTarget {
  /** As many as Linux follows. */
  private static final int MOST_LINKS = 40;

  private LinkTarget() {}

  /**
   * The place.
   *
   * @param path absolute, on this machine
   * @return without links, or, in a loop of links, the first that is not followed any more
   */
  static Path of(Path path) {
    Path place = rootOf(path);
    Deque<Path> ahead = new ArrayDeque<>();
    path.forEach(ahead::addLast);
    int links = 0;
    while (!ahead.isEmpty()) {
      Path name = ahead.removeFirst();
      if (name.toString().equals("..")) {
        place = place.getParent() == null ? place : place.getParent();
        continue;
      }
      Path next = name.toString().equals(".") ? place : place.resolve(name);
      if (links < MOST_LINKS && Files.isSymbolicLink(next)) {
        links++;
        Path target = targetOf(next);
        if (target.isAbsolute()) {
          place = rootOf(target);
        }
        for (int i = target.getNameCount() - 1; i >= 0; i--) {
          ahead.addFirst(target.getName(i));
        }
      } else {
        place = next;
      }
    }
    return place;
  }

  private static Path rootOf(Path absolute) {
    Path root = absolute.getRoot();
    return root == null ? absolute.toAbsolutePath().getRoot() : root;
  }

  /** A link that goes away meanwhile leads to itself. */
  private static Path targetOf(Path link) {
    try {
      return Files.readSymbolicLink(link);
    } catch (IOException e) {
      return Path.of(CheckpointFiles.fileName(link));
    }
  }
}
