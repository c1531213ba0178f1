package io.diffuscope.benchmark;

import ai.djl.Device;
import ai.djl.pytorch.jni.JniUtils;
import io.diffuscope.sampling.BlockTimes;
import io.diffuscope.sampling.EvaluationCost;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Rehearsal;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.sampling.TimedTask;
import io.diffuscope.sampling.Workload;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What {@code plan} predicts for an evaluation over what one then takes, side by side. */
final class PlanRatio {
  private final PrintStream out;

  PlanRatio(PrintStream out) {
    this.out = out;
  }

  void measure(ProbeSpec spec, Path checkpoint, int repetitions) throws Exception {
    JniUtils.setNumThreads(1);
    List<Double> ratios = new ArrayList<>();
    List<Double> taken = new ArrayList<>();
    try (Evaluations evaluations = Evaluations.prepare(spec, checkpoint)) {
      for (int i = 0; i < 2; i++) {
        evaluations.evaluate();
      }
      for (int i = 0; i < repetitions; i++) {
        double predicted = predicted(spec, checkpoint).sampled();
        double seconds = Clock.time(evaluations::evaluate).wall();
        taken.add(seconds);
        ratios.add(predicted / seconds);
      }
    }
    out.printf(
        "%d samples, batch %d: an evaluation takes %s s, predicted over taken %s%n",
        Objects.requireNonNull(spec.samples()),
        spec.batchSize(),
        new Spread(taken).text(3),
        new Spread(ratios).text(2));
  }

  /** On a device of its own, which knows nothing yet, as the command has it. */
  private static EvaluationCost predicted(ProbeSpec spec, Path checkpoint) throws Exception {
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      device.useCheckpoint("first", WeightsLocation.of(checkpoint));
      double loading =
          Clock.time(() -> device.useCheckpoint("again", WeightsLocation.of(checkpoint))).wall();
      SetGeometry geometry = TimedTask.run(device.geometry(), 3, System::nanoTime).result();
      Rehearsal rehearsal = device.rehearsal(System::nanoTime, 1.5);
      double call = rehearsal.call();
      double[] losses = Objects.requireNonNull(rehearsal.losses(geometry));
      BlockTimes times =
          new BlockTimes(
              loading,
              call,
              rehearsal.noise(),
              rehearsal.feature(),
              rehearsal.comparison(geometry),
              losses[0],
              losses[1]);
      int compared = Objects.requireNonNull(geometry).summary().comparedHoldout();
      return Workload.of(probe, compared, rehearsal.featureDimension()).cost(times);
    }
  }
}
