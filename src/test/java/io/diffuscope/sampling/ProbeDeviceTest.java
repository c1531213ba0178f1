package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo's network with random weights, measured from end to end. */
class ProbeDeviceTest {
  @TempDir private Path folder;
  private ProbeFiles files;

  @BeforeEach
  void configure() {
    Devices.configure(1);
    files = new ProbeFiles(folder);
  }

  @Test
  void measuresEveryBlock() throws Exception {
    try (Probe probe = Probe.open(withTeacher(files.smallSpec()));
        ProbeDevice device = prepared(probe)) {
      assertThat(probe.references())
          .containsExactly(Reference.TRAIN, Reference.HOLDOUT, Reference.TEACHER);
      assertThat(probe.sampleBlocks()).isEqualTo(3);
      for (Reference reference : probe.references()) {
        for (int block = 0; block < 3; block++) {
          assertThat(device.hasReferenceBlock(reference, block)).isFalse();
          assertThat(Tasks.run(device.referenceBlock(reference, block)))
              .isEqualTo(probe.rowsOfBlock(block));
          assertThat(device.hasReferenceBlock(reference, block)).isTrue();
        }
      }
      device.useCheckpoint("a", WeightsLocation.of(files.checkpoint("a.safetensors", 3)));
      for (int block = 0; block < 3; block++) {
        SampleObservation o = Tasks.run(device.sampleBlock(block));
        assertThat(o.block()).isEqualTo(block);
        assertThat(o.first()).isEqualTo(16L * block);
        assertThat(o.count()).isEqualTo(block == 2 ? 8 : 16);
        assertThat(o.squaredDistances().keySet()).containsExactlyElementsOf(probe.references());
        assertThat(o.squaredDistances().values())
            .allSatisfy(distances -> assertThat(distances).hasSize(o.count()));
        for (int i = 0; i < o.count(); i++) {
          assertThat(o.trainDistance()[i]).isLessThanOrEqualTo(o.secondDistance()[i]).isPositive();
        }
        assertThat(o.ruler()).hasSize(o.count());
        assertThat(o.holdoutNeighbour()).hasSize(o.count());
      }
    }
  }

  /**
   * Same digits for the same batch size, run after run and device after device; other batch sizes
   * and orders of blocks agree to 1e-4 of the distance (float32 inside the network).
   */
  @Test
  void endpointsDoNotDependOnBatchesAndDevices() throws Exception {
    ProbeSpec spec = files.smallSpec();
    Path checkpoint = files.checkpoint("a.safetensors", 3);
    double[] reference = distances(spec, checkpoint, 0, 1, 2);
    assertThat(distances(spec, checkpoint, 0, 1, 2)).containsExactly(reference);
    assertThat(distances(spec, checkpoint, 2, 0, 1)).containsExactly(reference);
    for (int batch : new int[] {1, 7, 40, 64}) {
      ProbeSpec other = withBatch(spec, batch);
      int blocks = (40 + batch - 1) / batch;
      double[] found = distances(other, checkpoint, IntStream.range(0, blocks).toArray());
      for (int i = 0; i < 40; i++) {
        assertThat(found[i]).isCloseTo(reference[i], within(1e-4 * (1 + reference[i])));
      }
    }
  }

