package io.diffuscope.checkpoint;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystems;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A directory of runs, one subdirectory each, as a stream of {@link News}: subdirectories whose
 * names match a glob, those that are there and those that appear later. Links to directories count.
 * Dotfiles and {@code *.tmp*} are left out.
 *
 * <p>The stream never completes by itself and does not fail when the directory is missing. A
 * subdirectory is told once; that it went away is told by the subscription to it.
 */
public final class RunDirectories {
  private final Path root;
  private final PathMatcher glob;
  private final Duration pollInterval;

  private RunDirectories(Path root, PathMatcher glob, Duration pollInterval) {
    this.root = root;
    this.glob = glob;
    this.pollInterval = pollInterval;
  }

  /** What is told of a directory of runs. */
  public sealed interface News {
    /** A subdirectory that was not there before; several at a time come in order of their names. */
    record Found(String name, Path directory) implements News {}

    /** The directory of runs cannot be listed. Said once until the cause changes. */
    record Problem(String message) implements News {}

    /** The directory was listed for the first time: all that is there was told before. */
    record Listed() implements News {}

    /** The directory of runs can be listed again. */
    record Recovered(String message) implements News {}
  }

  /**
   * The runs of a directory.
   *
   * @param root it need not exist yet
   * @param glob for names of subdirectories, {@code *} for all
   * @param pollInterval time between two listings; positive
   * @throws IllegalArgumentException if that is no glob for a name
   */
  public static RunDirectories create(Path root, String glob, Duration pollInterval) {
    if (glob.isBlank() || glob.contains("/")) {
      throw new IllegalArgumentException(
          "the glob for runs is '%s': give one for the names of subdirectories, such as '*' or 'lr-*'"
              .formatted(glob));
    }
    try {
      return new RunDirectories(
          root.toAbsolutePath().normalize(),
          FileSystems.getDefault().getPathMatcher("glob:" + glob),
          pollInterval);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "the glob for runs '%s' is not a glob: %s".formatted(glob, e.getDescription()), e);
    }
  }

  /**
   * The stream, polling on {@link DirectorySubscription#DEFAULT_DISPATCHER}; each materialization
   * starts afresh.
   */
  public Source<News, NotUsed> source() {
    return Polling.every(
        pollInterval, DirectorySubscription.DEFAULT_DISPATCHER, () -> new Poller()::poll);
  }

  /** What is there now: one poll, on the caller's thread. */
  public List<News> look() {
    return new Poller().poll();
  }

  /** What one materialization knows; polled by one thread at a time. */
  private final class Poller {
    private final Set<String> known = new HashSet<>();
    private @Nullable String problem;
    private boolean listed;

    List<News> poll() {
      List<News> news = new ArrayList<>();
      try {
        Folder folder = Folder.list(root);
        if (problem != null) {
          problem = null;
          news.add(new News.Recovered(root + ": the directory of runs can be listed again"));
        }
        for (String name : folder.names()) {
          // A name that is known needs no look: hundreds of runs are not asked for at each poll.
          if (isRunName(name) && !known.contains(name) && folder.isFolder(name)) {
            known.add(name);
            news.add(new News.Found(name, root.resolve(name)));
          }
        }
        if (!listed) {
          listed = true;
          news.add(new News.Listed());
        }
      } catch (IOException e) {
        String sentence = sentence(e);
        if (!sentence.equals(problem)) {
          problem = sentence;
          news.add(new News.Problem(sentence));
        }
      }
      return news;
    }
  }

  private boolean isRunName(String name) {
    return !name.startsWith(".") && glob.matches(Path.of(name));
  }

  private String sentence(IOException cause) {
    return switch (cause) {
      case NoSuchFileException e ->
          root + ": the directory of runs does not exist; waiting for it to appear";
      case NotDirectoryException e ->
          root + ": this is a file; name the directory that holds the runs";
      case AccessDeniedException e ->
          root
              + ": the directory of runs may not be read by this user;"
              + " grant read and search permission (r-x) on it";
      case BadInputException e ->
          "%s: the directory of runs cannot be listed: %s; trying again"
              .formatted(root, e.detail());
      default ->
          "%s: the directory of runs cannot be listed (%s); trying again".formatted(root, cause);
    };
  }
}
