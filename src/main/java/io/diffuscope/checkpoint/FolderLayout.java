package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Alternative.Kind;
import io.diffuscope.checkpoint.WeightsChoice.Chosen;
import io.diffuscope.checkpoint.WeightsChoice.Keys;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A layout in which a checkpoint is a folder.
 *
 * @param child names of the folders that are checkpoints, its group {@code step} the digits of the
 *     step; null where the directory itself is the checkpoint, written over in place
 * @param places where weights may lie in it, the preferred ones first
 * @param sign names in a folder, at least one of which makes it a checkpoint of this layout
 * @param marker tells that the weights are closed; null: their structure alone tells
 * @param keys of the copies inside weights that may hold both
 */
record FolderLayout(
    String name,
    String description,
    @Nullable Pattern child,
    List<Place> places,
    Pattern sign,
    @Nullable FolderMarker marker,
    Keys keys)
    implements Layout {

  /**
   * A place for weights in a checkpoint.
   *
   * @param folder a folder in it; empty for the checkpoint itself
   * @param files names of which the most recent is taken: a file, an index, or the folder of a
   *     distributed checkpoint; empty: the folder itself holds a distributed checkpoint
   */
  record Place(Alternative alternative, String folder, List<String> files) {
    static Place of(String name, Kind kind, String folder, List<String> files) {
      return new Place(new Alternative(name, kind), folder, files);
    }
  }

  /** A place in one checkpoint; the weights are null while only their folder is there. */
  private record Held(Place place, @Nullable Path weights, @Nullable Obstacle obstacle) {}

  /** A checkpoint's folder and what it holds. */
  private record Checkpoint(Folder folder, @Nullable Long step, List<Held> held) {
    List<Alternative> alternatives() {
      return held.stream().map(h -> h.place.alternative).toList();
    }
  }

  @Override
  public Found find(Folder folder, Search search) {
    List<Checkpoint> checkpoints = new ArrayList<>();
    List<Candidate> candidates = new ArrayList<>();
    if (child == null) {
      if (isSigned(folder)) {
        checkpoints.add(checkpoint(folder, null));
      }
    } else {
      for (String entry : folder.names()) {
        Matcher matcher = child.matcher(entry);
        if (matcher.matches()) {
          open(folder, entry, matcher, checkpoints, candidates);
        }
      }
    }
    List<Folder> siblings = checkpoints.stream().map(Checkpoint::folder).toList();
    Set<String> known = new HashSet<>();
    places.forEach(place -> known.add(place.alternative.name()));
    boolean averaged =
        checkpoints.stream()
            .flatMap(c -> c.alternatives().stream())
            .anyMatch(a -> a.kind() == Kind.AVERAGED);
    for (Checkpoint checkpoint : checkpoints) {
      candidates.add(candidate(checkpoint, siblings, known, averaged, search));
    }
    return new Found(evidence(folder, checkpoints), candidates, Set.of());
  }

  /** This folder as a checkpoint, whatever its name; empty where it holds no weights of a place. */
  Optional<Candidate> describe(Folder folder, @Nullable Long step, Search search) {
    Checkpoint checkpoint = checkpoint(folder, step);
    if (checkpoint.held.isEmpty() || !isSigned(folder)) {
      return Optional.empty();
    }
    return Optional.of(
        candidate(checkpoint, List.of(folder), Set.of(), false, search).withoutMarker());
  }

  /** The step in a folder's name; null where it has none of this layout. */
  @Nullable Long stepOf(String folderName) {
    Matcher matcher = child == null ? null : child.matcher(folderName);
    return matcher != null && matcher.matches() ? step(matcher) : null;
  }

  private static @Nullable Long step(Matcher matcher) {
    try {
      return Long.valueOf(matcher.group("step"));
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private boolean isSigned(Folder folder) {
    return folder.names().stream().anyMatch(n -> sign.matcher(n).matches());
  }

  private @Nullable String evidence(Folder root, List<Checkpoint> checkpoints) {
    for (Checkpoint checkpoint : checkpoints) {
      for (String entry : checkpoint.folder.names()) {
        if (!checkpoint.held.isEmpty() && sign.matcher(entry).matches()) {
          return root.path().relativize(checkpoint.folder.resolve(entry)).toString();
        }
      }
    }
    return null;
  }

  private void open(
      Folder root,
      String entry,
      Matcher matcher,
      List<Checkpoint> checkpoints,
      List<Candidate> refused) {
    Folder.Entry seen = root.entry(entry);
    Optional<Folder> opened = root.folder(entry);
    String problem = opened.map(Folder::problem).orElse(seen.problem());
    if (problem != null) {
      Path path = root.resolve(entry);
      refused.add(without(path, step(matcher), new Obstacle(Obstacle.Kind.UNREADABLE, problem)));
    } else {
      opened
          .filter(this::isSigned)
          .ifPresent(folder -> checkpoints.add(checkpoint(folder, step(matcher))));
    }
  }

  private Checkpoint checkpoint(Folder folder, @Nullable Long step) {
    List<Held> held = new ArrayList<>();
    for (Place place : places) {
      held(folder, place).ifPresent(held::add);
    }
    return new Checkpoint(folder, step, held);
  }

  private static Optional<Held> held(Folder checkpoint, Place place) {
    boolean isItself = place.folder.isEmpty();
    Optional<Folder> opened = isItself ? Optional.of(checkpoint) : checkpoint.folder(place.folder);
    if (opened.isEmpty()) {
      return Optional.empty();
    }
    Folder folder = opened.get();
    if (folder.problem() != null) {
      return Optional.of(
          new Held(place, null, new Obstacle(Obstacle.Kind.UNREADABLE, folder.problem())));
    }
    if (place.files.isEmpty()) {
      return folder.names().isEmpty()
          ? Optional.empty()
          : Optional.of(new Held(place, folder.path(), null));
    }
    Path newest = null;
    long modified = Long.MIN_VALUE;
    for (String name : place.files) {
      Folder.Entry entry = folder.entry(name);
      if (entry.problem() != null) {
        return Optional.of(
            new Held(place, null, new Obstacle(Obstacle.Kind.UNREADABLE, entry.problem())));
      }
      FileVersion version = entry.version();
      if (version != null && version.modifiedNanos() > modified) {
        newest = folder.resolve(name);
        modified = version.modifiedNanos();
      } else if (entry.kind() == Folder.Kind.FOLDER && newest == null) {
        newest = folder.resolve(name);
      }
    }
    if (newest != null) {
      return Optional.of(new Held(place, newest, null));
    }
    return isItself
        ? Optional.empty()
        : Optional.of(
            new Held(
                place,
                null,
                new Obstacle(
                    Obstacle.Kind.WEIGHTS,
                    "%s: %s is not there yet"
                        .formatted(
                            checkpoint.path(), place.folder + "/" + place.files.getFirst()))));
  }

  private Candidate candidate(
      Checkpoint checkpoint,
      List<Folder> siblings,
      Set<String> known,
      boolean averaged,
      Search search) {
    Path path = checkpoint.folder.path();
    Long step = checkpoint.step;
    List<Alternative> alternatives = checkpoint.alternatives();
    Optional<Chosen> choice = search.choice().choose(alternatives, known, averaged, keys);
    if (choice.isEmpty()) {
      return without(
          path,
          step,
          new Obstacle(Obstacle.Kind.WEIGHTS, path + ": " + search.choice().absent(alternatives)));
    }
    Held taken = checkpoint.held.get(choice.get().index());
    Path weights = taken.weights;
    if (weights == null) {
      return without(path, step, taken.obstacle);
    }
    try {
      ContentVersion version = search.versions().of(weights);
      String missing = marker == null ? null : marker.missing(checkpoint.folder, version, siblings);
      return new Candidate(
          path,
          path,
          step,
          new WeightsLocation(weights.toString(), choice.get().part()),
          version,
          missing == null
              ? null
              : new Obstacle(Obstacle.Kind.MARKER, "%s: %s".formatted(path, missing)),
          choice.get().text());
    } catch (NoSuchFileException e) {
      return without(
          path, step, new Obstacle(Obstacle.Kind.WEIGHTS, weights + ": is not there any more"));
    } catch (IOException e) {
      return without(
          path, step, new Obstacle(Obstacle.Kind.UNREADABLE, Folder.unreadable(weights, e)));
    }
  }

  private static Candidate without(Path path, @Nullable Long step, @Nullable Obstacle obstacle) {
    return new Candidate(path, path, step, null, ContentVersion.NONE, obstacle, "");
  }
}
