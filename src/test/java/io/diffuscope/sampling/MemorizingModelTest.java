package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.signal.AffinityToTrain;
import io.diffuscope.signal.DenoisingGap;
import io.diffuscope.signal.NearestRatio;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A network that has memorized its training set completely: TorchScript of the empirical denoiser,
 * the 32 training points being its weights ({@code src/test/python/make_model_fixtures.py}).
 */
class MemorizingModelTest {
  private static final int SAMPLES = 400;
  private static final int BATCH = 128;

  @TempDir private Path folder;

  @Test
  void scoresAsACopierOnEverySignal() throws Exception {
    Devices.configure(1);
    ProbeFiles files = new ProbeFiles(folder);
    Path checkpoint = files.resource("/io/diffuscope/model/memorizer.safetensors");
    ProbeSpec spec =
        new ProbeSpec(
            files.resource("/io/diffuscope/model/memorizer.pt").toString(),
            NetworkSettings.Overrides.NONE,
            checkpoint.toString(),
            files.write("holdout.npy", TensorShape.of(8), gaussians(32 * 8)).toString(),
            null,
            null,
            3,
            SAMPLES,
            BATCH,
            new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(40)),
            new DenoisingSettings(List.of(.2), 2, 32),
            folder.resolve("cache").toString(),
            1 << 20);
    Signal toTrain = new ProbabilityFlowDistance(Reference.TRAIN, SAMPLES, null);
    Signal toHoldout = new ProbabilityFlowDistance(Reference.HOLDOUT, SAMPLES, null);
    Signal gap = new DenoisingGap(.2, 32, 32, 2);
    Signal ratio;
    Signal affinity;
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      SetGeometry geometry = Tasks.run(device.geometry());
      assertThat(geometry.comparedHoldoutSize()).isEqualTo(32);
      device.useGeometry(geometry);
      ratio = new NearestRatio(geometry.summary().controlCopies(), 32);
      affinity = new AffinityToTrain(32, 32, 3.09, 1);
      device.useCheckpoint("memorizer", WeightsLocation.of(checkpoint));
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        SampleObservation observation = Tasks.run(device.sampleBlock(block));
        for (Signal signal : List.of(toTrain, toHoldout, ratio, affinity)) {
          signal.observe(observation);
        }
      }
      DenoisingObservation loss = Tasks.run(device.denoisingBlock(.2, 0));
      gap.observe(loss);
    }
    // The network sees its input in float32: 2^-24 of 80 at the first level is forgotten by the
    // flow, and what remains is the rounding of the points themselves.
    assertThat(value(toTrain, Statistic.RMS).value()).as("E_mem").isCloseTo(0, within(1e-5));
    assertThat(value(toTrain, Statistic.SAME_POINT).value()).isEqualTo(1);
    assertThat(value(ratio, Statistic.SHARE).value()).isEqualTo(1);
    assertThat(value(ratio, Statistic.SHARE_QUARTER).value()).isEqualTo(1);
    assertThat(value(affinity, Statistic.SHARE).value()).isEqualTo(1);
    assertThat(value(affinity, Statistic.EXCESS).value()).isEqualTo(1);
    assertThat(value(affinity, Statistic.P_VALUE).value()).isLessThan(1e-4);
    // To the hold-out's flow it is as far as the two sets' flows are from each other.
    assertThat(value(toHoldout, Statistic.RMS).value())
        .isCloseTo(value(toTrain, Statistic.RULER).value(), within(1e-5))
        .isGreaterThan(1);
    // On the training points it knows the answer; on others it answers with a training point.
    assertThat(value(gap, Statistic.TRAIN_LOSS).value()).isLessThan(1e-3);
    assertThat(value(gap, Statistic.GAP).lower()).isGreaterThan(10);
  }

  private static Estimate value(Signal signal, Statistic statistic) {
    return signal.estimates(true).stream()
        .filter(estimate -> estimate.statistic() == statistic)
        .map(SignalEstimate::estimate)
        .findFirst()
        .orElseThrow();
  }

  private static float[] gaussians(int count) {
    RandomGenerator random = ProbeFiles.random(21);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
