package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.DirectorySettings.Markers;
import io.diffuscope.checkpoint.Layout.Found;
import io.diffuscope.checkpoint.Layout.Search;
import io.diffuscope.checkpoint.Layouts.Recognised;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Lists the candidates of a directory by listings and stats. File events are not used, because
 * network file systems do not report the writes of other hosts.
 *
 * <p>A layout that must be recognised is looked for at each listing until it is. It stays then, but
 * for those that are {@linkplain KnownLayouts#PROVISIONAL provisional}.
 */
final class DirectoryListing {
  private final DirectorySettings settings;
  private final @Nullable Layout fixed;
  private final Search search;
  private @Nullable Layout recognised;
  private @Nullable Path recognisedIn;
  private Set<Path> listed = Set.of();
  private Set<String> unexplained = Set.of();
  private boolean puzzled;
  private @Nullable StepUnit stepUnit;

  DirectoryListing(DirectorySettings settings) {
    this.settings = settings;
    this.fixed = settings.layout().fixed();
    this.search = new Search(new WeightsChoice(settings.layout().weights()), new WeightVersions());
  }

  /**
   * One listing.
   *
   * @param candidates in no order
   * @param setAside keys of former candidates that are there, but are none any more
   * @param news what to tell of the layout
   * @param unmatched what is there where there are no candidates; null where it is empty
   */
  record Listing(
      List<Candidate> candidates,
      Set<Path> setAside,
      List<Sighting> news,
      Sighting.@Nullable Unmatched unmatched) {}

  /** The checkpoints that are there, complete or not. */
  Listing list() throws UnlistableException {
    try {
      return of(Folder.list(settings.directory()));
    } catch (IOException e) {
      puzzled = false; // when it can be listed again, what was told before counts as over
      throw new UnlistableException(problem(e), e);
    }
  }

  /** The checkpoints among the entries of the directory that are shown. */
  Listing of(Folder folder) {
    search.versions().startListing();
    List<Sighting> news = new ArrayList<>();
    boolean isNew = false;
    Found found;
    Layout known = fixed;
    if (known == null) {
      Layout before = recognised;
      found = recognise(folder, news);
      isNew = before != recognised;
    } else {
      found = find(known, folder);
    }
    tellStepUnit(found.stepUnit(), news);
    Set<Path> setAside = new HashSet<>(found.setAside());
    if (isNew) {
      setAside.addAll(listed);
    }
    List<Candidate> candidates = found.candidates();
    if (settings.layout().markers() == Markers.IGNORED) {
      candidates = candidates.stream().map(Candidate::withoutMarker).toList();
    }
    listed = new HashSet<>();
    candidates.forEach(candidate -> listed.add(candidate.key()));
    setAside.removeAll(listed);
    return new Listing(candidates, setAside, news, candidates.isEmpty() ? unmatched(folder) : null);
  }

  /** Also where the layout was named. A listing without a step tells nothing. */
  private void tellStepUnit(@Nullable StepUnit unit, List<Sighting> news) {
    if (unit != null && unit != stepUnit) {
      stepUnit = unit;
      news.add(
          new Sighting.Recognised(
              "%s: the numbers of checkpoints count %s by their layout; diffuscope.steps.unit (--step-unit) names another unit"
                  .formatted(
                      settings.directory(),
                      unit == StepUnit.KIMG ? "thousands of training images (kimg)" : unit.label()),
              unit));
    }
  }

  private Sighting.@Nullable Unmatched unmatched(Folder folder) {
    return folder.names().isEmpty()
        ? null
        : Unmatching.of(folder, fixed == null ? recognised : fixed, fixed != null, search);
  }

  /** A layout that was named is looked for where it is, or where trainers put their checkpoints. */
  private Found find(Layout layout, Folder folder) {
    Found here = layout.find(folder, search);
    return !here.candidates().isEmpty() || layout instanceof PatternLayout
        ? here
        : Layouts.recognise(folder, List.of(layout), search).stream()
            .findFirst()
            .map(Recognised::found)
            .orElse(here);
  }

  private Found recognise(Folder folder, List<Sighting> news) {
    List<Recognised> all = Layouts.recognise(folder, possible(), search);
    if (!all.isEmpty()) {
      Recognised first = all.getFirst();
      if (first.layout() != recognised || !first.folder().path().equals(recognisedIn)) {
        news.add(new Sighting.Recognised(sentence(first)));
        recognised = first.layout();
        recognisedIn = first.folder().path();
      }
      return first.found();
    }
    if (recognised == null && !puzzled && !folder.names().isEmpty()) {
      // A training that has just begun makes folders before it fills them.
      puzzled = folder.names().equals(unexplained);
      unexplained = folder.names();
      if (puzzled) {
        news.add(new Sighting.Problem(unknown(folder)));
      }
    }
    return new Found(null, List.of(), Set.of());
  }

  /** A stray file must not take a running watch to another layout. */
  private List<Layout> possible() {
    Layout current = recognised;
    if (current == null) {
      return KnownLayouts.ALL;
    }
    return KnownLayouts.PROVISIONAL.contains(current.name())
        ? KnownLayouts.ALL.subList(0, KnownLayouts.ALL.indexOf(current) + 1)
        : List.of(current);
  }

  private static String sentence(Recognised recognised) {
    return "%s: checkpoints are in the layout %s (%s), recognised by %s; diffuscope.checkpoints.layout (--layout) names another"
        .formatted(
            recognised.folder().path(),
            recognised.layout().name(),
            recognised.layout().description(),
            recognised.evidence());
  }

  private static String unknown(Folder folder) {
    return "%s: no checkpoints of a layout that is known are there yet (%s); waiting for one of %s, or name the files by --pattern, for example --pattern 'ckpt_{step}.pt'"
        .formatted(
            folder.path(), Layouts.summary(folder), String.join(", ", Layouts.known().keySet()));
  }

  private Sighting.Problem problem(IOException cause) {
    Path directory = settings.directory();
    return switch (cause) {
      case NoSuchFileException e when Files.notExists(directory, LinkOption.NOFOLLOW_LINKS) ->
          new Sighting.Problem(
              directory + ": the checkpoint directory does not exist", "waiting for it to appear");
      case NotDirectoryException e ->
          new Sighting.Problem(
              directory + ": this is a file; name the directory that holds the checkpoints");
      case AccessDeniedException e ->
          new Sighting.Problem(
              directory
                  + ": the checkpoint directory may not be read by this user;"
                  + " grant read and search permission (r-x) on it");
      case BadInputException e ->
          new Sighting.Problem(
              "%s: the checkpoint directory cannot be listed: %s".formatted(directory, e.detail()),
              "trying again");
      default ->
          new Sighting.Problem(
              "%s: the checkpoint directory cannot be listed (%s)".formatted(directory, cause),
              "trying again");
    };
  }

  /** The directory itself cannot be listed; the message is one sentence for people. */
  static final class UnlistableException extends Exception {
    private static final long serialVersionUID = 1;

    private final transient Sighting.Problem problem;

    UnlistableException(Sighting.Problem problem, Exception cause) {
      super(problem.message(), cause);
      this.problem = problem;
    }

    Sighting.Problem problem() {
      return problem;
    }

    String sentence() {
      return String.valueOf(getMessage());
    }
  }
}
