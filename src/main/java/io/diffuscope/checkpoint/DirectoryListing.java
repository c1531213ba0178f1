package io.diffuscope.checkpoint;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lists the candidates of a directory: a listing and one stat for each file. File events are not
 * used, because network file systems do not report the writes of other hosts.
 */
final class DirectoryListing {
  private static final Logger log = LoggerFactory.getLogger(DirectoryListing.class);

  private final DirectorySettings settings;
  private final PathMatcher matcher;

  /** Entries that were complained about, so that each is named once. */
  private final Set<Path> leftOut = new HashSet<>();

  DirectoryListing(DirectorySettings settings) {
    this.settings = settings;
    this.matcher = settings.matcher();
  }

  /** Files whose names match, without dotfiles, {@code *.tmp*} and whatever is not a file. */
  List<ListedFile> list() throws UnlistableException {
    List<ListedFile> files = new ArrayList<>();
    try (DirectoryStream<Path> stream =
        Files.newDirectoryStream(settings.directory(), this::isCandidate)) {
      for (Path path : stream) {
        version(path).ifPresent(version -> files.add(new ListedFile(path, version)));
      }
    } catch (DirectoryIteratorException e) {
      throw new UnlistableException(problem(Objects.requireNonNull(e.getCause())), e);
    } catch (IOException e) {
      throw new UnlistableException(problem(e), e);
    }
    return files;
  }

  private boolean isCandidate(Path path) {
    String name = CheckpointFiles.fileName(path);
    return !name.startsWith(".") && !name.contains(".tmp") && matcher.matches(path.getFileName());
  }

  /** Empty for what is not a regular file and for what went away since it was listed. */
  private Optional<FileVersion> version(Path path) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      return attributes.isRegularFile()
          ? Optional.of(FileVersion.of(path, attributes))
          : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      // One bad entry (a loop of links, a link into a closed folder) must not hide all the others.
      if (leftOut.add(path)) {
        log.warn("{} cannot be looked at and is left out: {}", path, e.toString());
      }
      return Optional.empty();
    }
  }

  private String problem(IOException cause) {
    Path directory = settings.directory();
    return switch (cause) {
      case NoSuchFileException e when Files.notExists(directory, LinkOption.NOFOLLOW_LINKS) ->
          directory + ": the checkpoint directory does not exist; waiting for it to appear";
      case NotDirectoryException e ->
          directory + ": this is a file; name the directory that holds the checkpoints";
      case AccessDeniedException e ->
          directory
              + ": the checkpoint directory may not be read by this user;"
              + " grant read and search permission (r-x) on it";
      default ->
          "%s: the checkpoint directory cannot be listed (%s); trying again"
              .formatted(directory, cause);
    };
  }

  /** The directory itself cannot be listed; the message is one sentence for people. */
  static final class UnlistableException extends Exception {
    private static final long serialVersionUID = 1;

    UnlistableException(String message, Exception cause) {
      super(message, cause);
    }

    String sentence() {
      return String.valueOf(getMessage());
    }
  }
}
