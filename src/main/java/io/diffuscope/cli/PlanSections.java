package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.s3.ObjectStoreSettings;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.run.RunNotes;
import io.diffuscope.sampling.EvaluationCost;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.Workload;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.SignalSchedule;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The sections of a plan that do not depend on the training's pace. */
final class PlanSections {
  private static final String SETUP = "setup";
  private static final String CHECKPOINT = "each checkpoint";
  private static final String PREPARATION = "preparation, once";
  private static final String MEMORY = "memory";
  private static final String CACHES = "caches on disk";
  private static final String LIMITS = "disk beside the caches";
  private static final String SIGNALS = "signals";

  /** Signals that {@code other signals} stands for, as {@link RunNotes#signalsOn} names them. */
  private static final Set<String> OTHERS =
      Set.of(
          SignalNames.SPIKINESS,
          SignalNames.FIDELITY,
          SignalNames.GL,
          SignalNames.RP,
          SignalNames.AUTHENTICITY,
          SignalNames.REPRESENTATION,
          SignalNames.ICR);

  private final PlanReport report;
  private final Probe probe;
  private final PlanRehearsal rehearsal;
  private final SignalSchedule schedule;

  PlanSections(PlanReport report, Probe probe, PlanRehearsal rehearsal, SignalSchedule schedule) {
    this.report = report;
    this.probe = probe;
    this.rehearsal = rehearsal;
    this.schedule = schedule;
  }

  /** What else may be written to disk, as far as settings allow it. */
  record Limits(HoldSettings holds, PlanHold hold, @Nullable ObjectStoreSettings bucket) {}

  void add(ProbeDevice device, int threads, Limits limits) {
    addSetup(device, threads);
    addCheckpoint(limits.hold);
    addPreparation();
    addMemory(device);
    addCaches();
    addLimits(limits);
    addSignals();
  }

  private void addSetup(ProbeDevice device, int threads) {
    boolean tf32 = device.usesTf32();
    report.add(SETUP, "device", device.isOnGpu() ? "GPU" : "CPU");
    report.add(SETUP, "threads", Integer.toString(threads), threads);
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    int processors = Runtime.getRuntime().availableProcessors();
    if (load > processors + 1) {
      report.add(
          SETUP,
          "load",
          String.format(
              Locale.ROOT,
              "%.1f on %d processors: other programs were at work, so the times are uncertain",
              load,
              processors),
          load);
    }
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
    Checkpoint used = rehearsal.weights().checkpoint();
    report.add(SETUP, "weights", used == null ? "the template's own" : used.path());
    List<String> unread = rehearsal.weights().unread();
    for (int i = 0; i < unread.size(); i++) {
      report.add(SETUP, "not read %d".formatted(i + 1), unread.get(i));
    }
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

  private void addCheckpoint(PlanHold hold) {
    Workload work = rehearsal.workload();
    EvaluationCost cost = rehearsal.cost();
    report.seconds(CHECKPOINT, "sampled evaluation", cost.sampled(), trials());
    report.seconds(
        CHECKPOINT,
        "losses-only evaluation",
        cost.lossesOnly(),
        work.lossBlocks() == 0 ? "there is no denoising_gap to measure" : "");
    report.seconds(CHECKPOINT, "holding", cost.holding(), hold.how());
    report.seconds(
        CHECKPOINT,
        "loading weights",
        cost.loading(),
        rehearsal.weights().checkpoint() == null ? "not timed without a checkpoint" : "");
    report.seconds(CHECKPOINT, "sampling", cost.sampling(), "");
    report.seconds(
        CHECKPOINT,
        "denoising losses",
        cost.losses(),
        "%d noise levels, %d blocks each".formatted(work.sigmas(), work.lossBlocks()));
    report.seconds(CHECKPOINT, "other signals", cost.others(), others());
    report.seconds(
        CHECKPOINT,
        "folding signals",
        cost.folding(),
        "on the CPU; the permutation test of train_affinity takes longest where evidence just"
            + " begins");
  }

  /** Whoever reads a zero must know whether nothing is on or nothing was timed. */
  private String others() {
    if (rehearsal.othersTimed() && rehearsal.cost().others() == 0) {
      return "none takes time of its own";
    }
    if (rehearsal.othersTimed()) {
      return rehearsal.trials() == null
          ? "spikiness, class probes and the like, and what is measured on samples beside"
              + " distances"
          : "spikiness of the sets, class probes and the like";
    }
    List<String> untimed =
        RunNotes.signalsOn(probe, rehearsal.geometry(), schedule).stream()
            .filter(name -> OTHERS.contains(name.split(" ", 2)[0]))
            .toList();
    return untimed.isEmpty()
        ? ""
        : "not timed: %s; plan again when the preparation was done once, with a checkpoint"
            .formatted(PlanCommand.words(untimed));
  }

  private String trials() {
    TrialEvaluations trials = rehearsal.trials();
    if (trials == null) {
      return "put together from timed pieces";
    }
    int count = trials.costs().size();
    return "the median of %d that were made, which took %s to %s"
        .formatted(
            count, PlanReport.duration(trials.shortest()), PlanReport.duration(trials.longest()));
  }

  private void addPreparation() {
    double total = 0;
    for (var part : rehearsal.preparation().parts().entrySet()) {
      PlanPreparation.Remaining left = part.getValue();
      total += left.seconds();
      report.seconds(PREPARATION, part.getKey(), left.seconds(), left.remark());
    }
    report.seconds(PREPARATION, "together", total, total == 0 ? "nothing is left to do" : "");
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
      report.bytes(MEMORY, "peak of this process", peak, "the most so far, everything included");
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
        rehearsal.featureDimension() == 0 ? "none are made: points are compared as they are" : "");
  }

  private void addLimits(Limits limits) {
    HoldSettings holds = limits.holds;
    if (holds.mode() == HoldSettings.Mode.OFF) {
      report.add(LIMITS, "holds", "none (holds.mode)", 0);
    } else {
      report.bytes(
          LIMITS,
          "holds",
          holds.maxBytes(),
          "at most (holds.max-bytes)"
              + (rehearsal.weights().checkpoint() == null
                  ? ""
                  : "; one checkpoint has %s"
                      .formatted(PlanReport.size(rehearsal.weights().bytes()))));
    }
    ObjectStoreSettings bucket = limits.bucket;
    if (bucket == null) {
      report.add(LIMITS, "scratch space for buckets", "none: DIR is no bucket", 0);
    } else {
      report.bytes(
          LIMITS, "scratch space for buckets", bucket.scratchBytes(), "at most (s3.scratch-bytes)");
    }
  }

  private void addSignals() {
    List<String> on = RunNotes.signalsOn(probe, rehearsal.geometry(), schedule);
    report.add(SIGNALS, "on", PlanCommand.words(on), on);
    List<String> notes = RunNotes.of(probe, rehearsal.geometry(), schedule);
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
