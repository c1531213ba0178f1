package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.Pooling;
import io.diffuscope.sampling.Augmentation;
import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.NeighbourSettings;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.SearchMethod;
import io.diffuscope.sampling.SpikinessSettings;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.statistics.Strata;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said before the first number, about classes and noise levels. */
class RunNotesTest {
  private static final String MODELS = "/io/diffuscope/model/";

  @TempDir private Path folder;

  @Test
  void nothingIsSaidWhereNothingIsOff() throws Exception {
    assertThat(notes("conditional-train.npz", "{}"))
        .noneMatch(note -> note.contains("labels") || note.contains("noise levels"));
  }

  @Test
  void whatLabelsAreMissingForIsSaid() throws Exception {
    assertThat(notes("conditional-memorizer.safetensors:points", "{}"))
        .anyMatch(note -> note.startsWith("pfd to train is off") && note.contains("--train-labels"))
        .noneMatch(note -> note.startsWith("pfd to holdout"))
        .noneMatch(note -> note.startsWith("denoising_gap"));
  }

  @Test
  void aClippedRangeIsOneLine() throws Exception {
    assertThat(notes("conditional-train.npz", "{\"sigma_min\": 0.5, \"sigma_max\": 20}"))
        .contains(
            "noise levels 0.5 to 20.0 in place of 0.002 to 80.0: the network was trained on no"
                + " others")
        .contains("denoising_gap leaves out sigma 0.1: the network was not trained on it");
  }

  @Test
  void whySpikinessIsOffIsSaidWhereItWasAskedFor() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    SpikinessSettings asked = new SpikinessSettings(.17, Pooling.MAX, 8);
    try (Probe silent = Probe.open(spec);
        Probe probe = Probe.open(spec.withSpikiness(asked))) {
      GeometrySummary geometry = GeometrySummary.ofPoints(24, 20);
      assertThat(RunNotes.of(silent, geometry, SignalSchedule.DEFAULT))
          .noneMatch(note -> note.contains("spikiness"));
      assertThat(RunNotes.of(probe, geometry, SignalSchedule.DEFAULT))
          .anyMatch(note -> note.startsWith("spikiness is off: the template returns no"));
      assertThat(probe.id()).isEqualTo(silent.id());
    }
  }

  @Test
  void howNeighboursAreLookedForIsSaid() throws Exception {
    ProbeSpec spec = new ProbeFiles(folder).smallSpec();
    NeighbourSettings mirrored =
        new NeighbourSettings(Augmentation.HFLIP, NeighbourSettings.DEFAULT_OPERATIONS);
    try (Probe plain = Probe.open(spec);
        Probe probe = Probe.open(spec.withNeighbours(mirrored))) {
      GeometrySummary whole = GeometrySummary.ofPoints(24, 20);
      GeometrySummary part =
          new GeometrySummary(
              DuplicateCounts.NONE, 24, Strata.one(24, 20), 0, 0, 20, 0, 20, 0, null, 10);
      assertThat(RunNotes.of(plain, whole, SignalSchedule.DEFAULT))
          .noneMatch(note -> note.contains("hflip") || note.contains("geometry-operations"));
      assertThat(RunNotes.of(probe, part, SignalSchedule.DEFAULT))
          .anyMatch(note -> note.contains("mirror images") && note.contains("hflip"))
          .anyMatch(note -> note.contains("10 of 24") && note.contains("geometry-operations"));
    }
  }

  @Test
  void anApproximateSearchIsSaidWhereItIsUsed() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    NeighbourSettings approximate =
        new NeighbourSettings(Augmentation.NONE, 1e13, SearchMethod.APPROXIMATE);
    ProbeSpec small = files.smallSpec();
    ProbeSpec large = files.spec(files.template(), files.points("large.npy", 1000, 1), null);
    GeometrySummary geometry = GeometrySummary.ofPoints(1000, 0);
    try (Probe few = Probe.open(small.withNeighbours(approximate));
        Probe exact = Probe.open(large);
        Probe many = Probe.open(large.withNeighbours(approximate))) {
      assertThat(RunNotes.of(few, geometry, SignalSchedule.DEFAULT))
          .noneMatch(note -> note.contains("recall_1"));
      assertThat(RunNotes.of(exact, geometry, SignalSchedule.DEFAULT))
          .noneMatch(note -> note.contains("recall_1"));
      assertThat(RunNotes.of(many, geometry, SignalSchedule.DEFAULT))
          .anyMatch(note -> note.contains("approximate") && note.contains("recall_1"));
    }
  }

  private List<String> notes(String train, String network) throws IOException {
    ProbeFiles files = new ProbeFiles(folder);
    Path holdout = files.resource(MODELS + "conditional-holdout.npz");
    String[] parts = train.split(":", 2);
    Path points = files.resource(MODELS + parts[0]);
    ProbeSpec s = files.spec(files.resource(MODELS + "conditional-memorizer.pt"), points, holdout);
    ProbeSpec spec =
        new ProbeSpec(
            s.template(),
            new NetworkSettings.Overrides(network),
            parts.length == 1 ? s.train() : s.train() + ":" + parts[1],
            s.holdout(),
            null,
            null,
            s.seed(),
            s.samples(),
            s.batchSize(),
            s.flow(),
            s.denoising(),
            s.cacheDirectory(),
            s.residentBytes());
    try (Probe probe = Probe.open(spec)) {
      return RunNotes.of(probe, GeometrySummary.ofPoints(30, 24), SignalSchedule.DEFAULT);
    }
  }
}
