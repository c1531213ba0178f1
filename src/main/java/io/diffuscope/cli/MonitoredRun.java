package io.diffuscope.cli;

import io.diffuscope.checkpoint.AnnouncedCheckpoints;
import io.diffuscope.checkpoint.CheckpointSource;
import io.diffuscope.run.RunSettings;
import org.jspecify.annotations.Nullable;

/**
 * One run of a monitor.
 *
 * @param settings those of all runs of the monitor share the probe
 * @param source where its checkpoints come from; when it completes, the run ends
 * @param announced the part of the source that takes announcements; null where there is none
 * @param place where its checkpoints come from, as a text that stays the same
 */
record MonitoredRun(
    RunSettings settings,
    CheckpointSource source,
    @Nullable AnnouncedCheckpoints announced,
    String place) {
  /** A run to which nothing can be announced. */
  MonitoredRun(RunSettings settings, CheckpointSource source, String place) {
    this(settings, source, null, place);
  }

  /** A run to which checkpoints can be announced. */
  static MonitoredRun announced(RunSettings settings, AnnouncedCheckpoints source, String place) {
    return new MonitoredRun(settings, source, source, place);
  }
}
