package io.diffuscope.cli;

import io.diffuscope.checkpoint.CheckpointSource;
import io.diffuscope.run.RunSettings;

/**
 * One run of a monitor.
 *
 * @param settings those of all runs of the monitor share the probe
 * @param source where its checkpoints come from; when it completes, the run ends
 */
record MonitoredRun(RunSettings settings, CheckpointSource source) {}