  @Test
  void aSecondDeviceReadsTheEndpointsThatTheFirstKept() throws Exception {
    ProbeSpec spec = files.smallSpec();
    Path checkpoint = files.checkpoint("a.safetensors", 3);
    double[] first = distances(spec, checkpoint, 0, 1, 2);
    List<Path> kept = keptEndpoints();
    assertThat(kept).as("two references, three blocks").hasSize(6);
    List<byte[]> contents = new ArrayList<>();
    for (Path file : kept) {
      contents.add(Files.readAllBytes(file));
      Files.setLastModifiedTime(file, FileTime.fromMillis(1000));
    }
    assertThat(distances(spec, checkpoint, 0, 1, 2)).containsExactly(first);
    for (Path file : kept) {
      assertThat(Files.getLastModifiedTime(file).toMillis()).as("not written anew").isEqualTo(1000);
    }
    // One is cut, one is overwritten with something else, one is gone: all are made again.
    try (RandomAccessFile file = new RandomAccessFile(kept.get(0).toFile(), "rw")) {
      file.setLength(200);
    }
    Files.writeString(kept.get(2), "not a tensor file");
    Files.delete(kept.get(4));
    assertThat(distances(spec, checkpoint, 0, 1, 2)).containsExactly(first);
    for (int i = 0; i < kept.size(); i++) {
      assertThat(Files.readAllBytes(kept.get(i))).isEqualTo(contents.get(i));
    }
    // Other noises are other endpoints.
    distances(withSeed(spec, 8), checkpoint, 0);
    assertThat(keptEndpoints()).hasSize(8);
  }

  @Test
  void aCacheThatCannotBeWrittenCostsNothingButTime() throws Exception {
    ProbeSpec spec = files.smallSpec();
    Path checkpoint = files.checkpoint("a.safetensors", 3);
    double[] first = distances(spec, checkpoint, 0, 1, 2);
    Path blocked = Files.writeString(folder.resolve("blocked"), "a file where a folder should be");
    assertThat(distances(withCache(spec, blocked), checkpoint, 0, 1, 2)).containsExactly(first);
  }

  @Test
  void afterAFailedLoadNothingIsLoaded() throws Exception {
    Path good = files.checkpoint("good.safetensors", 3);
    Map<String, FloatArray> weights = new LinkedHashMap<>(ProbeFiles.weights(4));
    float[] biases = Objects.requireNonNull(weights.get("output.bias")).values();
    biases[5] = Float.NEGATIVE_INFINITY;
    weights.put("output.bias", new FloatArray(TensorShape.of(64), biases));
    Path bad = folder.resolve("bad.safetensors");
    SafetensorsWriter.write(bad, weights, Map.of());
    try (Probe probe = Probe.open(files.smallSpec());
        ProbeDevice device = prepared(probe)) {
      assertThatThrownBy(() -> device.sampleBlock(0)).isInstanceOf(NullPointerException.class);
      device.useCheckpoint("good", WeightsLocation.of(good));
      SampleObservation before = Tasks.run(device.sampleBlock(0));
      assertThatThrownBy(() -> device.useCheckpoint("bad", WeightsLocation.of(bad)))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining(bad.toString())
          .hasMessageContaining("output.bias");
      assertThatThrownBy(() -> device.sampleBlock(0)).isInstanceOf(NullPointerException.class);
      assertThatThrownBy(() -> device.denoisingBlock(1, 0))
          .isInstanceOf(NullPointerException.class);
      device.useCheckpoint("good", WeightsLocation.of(good));
      SampleObservation after = Tasks.run(device.sampleBlock(0));
      assertThat(after).usingRecursiveComparison().isEqualTo(before);
      device.useCheckpoint("other", WeightsLocation.of(files.checkpoint("other.safetensors", 5)));
      assertThat(Tasks.run(device.sampleBlock(0)).trainDistance())
          .as("another checkpoint gives other samples")
          .isNotEqualTo(before.trainDistance());
    }
  }

