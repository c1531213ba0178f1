package io.diffuscope.cli;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.run.RunSettings;

/**
 * One run of a monitor.
 *
 * @param settings those of all runs of the monitor share the probe
 * @param source sightings of its checkpoints; when it completes, the run ends
 */
record MonitoredRun(RunSettings settings, Source<Sighting, NotUsed> source) {}
