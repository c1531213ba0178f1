package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.checkpoint.Layouts;
import io.diffuscope.checkpoint.RunDirectories;
import io.diffuscope.checkpoint.RunDirectories.News;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.Locations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The runs that a plan is for, with the checkpoints that are there.
 *
 * @param glob for their names; null where there is one run, in the directory itself
 * @param byName what each one tells; under the empty name where there is one
 */
record FoundRuns(@Nullable String glob, Map<String, FoundCheckpoints> byName) {
  /** One run of which nothing is known. */
  static final FoundRuns NONE = one(FoundCheckpoints.NONE);

  static FoundRuns one(FoundCheckpoints found) {
    return new FoundRuns(null, Map.of("", found));
  }

  /** A training that has not started yet has no checkpoints, and may have no directory. */
  static FoundRuns in(DirectorySettings settings) throws BadInputException {
    WatchCommand.requirePlausible(settings.directory());
    return one(list(settings));
  }

  /**
   * The runs whose directories are there now.
   *
   * @throws BadInputException where the directory cannot be listed, or no name matches
   */
  static FoundRuns in(DirectorySettings settings, String glob, RunDirectories directories)
      throws BadInputException {
    WatchCommand.requirePlausible(settings.directory());
    Map<String, FoundCheckpoints> byName = new TreeMap<>();
    for (News news : directories.look()) {
      if (news instanceof News.Found found) {
        byName.put(found.name(), list(settings.withDirectory(found.directory())));
      }
    }
    if (byName.isEmpty()) {
      throw new BadInputException(
          settings.directory(),
          Reason.VANISHED,
          "no subdirectory matches --runs %s yet, so it is not known how many runs share the device; plan one with --interval and without --runs"
              .formatted(glob));
    }
    return new FoundRuns(glob, byName);
  }

  private static FoundCheckpoints list(DirectorySettings settings) throws BadInputException {
    Path directory = settings.directory();
    if (!Locations.isElsewhere(directory.toString()) && !Files.exists(directory)) {
      return FoundCheckpoints.NONE;
    }
    try {
      return FoundCheckpoints.of(Layouts.present(settings));
    } catch (IOException e) {
      throw BadInputException.of(directory, e);
    }
  }

  /** Checkpoints of all runs. */
  int count() {
    return byName.values().stream().mapToInt(FoundCheckpoints::count).sum();
  }

  /** Those of the only run in its order; those of several by the time of writing. */
  List<Checkpoint> newestFirst() {
    if (byName.size() == 1) {
      return byName.values().iterator().next().newestFirst();
    }
    List<Checkpoint> all = new ArrayList<>();
    byName.values().forEach(found -> all.addAll(found.newestFirst()));
    all.sort(
        Comparator.comparing(
            Checkpoint::modified, Comparator.nullsLast(Comparator.<Instant>reverseOrder())));
    return all;
  }
}
