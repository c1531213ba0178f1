package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Announcement.Refusal;
import io.diffuscope.checkpoint.Announcement.RefusedException;
import io.diffuscope.checkpoint.s3.S3FileSystemProvider;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * From an announcement to the checkpoint that it names. Where the run watches a directory, too, it
 * is the checkpoint that a listing of that directory would report, with the same identity. Nothing
 * is waited for: no quiet period, no marker. Its methods block on the file system.
 */
final class AnnouncedFiles {
  private final AnnounceRoots roots;
  private final @Nullable AnnouncedEntry entry;
  private final String weights;
  private final StructuralCheck check;

  /**
   * What may be announced to a run.
   *
   * @param entry tells of the directory that the run watches, too; null where it has none
   * @param weights which copy is read
   */
  AnnouncedFiles(
      AnnounceRoots roots, @Nullable AnnouncedEntry entry, String weights, StructuralCheck check) {
    this.roots = roots;
    this.entry = entry;
    this.weights = weights;
    this.check = check;
  }

  /**
   * A checkpoint that was found.
   *
   * @param remark where the step that was announced is not that of the name; null elsewhere
   */
  record Found(Checkpoint checkpoint, @Nullable String remark) {}

  /** The directory that the run watches has reported this one by itself. */
  void reported(Checkpoint checkpoint) {
    if (entry != null) {
      entry.reported(checkpoint);
    }
  }

  /** The checkpoint, complete and readable. */
  Found find(Announcement announcement) throws RefusedException {
    Path path = roots.resolve(announcement.path());
    try {
      requireFileOrFolder(path);
      roots.requireLinksInside(path);
      Checkpoint checkpoint = checkpoint(path, announcement.step());
      Path weightsFile = checkpoint.weights().file();
      requireFileOrFolder(weightsFile);
      for (Path file : WeightFiles.filesOf(weightsFile)) {
        roots.requireInside(file);
      }
      check.check(weightsFile);
      return withStep(checkpoint, announcement.step());
    } catch (BadInputException e) {
      throw new RefusedException(refusal(e.reason()), String.valueOf(e.getMessage()));
    } catch (NoSuchFileException e) {
      throw new RefusedException(
          Refusal.INCOMPLETE, e.getFile() + ": went away; announce it again once it is written");
    } catch (IOException e) {
      throw new RefusedException(Refusal.UNUSABLE, Folder.unreadable(path, e));
    }
  }

  private static Refusal refusal(BadInputException.Reason reason) {
    return switch (reason) {
      case VANISHED, TRUNCATED, CHANGED, EMPTY -> Refusal.INCOMPLETE;
      case UNREADABLE, MALFORMED, UNSUPPORTED, WRONG_SHAPE, MISMATCH, NON_FINITE ->
          Refusal.UNUSABLE;
    };
  }

  /** To open a pipe would wait for its writer, for good. */
  private void requireFileOrFolder(Path path) throws IOException, RefusedException {
    roots.requireInside(path);
    S3FileSystemProvider.lookAgain(path);
    if (!Files.isRegularFile(path) && !Files.isDirectory(path)) {
      throw new RefusedException(
          Refusal.UNUSABLE, path + ": neither a file nor a folder; name the checkpoint");
    }
  }

  private Checkpoint checkpoint(Path path, @Nullable Long step)
      throws IOException, RefusedException {
    List<Candidate> candidates = candidates(path);
    Candidate listed = first(candidates, c -> c.path().equals(path));
    if (listed != null) {
      return unobstructed(listed);
    }
    Checkpoint described = CheckpointFiles.describe(path, weights);
    listed = first(candidates, c -> described.weights().equals(c.weights()));
    if (listed != null) {
      return unobstructed(listed);
    }
    Long wanted = step == null ? described.step() : step;
    Candidate other =
        first(
            candidates,
            c -> c.step() != null && c.step().equals(wanted) && areCopies(path, c.path()));
    if (other != null) {
      throw new RefusedException(
          Refusal.UNUSABLE,
          "%s: another copy of step %d, of which this run reads %s; announce that, or choose by diffuscope.checkpoints.weights (--weights)"
              .formatted(path, wanted, other.path()));
    }
    return described;
  }

  private static boolean areCopies(Path path, Path listed) {
    return path.startsWith(listed) || Objects.equals(path.getParent(), listed.getParent());
  }

  private List<Candidate> candidates(Path path) {
    if (entry == null) {
      return List.of();
    }
    try {
      return entry.candidates(path);
    } catch (IOException e) {
      // The path's own reading tells what is wrong.
      return List.of();
    }
  }

  private static @Nullable Candidate first(
      List<Candidate> candidates, Predicate<Candidate> condition) {
    return candidates.stream().filter(condition).findFirst().orElse(null);
  }

  private static Checkpoint unobstructed(Candidate listed) throws RefusedException {
    Candidate candidate = listed.withoutMarker();
    Obstacle obstacle = candidate.obstacle();
    if (obstacle != null) {
      throw new RefusedException(
          obstacle.kind() == Obstacle.Kind.UNREADABLE ? Refusal.UNUSABLE : Refusal.INCOMPLETE,
          obstacle.sentence());
    }
    return candidate.checkpoint();
  }

  private static Found withStep(Checkpoint checkpoint, @Nullable Long announced) {
    Long named = checkpoint.step();
    if (announced == null || announced.equals(named)) {
      return new Found(checkpoint, null);
    }
    Checkpoint counted =
        new Checkpoint(
            checkpoint.identity(),
            checkpoint.path(),
            announced,
            checkpoint.weights(),
            checkpoint.modified());
    return new Found(
        counted,
        named == null
            ? null
            : "%s: step %d was announced and counts, though the name says %d"
                .formatted(checkpoint.path(), announced, named));
  }
}
