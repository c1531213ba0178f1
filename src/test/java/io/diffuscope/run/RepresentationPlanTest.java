package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.ClassProbeFiles;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.NetworkObservation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.RepresentationSettings;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.sampling.Task;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.signal.Statistic;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Class probes, ICR and scaling from the plan of an evaluation to its estimates. */
class RepresentationPlanTest {
  private static final Checkpoint CHECKPOINT = Checkpoint.ofFile("a", "/run/a", 1L);

  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @Test
  void aUnitForEachLevelBringsACurve() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    try (Probe probe = Probe.open(files.spec(true, true));
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      SetGeometry geometry = run(device.geometry());
      device.useGeometry(geometry);
      device.useCheckpoint("a", WeightsLocation.of(files.weights()));
      EvaluationPlan plan =
          EvaluationPlan.of(probe, geometry.summary(), 3, only("icr", "on", "scaling", "on"));
      List<WorkUnit> units = plan.units(CHECKPOINT);
      assertThat(units)
          .containsExactly(
              new WorkUnit.RepresentationLevel(CHECKPOINT, 0),
              new WorkUnit.RepresentationLevel(CHECKPOINT, 1),
              new WorkUnit.RepresentationLevel(CHECKPOINT, 2),
              new WorkUnit.RepresentationIcr(CHECKPOINT),
              new WorkUnit.NetworkSize(CHECKPOINT));
      List<Signal> signals = plan.signals(Map.of());
      for (WorkUnit unit : units) {
        Observation observation =
            switch (unit) {
              case WorkUnit.RepresentationLevel u -> run(device.representation(u.level()));
              case WorkUnit.RepresentationIcr u -> run(device.icr());
              case WorkUnit.NetworkSize u -> new NetworkObservation(0, device.parameterCount());
              default -> throw new AssertionError(unit);
            };
        signals.forEach(signal -> signal.observe(observation));
      }
      List<SignalEstimate> estimates =
          signals.stream().flatMap(signal -> signal.estimates(true).stream()).toList();
      assertThat(estimates)
          .extracting(SignalEstimate::statistic)
          .containsExactly(
              Statistic.ACCURACY,
              Statistic.SNR,
              Statistic.ACCURACY,
              Statistic.SNR,
              Statistic.ACCURACY,
              Statistic.SNR,
              Statistic.PEAK_SIGMA,
              Statistic.PEAK_ACCURACY,
              Statistic.RISE,
              Statistic.UNIMODALITY,
              Statistic.P_VALUE,
              Statistic.RATIO,
              Statistic.LOG_RATIO);
      // 200 points; 12 x 20 + 20 + 20 x 12 + 12 parameters.
      assertThat(estimates.getLast().estimate().value())
          .isEqualTo(Math.log(200 / Math.sqrt(512)) / Math.log(2));
      assertThat(RunNotes.signalsOn(probe, geometry.summary(), plan.schedule()))
          .containsExactly("representation", "icr", "scaling");
      assertThat(RunNotes.of(probe, geometry.summary(), plan.schedule()))
          .noneMatch(note -> note.startsWith("representation") || note.startsWith("icr"));
    }
  }

  @Test
  void icrAndScalingAreOffUnlessAskedFor() throws Exception {
    try (Probe probe = Probe.open(new ClassProbeFiles(folder).spec(true, true))) {
      EvaluationPlan plan = EvaluationPlan.of(probe, geometry(), 3, only());
      assertThat(plan.units(CHECKPOINT)).hasOnlyElementsOfType(WorkUnit.RepresentationLevel.class);
      assertThat(plan.lossesOnly().units(CHECKPOINT)).isEmpty();
    }
  }

  @Test
  void whatIsLackingIsOneSentence() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    try (Probe without = Probe.open(files.spec(false, true));
        Probe split = Probe.open(files.spec(true, false));
        Probe silent =
            Probe.open(files.spec(false, true).withRepresentation(RepresentationSettings.OFF))) {
      assertThat(RunNotes.of(without, geometry(), SignalSchedule.DEFAULT))
          .contains(
              "representation is off: the training set has no labels; --train-labels gives them");
      assertThat(EvaluationPlan.of(without, geometry(), 3, only()).units(CHECKPOINT)).isEmpty();
      assertThat(standing(without)).contains("--train-labels");
      assertThat(RunNotes.of(split, geometry(), SignalSchedule.DEFAULT))
          .anyMatch(note -> note.startsWith("representation is tested on every other training"));
      assertThat(standing(split)).contains("every other training image");
      assertThat(RunNotes.of(silent, geometry(), SignalSchedule.DEFAULT))
          .noneMatch(note -> note.contains("representation is"));
    }
  }

  private static String standing(Probe probe) {
    return RunNotes.standings(probe, geometry(), SignalSchedule.DEFAULT).stream()
        .filter(s -> s.entry().signal().equals(SignalNames.REPRESENTATION))
        .map(SignalStanding::why)
        .findFirst()
        .orElseThrow();
  }

  private static GeometrySummary geometry() {
    return GeometrySummary.ofPoints(200, 130);
  }

  /** Everything else is off. */
  static SignalSchedule only(String... more) {
    Map<String, String> words = new HashMap<>();
    for (String signal :
        List.of(
            "pfd", "nearest_ratio", "train_affinity", "denoising_gap", "spikiness", "fidelity")) {
      words.put(signal, "off");
    }
    for (int i = 0; i < more.length; i += 2) {
      words.put(more[i], more[i + 1]);
    }
    return SignalSchedule.of(words);
  }

  private static <T> T run(Task<T> task) throws BadInputException {
    try (task) {
      while (task.advance()) {
        assertThat(task.progress()).isBetween(0.0, 1.0);
      }
      return task.result();
    }
  }
}