  @Test
  void aNetworkThatReturnsNaNHasDiverged() throws Exception {
    Path points = files.write("points.npy", TensorShape.of(8), ProbeFiles.blobs(20, 8, 1));
    Path others = files.write("others.npy", TensorShape.of(8), ProbeFiles.blobs(20, 8, 2));
    Path template = files.resource("/io/diffuscope/model/nan-below.pt");
    Path weights = files.resource("/io/diffuscope/model/nan-below.safetensors");
    try (Probe probe = Probe.open(files.spec(template, points, others));
        ProbeDevice device = prepared(probe)) {
      device.useCheckpoint("nan", WeightsLocation.of(weights));
      assertThatThrownBy(() -> Tasks.run(device.sampleBlock(0)))
          .isInstanceOfSatisfying(
              BadInputException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NON_FINITE))
          .hasMessageContaining(weights.toString());
      assertThat(Tasks.run(device.denoisingBlock(1.0, 0)).losses()).hasSize(16);
      assertThatThrownBy(() -> Tasks.run(device.denoisingBlock(.1, 0)))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining(weights.toString());
    }
  }

  /** A monitor runs for weeks: what an evaluation allocates on the device must be freed. */
  @Test
  void keepsNothingFromOneBlockToTheNext() throws Exception {
    NDManager manager = NDManager.newBaseManager(Device.cpu());
    try (Probe probe = Probe.open(withTeacher(files.smallSpec()));
        ProbeDevice device = ProbeDevice.load(probe, manager)) {
      device.useGeometry(Tasks.run(device.geometry()));
      Path a = files.checkpoint("a.safetensors", 3);
      Path b = files.checkpoint("b.safetensors", 4);
      int[] arrays = new int[4];
      for (int round = 0; round < 4; round++) {
        device.useCheckpoint("round-" + round, WeightsLocation.of(round % 2 == 0 ? a : b));
        for (int block = 0; block < 3; block++) {
          Tasks.run(device.sampleBlock(block));
          Tasks.run(device.denoisingBlock(1.0, block));
        }
        arrays[round] = manager.getManagedArrays().size();
      }
      assertThat(arrays[1]).isPositive();
      assertThat(arrays[3]).isEqualTo(arrays[1]).isEqualTo(arrays[2]);
    }
  }

  private double[] distances(ProbeSpec spec, Path checkpoint, int... blocks) throws Exception {
    double[][] parts = new double[blocks.length][];
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = prepared(probe)) {
      device.useCheckpoint("a", WeightsLocation.of(checkpoint));
      for (int block : blocks) {
        SampleObservation o = Tasks.run(device.sampleBlock(block));
        DoubleStream train =
            Arrays.stream(Objects.requireNonNull(o.squaredDistances().get(Reference.TRAIN)));
        parts[block] = train.map(Math::sqrt).toArray();
      }
    }
    return Arrays.stream(parts).flatMapToDouble(Arrays::stream).toArray();
  }

  private static ProbeDevice prepared(Probe probe) throws IOException {
    ProbeDevice device = ProbeDevice.load(probe, Device.cpu());
    device.useGeometry(Tasks.run(device.geometry()));
    return device;
  }

  private List<Path> keptEndpoints() throws IOException {
    try (Stream<Path> tree = Files.walk(folder.resolve("cache").resolve("endpoints"))) {
      return tree.filter(Files::isRegularFile).sorted().toList();
    }
  }

  private ProbeSpec withTeacher(ProbeSpec s) throws IOException {
    String teacher = files.resource("/io/diffuscope/demo/digits-mixture.npz").toString();
    return copy(s, teacher, s.seed(), s.batchSize(), s.cacheDirectory());
  }

  private static ProbeSpec withBatch(ProbeSpec s, int batchSize) {
    return copy(s, s.teacher(), s.seed(), batchSize, s.cacheDirectory());
  }

  private static ProbeSpec withSeed(ProbeSpec s, long seed) {
    return copy(s, s.teacher(), seed, s.batchSize(), s.cacheDirectory());
  }

  private static ProbeSpec withCache(ProbeSpec s, Path cache) {
    return copy(s, s.teacher(), s.seed(), s.batchSize(), cache.toString());
  }

  private static ProbeSpec copy(
      ProbeSpec s, @Nullable String teacher, long seed, int batchSize, String cache) {
    return new ProbeSpec(
        s.template(),
        NetworkSettings.Overrides.NONE,
        s.train(),
        s.holdout(),
        teacher,
        null,
        seed,
        s.samples(),
        batchSize,
        new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(6)),
        s.denoising(),
        cache,
        s.residentBytes());
  }
}
