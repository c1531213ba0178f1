package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** From a path to a {@link Checkpoint}: its weights, the step in its name, and its identity. */
public final class CheckpointFiles {
  private static final Pattern EXTENSION = Pattern.compile("\\.[A-Za-z][A-Za-z0-9]*$");
  private static final Pattern LAST_DIGITS = Pattern.compile("(\\d+)\\D*$");

  private CheckpointFiles() {}

  /** As {@link #describe(Path, String)}, averaged (EMA) weights first. */
  public static Checkpoint describe(Path path) throws IOException {
    return describe(path, WeightsChoice.AUTO.word());
  }

  /**
   * The checkpoint at a path as it is now: a file, or the folder of a checkpoint of any layout. No
   * marker is waited for.
   *
   * @param weights which copy: {@code auto}, {@code ema}, {@code raw}, or the name of one
   * @throws IOException where it is missing or unreadable
   * @throws BadInputException MISMATCH where it has not the weights that are wanted, UNSUPPORTED
   *     where the directory is no checkpoint or belongs to a text-to-image pipeline
   */
  public static Checkpoint describe(Path path, String weights) throws IOException {
    Path absolute = path.toAbsolutePath().normalize();
    Layout.Search search = new Layout.Search(new WeightsChoice(weights), new WeightVersions());
    Candidate candidate =
        Files.isDirectory(absolute) ? folder(absolute, search) : file(absolute, search);
    Obstacle obstacle = candidate.obstacle();
    if (obstacle != null) {
      Reason reason =
          obstacle.kind() == Obstacle.Kind.UNREADABLE ? Reason.UNREADABLE : Reason.MISMATCH;
      String sentence = obstacle.sentence();
      String prefix = absolute + ": ";
      throw new BadInputException(
          absolute,
          reason,
          sentence.startsWith(prefix) ? sentence.substring(prefix.length()) : sentence);
    }
    Checkpoint checkpoint = candidate.checkpoint();
    TextToImage.refuse(checkpoint.weights().file());
    return checkpoint;
  }

  private static Candidate folder(Path path, Layout.Search search) throws IOException {
    Folder folder = Folder.list(path);
    Optional<Candidate> candidate = Layouts.folder(folder, Layouts.stepOf(path), search);
    if (candidate.isPresent()) {
      return candidate.get();
    }
    throw new BadInputException(path, Reason.UNSUPPORTED, Layouts.notACheckpoint(folder, search));
  }

  private static Candidate file(Path path, Layout.Search search) throws IOException {
    ContentVersion version = search.versions().of(path);
    String part = Layouts.partOf(fileName(path), search.choice());
    return new Candidate(
        path,
        path,
        Layouts.stepOf(path),
        new WeightsLocation(path.toString(), part),
        version,
        null,
        "");
  }

  /**
   * Whether a checkpoint's files still are the versions that were found; reads only what the file
   * system knows of them. Of a checkpoint that is held, the held files are looked at. True for a
   * checkpoint whose identity comes from somewhere else.
   */
  public static boolean isCurrent(Checkpoint checkpoint) throws IOException {
    HeldWeights held = checkpoint.held();
    if (held != null) {
      return held.isCurrent();
    }
    if (!checkpoint.identity().startsWith(checkpoint.path() + "@")) {
      return true;
    }
    ContentVersion version = new WeightVersions().of(checkpoint.weights().file());
    return Candidate.identity(checkpoint.file(), version, checkpoint.weights())
        .equals(checkpoint.contentIdentity());
  }

  /**
   * The last run of digits in a file name, its extension aside: 1200 for {@code
   * ema_0.999_001200.pt}. Null where there is none, or where it does not fit a long.
   */
  public static @Nullable Long stepOf(String fileName) {
    Matcher digits = LAST_DIGITS.matcher(EXTENSION.matcher(fileName).replaceFirst(""));
    if (!digits.find()) {
      return null;
    }
    try {
      return Long.parseLong(digits.group(1));
    } catch (NumberFormatException e) {
      return null;
    }
  }

  static String fileName(Path path) {
    return String.valueOf(path.getFileName());
  }
}
