package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Layout.Found;
import io.diffuscope.checkpoint.Layout.Search;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The layouts of checkpoint directories that are known, and what they make of a path.
 *
 * <pre>{@code
 * Inspection seen = Layouts.inspect(Path.of("runs/7"), "auto");
 * System.out.println(seen.layout() + ": " + seen.why());
 * }</pre>
 */
public final class Layouts {
  /** The name that leaves the layout to be recognised. */
  public static final String AUTO = "auto";

  /** Trainers put their checkpoints here, beside logs and samples. */
  static final String SUBFOLDER = "checkpoints";

  private static final int NAMED_ENTRIES = 5;

  private Layouts() {}

  /** A layout that recognises itself in a directory. */
  record Recognised(Layout layout, Folder folder, Found found) {
    String evidence() {
      return String.valueOf(found.evidence());
    }
  }

  /** The names that {@code checkpoints.layout} knows, with what they mean, by precedence. */
  public static Map<String, String> known() {
    Map<String, String> known = new LinkedHashMap<>();
    KnownLayouts.ALL.forEach(layout -> known.put(layout.name(), layout.description()));
    return known;
  }

  /**
   * Looks at a directory of checkpoints, or at a checkpoint, without waiting for anything.
   *
   * @param weights which copy: {@code auto}, {@code ema}, {@code raw}, or the name of one
   * @throws IOException where the path is missing or unreadable
   */
  public static Inspection inspect(Path path, String weights) throws IOException {
    Path absolute = path.toAbsolutePath().normalize();
    Search search = new Search(new WeightsChoice(weights), new WeightVersions());
    if (!Files.isDirectory(absolute)) {
      return single(absolute, weights, "a file");
    }
    Folder folder = Folder.list(absolute);
    List<Recognised> all = recognise(folder, KnownLayouts.ALL, search);
    if (all.isEmpty()) {
      return folder(folder, null, search).isPresent()
          ? single(absolute, weights, "a checkpoint's folder")
          : new Inspection(
              null, notACheckpoint(folder, search), List.of(), List.of(), search.choice().word());
    }
    Recognised first = all.getFirst();
    return new Inspection(
        first.layout.name(),
        "%s: %s is there".formatted(first.layout.description(), first.evidence()),
        all.stream().skip(1).map(r -> r.layout.name()).distinct().toList(),
        first.found.candidates().stream().sorted(BY_STEP).map(Layouts::inspected).toList(),
        search.choice().word());
  }

  /**
   * The checkpoints that a directory holds now and that nothing is in the way of, in order of
   * steps, those without a step last; no structure is checked.
   *
   * @throws IOException where the directory cannot be listed
   */
  public static List<Checkpoint> present(DirectorySettings settings) throws IOException {
    try {
      return new DirectoryListing(settings)
          .list().candidates().stream()
              .filter(candidate -> candidate.obstacle() == null && candidate.weights() != null)
              .sorted(BY_STEP)
              .map(Candidate::checkpoint)
              .toList();
    } catch (DirectoryListing.UnlistableException e) {
      throw new IOException(e.sentence(), e);
    }
  }

  private static Inspection single(Path path, String weights, String what) throws IOException {
    Checkpoint checkpoint = CheckpointFiles.describe(path, weights);
    ContentVersion version = new WeightVersions().of(checkpoint.weights().file());
    Candidate candidate =
        new Candidate(path, path, checkpoint.step(), checkpoint.weights(), version, null, "");
    return new Inspection(null, what, List.of(), List.of(inspected(candidate)), weights);
  }

  private static final Comparator<Candidate> BY_STEP =
      Comparator.<Candidate, Boolean>comparing(c -> c.step() == null)
          .thenComparing(c -> c.step() == null ? 0 : c.step())
          .thenComparing(Candidate::path);

  private static Inspection.Found inspected(Candidate candidate) {
    Obstacle obstacle = candidate.obstacle();
    String problem = obstacle == null ? structure(candidate) : obstacle.sentence();
    return new Inspection.Found(
        candidate.path(),
        candidate.step(),
        candidate.weights(),
        candidate.choice(),
        problem,
        obstacle != null && obstacle.kind() == Obstacle.Kind.MARKER,
        candidate.version().equals(ContentVersion.NONE)
            ? null
            : Instant.EPOCH.plusNanos(candidate.version().modifiedNanos()));
  }

  private static @Nullable String structure(Candidate candidate) {
    if (candidate.weights() == null) {
      return candidate.path() + ": has no weights";
    }
    try {
      StructuralCheck.weights().check(candidate.weights().file());
      return null;
    } catch (BadInputException e) {
      return e.getMessage();
    } catch (NoSuchFileException e) {
      return candidate.path() + ": went away";
    } catch (IOException e) {
      return Folder.unreadable(candidate.path(), e);
    }
  }

