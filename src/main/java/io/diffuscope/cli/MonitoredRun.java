package io.diffuscope.cli;

import io.diffuscope.checkpoint.CheckpointSource;
import io.diffuscope.run.RunJournal;
import io.diffuscope.run.RunSettings;

/**
 * One run of a monitor.
 *
 * @param settings those of all runs of the monitor share the probe
 * @param source where its checkpoints come from; when it completes, the run ends
 * @param journal keeps what happens to it
 */
record MonitoredRun(RunSettings settings, CheckpointSource source, RunJournal journal) {
  /** A run of which nothing is kept. */
  MonitoredRun(RunSettings settings, CheckpointSource source) {
    this(settings, source, RunJournal.NONE);
  }
}
