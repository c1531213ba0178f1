package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import io.diffuscope.model.Devices;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The arithmetic of a plan, with times that are made up. */
class WorkloadTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void theCostIsTheSumOfItsPieces() {
    Workload work = new Workload(1000, 2, 35, 1, 0.5, 4, 6, 2);
    BlockTimes times = new BlockTimes(3, 0.1, 7, 0.02, 0.001, 0.2, 0.9);

    EvaluationCost cost = work.cost(times);

    assertThat(cost.loading()).isEqualTo(3);
    // 70 calls, one noise anew, 1000 samples with one and a half features each, and compared
    assertThat(cost.sampling()).isCloseTo(7 + 7 + 1000 * (1.5 * 0.02 + 0.001), within(1e-9));
    assertThat(cost.losses()).isCloseTo(4 * (4 * 0.2 + 2 * 0.9), within(1e-9));
    assertThat(cost.sampled()).isCloseTo(3 + 45 + 10.4, within(1e-9));
    assertThat(cost.lossesOnly()).isCloseTo(13.4, within(1e-9));
  }

  /** What is done already at the start costs nothing; a quarter in 5 s makes 15 s for the rest. */
  @Test
  void aTaskIsExtrapolatedByItsProgress() {
    assertThat(TimedTask.extrapolated(5, 0.25, 0.5)).isCloseTo(15, within(1e-9));
    assertThat(TimedTask.extrapolated(5, 0, 1)).isEqualTo(5);
    assertThat(TimedTask.extrapolated(5, 0.5, 0.5)).isInfinite();
  }

  @Test
  void aTaskIsGivenUpAtItsLimit() throws Exception {
    AtomicLong clock = new AtomicLong();
    Steps task = new Steps(clock, 10);

    TimedTask<String> timed = TimedTask.run(task, 3.5, clock::get);

    assertThat(timed).isEqualTo(new TimedTask<>(null, 10, false));
    assertThat(task.closed).isTrue();
    assertThat(TimedTask.run(new Steps(clock, 3), 3.5, clock::get))
        .isEqualTo(new TimedTask<>("done", 3, true));
  }

  /** One second a piece. */
  private static final class Steps implements Task<String> {
    private final AtomicLong clock;
    private final int pieces;
    private int done;
    private boolean closed;

    Steps(AtomicLong clock, int pieces) {
      this.clock = clock;
      this.pieces = pieces;
    }

    @Override
    public boolean advance() {
      clock.addAndGet(1_000_000_000);
      done++;
      return done < pieces;
    }

    @Override
    public double progress() {
      return (double) done / pieces;
    }

    @Override
    public String result() {
      return "done";
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  @Test
  void theWorkIsWhatAProbeMakesOfIt() throws Exception {
    try (Probe probe = Probe.open(new ProbeFiles(folder).smallSpec())) {
      // 40 samples in blocks of 16, 6 steps; 20 images of each set, two noises each: 80 rows.
      assertThat(Workload.of(probe, 20, 0)).isEqualTo(new Workload(40, 3, 11, 0, 0, 2, 5, 0));
      assertThat(Workload.of(probe, 0, 0).lossBlocks()).isZero();
      // 40 samples and two references of 4 MiB each find room for 16 of 80 in 64 MiB.
      assertThat(Workload.of(probe, 20, 1 << 20).featuresOfReferences())
          .isCloseTo(2 * (1 - 16.0 / 80), within(1e-9));
    }
  }

  /**
   * With a clock that only counts how often it is read, every piece takes one reading: what is
   * rehearsed is what an evaluation runs, with sets as they are and before anything is known.
   */
  @Test
  void everyPieceIsRehearsed() throws Exception {
    Devices.configure(1);
    ProbeFiles files = new ProbeFiles(folder);
    try (Probe probe = Probe.open(files.smallSpec());
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      AtomicLong clock = new AtomicLong();
      Rehearsal rehearsal = device.rehearsal(() -> clock.addAndGet(10_000_000), 0.5);

      // A step takes one reading of 10 ms, and all but the last have two calls; the wait counts,
      // too.
      assertThat(rehearsal.call()).isBetween(0.005, 0.01);
      assertThat(rehearsal.noise()).isEqualTo(0.01);
      assertThat(rehearsal.feature()).isZero();
      assertThat(rehearsal.featureDimension()).isZero();
      assertThat(rehearsal.comparison(null)).isCloseTo(0.01 / 16, within(1e-12));
      assertThat(rehearsal.losses(null)).containsExactly(new double[] {0.01, 0.01}, within(1e-12));
      assertThat(device.hasStoredGeometry()).isFalse();

      SetGeometry geometry = Tasks.run(device.geometry());
      assertThat(device.hasStoredGeometry()).isTrue();
      device.useGeometry(geometry);
      assertThat(rehearsal.comparison(geometry)).isCloseTo(0.01 / 16, within(1e-12));
      Path checkpoint = files.checkpoint("step-1.safetensors", 1);
      device.useCheckpoint("one", WeightsLocation.of(checkpoint));
      Observation.SampleObservation observation = Tasks.run(device.sampleBlock(0));
      assertThat(observation.trainDistance()).hasSize(16);
    }
  }
}
