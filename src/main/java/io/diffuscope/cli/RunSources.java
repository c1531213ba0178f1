package io.diffuscope.cli;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.RunDirectories.News;
import java.nio.file.Path;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** Where a monitor's runs come from. */
sealed interface RunSources {
  /** One run, which starts at once: its end or failure is the monitor's. */
  record One(MonitoredRun run) implements RunSources {}

  /**
   * Runs that are found; each starts with its first checkpoint, so that an empty directory costs no
   * work, and ends or fails alone.
   *
   * @param found runs' directories as they appear
   * @param describe the run of a directory, called once for each name
   * @param complaints told one sentence for people when a run fails
   * @param once whether the monitor ends when all runs that are there at its start have ended
   */
  record Many(
      Source<News, NotUsed> found,
      BiFunction<String, Path, MonitoredRun> describe,
      Consumer<String> complaints,
      boolean once)
      implements RunSources {
    /** Runs of a monitor that goes on waiting for new ones. */
    Many(
        Source<News, NotUsed> found,
        BiFunction<String, Path, MonitoredRun> describe,
        Consumer<String> complaints) {
      this(found, describe, complaints, false);
    }
  }
}
