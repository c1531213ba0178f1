package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A probe whose samples' neighbours are looked for through an index. */
class ApproximateProbeTest {
  private static final NeighbourSettings APPROXIMATE =
      new NeighbourSettings(
          Augmentation.NONE, NeighbourSettings.DEFAULT_OPERATIONS, SearchMethod.APPROXIMATE);

  @TempDir private Path folder;
  private ProbeFiles files;

  @BeforeEach
  void open() {
    Devices.configure(1);
    files = new ProbeFiles(folder);
  }

  private ProbeSpec spec(int train, int holdout) throws Exception {
    return files.spec(
        files.template(),
        files.points("train.npy", train, 1),
        files.points("holdout.npy", holdout, 2));
  }

  private List<SampleObservation> observe(ProbeSpec spec) throws Exception {
    Path checkpoint = files.checkpoint("checkpoint.safetensors", 3);
    List<SampleObservation> observations = new ArrayList<>();
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      device.useGeometry(Tasks.run(device.geometry()));
      device.useCheckpoint("checkpoint", WeightsLocation.of(checkpoint));
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        observations.add(Tasks.run(device.sampleBlock(block)));
      }
    }
    return observations;
  }

  private List<Path> indices() throws Exception {
    Path kept = folder.resolve("cache").resolve("neighbours");
    if (!Files.exists(kept)) {
      return List.of();
    }
    try (Stream<Path> found = Files.list(kept)) {
      return found.sorted().toList();
    }
  }

  @Test
  void recallIsMeasuredOnTheFirstSamplesOfEachCheckpoint() throws Exception {
    ProbeSpec spec = spec(1200, 1000);
    List<SampleObservation> exact = observe(spec);
    List<SampleObservation> found = observe(spec.withNeighbours(APPROXIMATE));

    assertThat(exact).allMatch(o -> o.trainRecall() == null && o.holdoutRecall() == null);
    assertThat(found.subList(1, found.size())).allMatch(o -> o.trainRecall() == null);
    SearchRecall train = Objects.requireNonNull(found.get(0).trainRecall());
    assertThat(train.queries()).isEqualTo(16);
    assertThat(train.first()).isGreaterThan(12);
    assertThat(Objects.requireNonNull(found.get(0).holdoutRecall()).first()).isGreaterThan(12);
    // It is the share of the samples that the exact run agrees on.
    int same = 0;
    for (int i = 0; i < 16; i++) {
      double mine = found.get(0).trainDistance()[i];
      double theirs = exact.get(0).trainDistance()[i];
      same += mine <= theirs * (1 + 1e-6) ? 1 : 0;
    }
    assertThat(train.first()).isEqualTo(same);
    assertThat(found.get(1).trainDistance()[0])
        .isCloseTo(exact.get(1).trainDistance()[0], within(.1 * exact.get(1).trainDistance()[0]));
    assertThat(indices()).hasSize(2);
  }

  @Test
  void theIndexIsBuiltOnceAndAgainWhereItIsDamaged() throws Exception {
    ProbeSpec spec = spec(1000, 20).withNeighbours(APPROXIMATE);
    List<SampleObservation> first = observe(spec);
    // A small hold-out set has none.
    assertThat(first.get(0).holdoutRecall()).isNull();
    assertThat(indices()).hasSize(1);
    Path index = indices().get(0);
    byte[] whole = Files.readAllBytes(index);
    FileTime old = FileTime.fromMillis(1_000_000);
    Files.setLastModifiedTime(index, old);

    assertThat(observe(spec)).usingRecursiveComparison().isEqualTo(first);
    assertThat(Files.getLastModifiedTime(index)).isEqualTo(old);

    byte[] damaged = whole.clone();
    damaged[damaged.length / 2] ^= 1;
    Files.write(index, damaged);
    assertThat(observe(spec)).usingRecursiveComparison().isEqualTo(first);
    assertThat(Files.readAllBytes(index)).isEqualTo(whole);
  }

  @Test
  void anotherSearchIsAnotherSeriesOverTheSameGeometry() throws Exception {
    ProbeSpec large = spec(1000, 20);
    try (Probe exact = Probe.open(large);
        Probe approximate = Probe.open(large.withNeighbours(APPROXIMATE))) {
      assertThat(approximate.id()).isNotEqualTo(exact.id());
      assertThat(approximate.geometryKey()).isEqualTo(exact.geometryKey());
    }
    ProbeSpec small = files.smallSpec();
    try (Probe exact = Probe.open(small);
        Probe approximate = Probe.open(small.withNeighbours(APPROXIMATE))) {
      assertThat(approximate.id()).isEqualTo(exact.id());
    }
  }
}
