package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.feature.PreprocessingKeys;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.ClassProbeFiles;
import io.diffuscope.sampling.DescriptorSettings;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a plan's trial does and counts, with a clock on which everything takes one second. */
class TrialUnitsTest {
  private static final double LONGEST = 1.5;

  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  private static LongSupplier seconds() {
    AtomicLong time = new AtomicLong();
    return () -> time.getAndAdd(1_000_000_000);
  }

  private interface Check {
    void on(ProbeDevice device, TrialUnits units, EvaluationPlan plan, Checkpoint checkpoint)
        throws Exception;
  }

  private static void check(ProbeSpec spec, Path weights, SignalSchedule schedule, Check check)
      throws Exception {
    Checkpoint checkpoint = Checkpoint.ofFile("a", weights.toString(), 1L);
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      SetGeometry geometry = device.geometry().complete();
      device.useGeometry(geometry);
      device.useCheckpoint("a", WeightsLocation.of(weights));
      EvaluationPlan plan = EvaluationPlan.of(probe, geometry.summary(), 3, schedule);
      check.on(device, new TrialUnits(plan, seconds()), plan, checkpoint);
    }
  }

  @Test
  void classProbesAreCountedByLevel() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    SignalSchedule schedule = RepresentationPlanTest.only("icr", "on", "scaling", "on");
    check(
        files.spec(true, true),
        files.weights(),
        schedule,
        (device, units, plan, checkpoint) -> {
          // Three levels, icr, and the size of the network.
          TrialUnits.Done done = units.all(device, checkpoint);
          assertThat(done.others()).isEqualTo(5);
          assertThat(done.sampling()).isZero();
          assertThat(done.losses()).isZero();
          assertThat(done.observations()).hasSize(5);
          assertThat(units.others(device, checkpoint, LONGEST)).isEqualTo(5);
        });
  }

  @Test
  void everyUnitOfARunIsDoneAndCountedOnce() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    check(
        files.smallSpec(),
        files.checkpoint("step-1.safetensors", 3),
        SignalSchedule.DEFAULT,
        (device, units, plan, checkpoint) -> {
          List<WorkUnit> all = plan.units(checkpoint);
          TrialUnits.Done done = units.all(device, checkpoint);
          assertThat(done.sampling())
              .isPositive()
              .isEqualTo(number(all, WorkUnit.SampleBlock.class));
          assertThat(done.losses())
              .isPositive()
              .isEqualTo(number(all, WorkUnit.DenoisingBlock.class));
          assertThat(done.sampling() + done.losses() + done.others()).isEqualTo(all.size());
          assertThat(number(done.observations(), SampleObservation.class))
              .isEqualTo(done.sampling());
          assertThat(number(done.observations(), DenoisingObservation.class))
              .isEqualTo(done.losses());
        });
  }

  @Test
  void whatIsMeasuredOnSamplesIsCountedByBlock() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    check(
        files
            .smallSpec()
            .withDescriptor(
                new DescriptorSettings(
                    files.resource("/io/diffuscope/feature/pixels-descriptor.pt").toString(),
                    null,
                    PreprocessingKeys.NONE,
                    DescriptorSettings.DEFAULT_THRESHOLD)),
        files.checkpoint("step-1.safetensors", 3),
        SignalSchedule.DEFAULT,
        (device, units, plan, checkpoint) -> {
          List<WorkUnit> all = plan.units(checkpoint);
          boolean measured =
              all.stream()
                  .anyMatch(
                      u -> u instanceof WorkUnit.SampleBlock s && !s.measurements().isEmpty());
          assertThat(measured).isTrue();
          double beside =
              all.size()
                  - number(all, WorkUnit.SampleBlock.class)
                  - number(all, WorkUnit.DenoisingBlock.class);
          assertThat(units.others(device, checkpoint, LONGEST))
              .isEqualTo(beside + number(all, WorkUnit.SampleBlock.class));
        });
  }

  private static double number(List<?> all, Class<?> kind) {
    return all.stream().filter(kind::isInstance).count();
  }
}