  /** All layouts that recognise themselves in a directory or in its folder of checkpoints. */
  static List<Recognised> recognise(
      Folder directory, Collection<? extends Layout> layouts, Search search) {
    List<Recognised> recognised = new ArrayList<>();
    List<Folder> folders = new ArrayList<>(List.of(directory));
    directory.folder(SUBFOLDER).filter(f -> f.problem() == null).ifPresent(folders::add);
    for (Layout layout : layouts) {
      for (Folder folder : folders) {
        Found found = layout.find(folder, search);
        if (found.evidence() != null) {
          recognised.add(new Recognised(layout, folder, found));
        }
      }
    }
    return recognised;
  }

  /** A folder that a person gave as a checkpoint; empty where it holds no weights. */
  static Optional<Candidate> folder(Folder folder, @Nullable Long step, Search search) {
    for (FolderLayout layout : KnownLayouts.FOLDERS) {
      Optional<Candidate> candidate = layout.describe(folder, step, search);
      if (candidate.isPresent()) {
        return candidate;
      }
    }
    return Optional.empty();
  }

  /** The step of a checkpoint's path: the layout's, or the last digits of its name. */
  static @Nullable Long stepOf(Path path) {
    String name = CheckpointFiles.fileName(path);
    for (FileLayout layout : fileLayouts()) {
      Optional<FileLayout.Named> named = layout.read(name);
      if (named.isPresent()) {
        Long step = named.get().step();
        return step == null && isPartOfACheckpoint(name) ? stepAbove(path) : step;
      }
    }
    Long digits = CheckpointFiles.stepOf(name);
    return isPartOfACheckpoint(name) ? stepAbove(path) : digits;
  }

  /**
   * The part that is read of a file that a person gave: the file was chosen already, so that only a
   * choice inside of it is left.
   */
  static @Nullable String partOf(String fileName, WeightsChoice choice) {
    for (FileLayout layout : fileLayouts()) {
      Optional<FileLayout.Named> named = layout.read(fileName);
      if (named.isPresent()) {
        return choice.part(named.get().alternative());
      }
    }
    return choice.part(new Alternative("", Alternative.Kind.EITHER));
  }

  /**
   * Whether copies of the weights in a file of this name may lie beside it, under names that cannot
   * be told without a listing.
   */
  static boolean hasCopies(String fileName) {
    return fileLayouts().stream().anyMatch(layout -> layout.hasCopies(fileName));
  }

  /** Whether files of these names are copies of the weights of one checkpoint. */
  static boolean areCopies(String one, String other) {
    return fileLayouts().stream().anyMatch(layout -> layout.areCopies(one, other));
  }

  /** Whether a folder of this name is a part of a checkpoint, so that the one above is it. */
  static boolean isPlaceInACheckpoint(String folderName) {
    return KnownLayouts.FOLDERS.stream()
        .flatMap(layout -> layout.places().stream())
        .anyMatch(place -> place.folder().equals(folderName));
  }

  private static List<FileLayout> fileLayouts() {
    return KnownLayouts.ALL.stream()
        .filter(FileLayout.class::isInstance)
        .map(FileLayout.class::cast)
        .toList();
  }

  /** Names that say nothing of a step: their folder does. */
  private static boolean isPartOfACheckpoint(String name) {
    return KnownLayouts.FOLDERS.stream()
        .flatMap(layout -> layout.places().stream())
        .anyMatch(place -> place.folder().equals(name) || place.files().contains(name));
  }

  private static @Nullable Long stepAbove(Path path) {
    for (Path above = path.getParent(); above != null; above = above.getParent()) {
      String name = CheckpointFiles.fileName(above);
      if (!isPartOfACheckpoint(name)) {
        for (Layout layout : KnownLayouts.ALL) {
          if (layout instanceof FolderLayout folders && folders.stepOf(name) != null) {
            return folders.stepOf(name);
          }
        }
        return null;
      }
    }
    return null;
  }

  /** What to say of a directory that was given as a checkpoint and is none. */
  static String notACheckpoint(Folder folder, Search search) {
    List<Recognised> inside = recognise(folder, KnownLayouts.ALL, search);
    if (inside.isEmpty()) {
      return "holds no checkpoint of a layout that is known: %s; name the file of the weights, or give a pattern such as ckpt_{step}.pt"
          .formatted(summary(folder));
    }
    Recognised first = inside.getFirst();
    return "a directory with %d checkpoints (layout %s); name one of them, for example %s"
        .formatted(
            first.found.candidates().size(),
            first.layout.name(),
            first.found.candidates().getLast().path());
  }

  /** What is in a directory, in a few words. */
  static String summary(Folder folder) {
    if (folder.names().isEmpty()) {
      return "it is empty";
    }
    String names =
        folder.names().stream()
            .limit(NAMED_ENTRIES)
            .map(name -> folder.isFolder(name) ? name + "/" : name)
            .collect(Collectors.joining(", "));
    int more = folder.names().size() - NAMED_ENTRIES;
    return "it has " + names + (more > 0 ? " and %d more".formatted(more) : "");
  }
}
