package io.diffuscope.cli;

import io.diffuscope.checkpoint.AnnouncedCheckpoints;
import io.diffuscope.checkpoint.CheckpointSource;
import io.diffuscope.run.RunJournal;
import io.diffuscope.run.RunSettings;
import org.jspecify.annotations.Nullable;

/**
 * One run of a monitor.
 *
 * @param settings those of all runs of the monitor share the probe
 * @param source where its checkpoints come from; when it completes, the run ends
 * @param announced the part of the source that takes announcements; null where there is none
 * @param journal keeps what happens to it
 */
record MonitoredRun(
    RunSettings settings,
    CheckpointSource source,
    @Nullable AnnouncedCheckpoints announced,
    RunJournal journal) {
  /** A run to which nothing can be announced, and of which nothing is kept. */
  MonitoredRun(RunSettings settings, CheckpointSource source) {
    this(settings, source, null, RunJournal.NONE);
  }

  /** A run to which checkpoints can be announced. */
  static MonitoredRun announced(
      RunSettings settings, AnnouncedCheckpoints source, RunJournal journal) {
    return new MonitoredRun(settings, source, source, journal);
  }
}
