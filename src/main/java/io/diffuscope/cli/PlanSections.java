package io.diffuscope.cli;

import io.diffuscope.data.DataSet;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.run.RunNotes;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.Workload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The sections of a plan that do not depend on the training's pace. */
final class PlanSections {
  private static final String SETUP = "setup";
  private static final String CHECKPOINT = "each checkpoint";
  private static final String PREPARATION = "preparation, once";
  private static final String MEMORY = "memory";
  private static final String CACHES = "caches on disk";
  private static final String SIGNALS = "signals";

  private final PlanReport report;
  private final Probe probe;
  private final PlanRehearsal rehearsal;

  PlanSections(PlanReport report, Probe probe, PlanRehearsal rehearsal) {
    this.report = report;
    this.probe = probe;
    this.rehearsal = rehearsal;
  }

  void add(ProbeDevice device, int threads, FoundCheckpoints found) {
    addSetup(device, threads, found);
    addCheckpoint(found);
    addPreparation();
    addMemory(device);
    addCaches();
    addSignals();
  }

  private void addSetup(ProbeDevice device, int threads, FoundCheckpoints found) {
    boolean tf32 = device.usesTf32();
    report.add(SETUP, "device", device.isOnGpu() ? "GPU" : "CPU");
    report.add(SETUP, "threads", Integer.toString(threads), threads);
    report.add(
        SETUP, "TF32", tf32 ? "on" : device.isOnGpu() ? "off" : "off (it is for GPUs alone)", tf32);
    NetworkSettings network = probe.network();
    report.add(
        SETUP,
        "network",
        String.format(
            Locale.ROOT,
            "%s, %,d parameters, preconditioning %s, shape %s",
            Path.of(probe.spec().template()).getFileName(),
            rehearsal.parameters(),
            network.preconditioning().label(),
            network.shape()));
    report.add(
        SETUP, "weights", found.newest() == null ? "the template's own" : found.newest().path());
    report.add(SETUP, "probe", probe.id());
    Workload work = rehearsal.workload();
    report.add(SETUP, "samples", Integer.toString(work.samples()), work.samples());
    report.add(
        SETUP,
        "blocks",
        "%d of %d rows".formatted(work.sampleBlocks(), probe.spec().batchSize()),
        work.sampleBlocks());
    FlowSettings flow = probe.flow();
    report.add(
        SETUP,
        "solver",
        "%s, %d steps, %d calls of the network"
            .formatted(flow.solver().label(), flow.grid().steps(), work.callsOfFlow()));
  }

  private void addCheckpoint(FoundCheckpoints found) {
    Workload work = rehearsal.workload();
    report.seconds(CHECKPOINT, "sampled evaluation", rehearsal.cost().sampled(), "");
    report.seconds(
        CHECKPOINT,
        "losses-only evaluation",
        rehearsal.cost().lossesOnly(),
        work.lossBlocks() == 0 ? "there is no denoising_gap to measure" : "");
    report.seconds(
        CHECKPOINT,
        "loading weights",
        rehearsal.cost().loading(),
        found.newest() == null ? "not timed without a checkpoint in DIR" : "");
    report.seconds(CHECKPOINT, "sampling", rehearsal.cost().sampling(), "");
    report.seconds(
        CHECKPOINT,
        "denoising losses",
        rehearsal.cost().losses(),
        "%d noise levels, %d blocks each".formatted(work.sigmas(), work.lossBlocks()));
  }

  private void addPreparation() {
    double total = 0;
    for (var part : rehearsal.preparation().entrySet()) {
      PlanRehearsal.Remaining left = part.getValue();
      total += left.seconds();
      report.seconds(PREPARATION, part.getKey(), left.seconds(), left.remark());
    }
    report.seconds(PREPARATION, "together", total, "");
  }

  private void addMemory(ProbeDevice device) {
    String where = device.isOnGpu() ? "on the GPU" : "in this machine's memory";
    report.bytes(MEMORY, "weights", rehearsal.parameters() * Float.BYTES, where);
    addSet("training set", probe.train());
    DataSet holdout = probe.holdout();
    if (holdout != null) {
      addSet("hold-out set", holdout);
    }
    long rows = probe.spec().batchSize();
    long state = rows * probe.dimension() * Double.BYTES;
    report.bytes(
        MEMORY,
        "a block's working set",
        // Of a solver step about six states are alive; one block of the sets gives 4096 logits a
        // row.
        6 * state + 3 * rows * Math.min(4096, probe.train().size()) * Double.BYTES,
        "an estimate, beside the network's own activations");
    Long peak = peakResident();
    if (peak != null) {
      report.bytes(MEMORY, "peak of this process", peak, "measured in this rehearsal");
    }
  }

  private void addSet(String name, DataSet set) {
    long bytes = set.size() * (probe.dimension() + 1L) * Float.BYTES;
    long resident = Math.min(bytes, probe.spec().residentBytes());
    report.bytes(
        MEMORY,
        name,
        resident,
        resident == bytes
            ? "stays on the device"
            : "stays on the device, the other %s are read again when needed (device.resident-bytes)"
                .formatted(PlanReport.size(bytes - resident)));
  }

  /** Linux tells; null elsewhere. */
  private static @Nullable Long peakResident() {
    try (var lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .map(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
          .findFirst()
          .orElse(null);
    } catch (IOException | RuntimeException e) {
      return null;
    }
  }

  private void addCaches() {
    long points = probe.train().size() + (probe.holdout() == null ? 0 : probe.holdout().size());
    report.add(CACHES, "folder", probe.spec().cacheDirectory());
    report.bytes(
        CACHES,
        "endpoints",
        (long) probe.samples() * probe.dimension() * Float.BYTES * probe.references().size(),
        "of %d references".formatted(probe.references().size()));
    report.bytes(CACHES, "geometry", points * 20, "about");
    report.bytes(
        CACHES,
        "features",
        points * rehearsal.featureDimension() * Float.BYTES,
        rehearsal.featureDimension() == 0 ? "points are compared as they are" : "");
  }

  private void addSignals() {
    List<String> on = RunNotes.signalsOn(probe, rehearsal.geometry());
    report.add(SIGNALS, "on", PlanCommand.words(on), on);
    List<String> notes = RunNotes.of(probe, rehearsal.geometry());
    for (int i = 0; i < notes.size(); i++) {
      report.add(SIGNALS, "note " + (i + 1), notes.get(i));
    }
    if (!rehearsal.geometryFound() && probe.holdout() != null) {
      report.add(
          SIGNALS,
          "not known yet",
          "duplicates and the hold-out check: the sets are compared when watching starts");
    }
  }
}
