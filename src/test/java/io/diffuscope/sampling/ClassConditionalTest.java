package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.model.Denoiser;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Noises stand for classes, and so do the flows from them. The oracle is {@code
 * src/test/python/make_conditional_fixtures.py}: a network that is the exact denoiser of the points
 * of one class, and the ends of the empirical flows over those points, computed with NumPy.
 */
class ClassConditionalTest {
  private static final String MODELS = "/io/diffuscope/model/";
  private static final int NOISES = 24;

  @TempDir private Path folder;
  private ProbeFiles files;
  private Path template;
  private Path train;
  private Path holdout;
  private Path flows;

  @BeforeEach
  void copy() throws IOException {
    Devices.configure(1);
    files = new ProbeFiles(folder);
    template = files.resource(MODELS + "conditional-memorizer.pt");
    train = files.resource(MODELS + "conditional-train.npz");
    holdout = files.resource(MODELS + "conditional-holdout.npz");
    flows = files.resource(MODELS + "conditional-flows.npz");
  }

  /** The training set is named with its array, so that both ways to find labels are used. */
  @Test
  void theEmpiricalFlowOfANoiseKnowsThePointsOfItsClassAlone() throws Exception {
    double[] expected;
    try (ArrayFile ends = ArrayFile.open(flows + ":endpoints")) {
      expected = ends.readDoubles();
    }
    for (int batch : new int[] {16, 24, 7}) {
      ProbeSpec spec = spec(template, train + ":points", null, batch);
      try (Probe probe = Probe.open(spec);
          ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
        assertThat(probe.samples()).isEqualTo(NOISES);
        for (int block = 0; block < probe.sampleBlocks(); block++) {
          int rows = Tasks.run(device.referenceBlock(Reference.TRAIN, block));
          float[] found =
              new EndpointStore(Path.of(spec.cacheDirectory()))
                  .find(probe.endpointKey(Reference.TRAIN), block, rows, 8)
                  .orElseThrow();
          for (int i = 0; i < rows * 8; i++) {
            double due = expected[block * batch * 8 + i];
            assertThat((double) found[i])
                .isCloseTo(due, within(1e-3 * Math.max(.1, Math.abs(due))));
          }
        }
      }
    }
  }

  @Test
  void aNetworkThatHasMemorizedEveryClassIsACopier() throws Exception {
    ProbeSpec spec = spec(template, train.toString(), holdout.toString(), 16);
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = prepared(probe)) {
      assertThat(probe.references()).containsExactly(Reference.TRAIN, Reference.HOLDOUT);
      assertThat(probe.referencesWithoutClasses()).isEmpty();
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        SampleObservation o = Tasks.run(device.sampleBlock(block));
        for (int i = 0; i < o.count(); i++) {
          assertThat(o.samePoint()[i]).isTrue();
          assertThat(distances(o, Reference.TRAIN)[i]).isLessThan(1e-8);
          assertThat(o.trainDistance()[i]).isLessThan(1e-2);
          assertThat(distances(o, Reference.HOLDOUT)[i])
              .isCloseTo(Objects.requireNonNull(o.ruler())[i], within(1e-3));
        }
      }
      // An image of its own class is recognised; what the loss of another class is: see below.
      assertThat(Arrays.stream(trainLosses(probe, device, .1)).max().orElseThrow())
          .isLessThan(1e-3);
    }
  }

  /** Without the labels the same network would be asked for wrong classes two times of three. */
  @Test
  void wrongLabelsShow() throws Exception {
    Path turned = folder.resolve("turned.npz");
    int[] labels = labelsOf(train);
    double[] others = Arrays.stream(labels).mapToDouble(label -> (label + 1) % 3).toArray();
    Path file = writeLabels(turned, others);
    ProbeSpec spec = withLabels(spec(template, train + ":points", null, 16), file.toString());
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = prepared(probe)) {
      SampleObservation o = Tasks.run(device.sampleBlock(0));
      assertThat(Arrays.stream(distances(o, Reference.TRAIN)).min().orElseThrow())
          .as("no class has a point of another")
          .isGreaterThan(.1);
    }
  }

  @Test
  void labelsGoRoundTheClassesThatEveryLabelledSetHas() throws Exception {
    try (Probe probe = Probe.open(spec(template, train.toString(), null, 16))) {
      ClassLabels labels = Objects.requireNonNull(probe.classLabels());
      assertThat(labels.ofBlock(0, 5, 7)).containsExactly(0, 1, 2, 0, 1, 0, 0);
      assertThat(labels.ofBlock(16, 8, 8)).containsExactly(1, 2, 0, 1, 2, 0, 1, 2);
      assertThat(labels.ofNoise(3_000_000_001L)).isEqualTo(1);
    }
    try (Probe probe = Probe.open(spec(template, train.toString(), holdout.toString(), 16))) {
      assertThat(Objects.requireNonNull(probe.classLabels()).ofBlock(1, 3, 4))
          .as("the hold-out set has no point of class 1")
          .containsExactly(2, 0, 2, 0);
    }
  }

  @Test
  void setsWithoutLabelsHaveNoFlowToCompareWith() throws Exception {
    Path plain = files.write("plain.npy", TensorShape.of(8), ProbeFiles.blobs(30, 8, 1));
    Path other = files.write("other.npy", TensorShape.of(8), ProbeFiles.blobs(30, 8, 2));
    ProbeSpec neither = spec(template, plain.toString(), other.toString(), 16);
    try (Probe probe = Probe.open(neither);
        ProbeDevice device = prepared(probe)) {
      assertThat(probe.references()).isEmpty();
      assertThat(probe.referencesWithoutClasses())
          .containsExactly(Reference.TRAIN, Reference.HOLDOUT);
      assertThat(Objects.requireNonNull(probe.classLabels()).ofBlock(0, 4, 4))
          .containsExactly(0, 1, 2, 0);
      SampleObservation o = Tasks.run(device.sampleBlock(0));
      assertThat(o.squaredDistances()).isEmpty();
      assertThat(o.samePoint()).isEmpty();
      assertThat(o.ruler()).isNull();
      assertThat(o.holdoutNeighbour()).hasSize(16);
      assertThat(probe.denoising().sigmas()).as("with the null label").containsExactly(.1, 1.0);
      assertThat(Tasks.run(device.denoisingBlock(1.0, 0)).losses()).hasSize(16);
    }
    Path without = files.resource(MODELS + "conditional-memorizer-without-null.pt");
    try (Probe probe = Probe.open(spec(without, plain.toString(), other.toString(), 16))) {
      assertThat(probe.lacksLabelsForDenoising()).isTrue();
      assertThat(probe.denoising().sigmas()).isEmpty();
    }
    try (Probe probe = Probe.open(spec(without, train.toString(), other.toString(), 16))) {
      assertThat(probe.references()).containsExactly(Reference.TRAIN);
      assertThat(probe.lacksLabelsForDenoising()).as("labels of one set only").isTrue();
    }
    try (Probe probe = Probe.open(spec(without, train.toString(), holdout.toString(), 16))) {
      assertThat(probe.lacksLabelsForDenoising()).isFalse();
      assertThat(probe.denoising().sigmas()).containsExactly(.1, 1.0);
    }
  }

  /** A mixture knows no classes: its flow is no noise's class's. */
  @Test
  void aTeacherWithoutClassesIsLeftOut() throws Exception {
    ProbeSpec spec = spec(template, train.toString(), null, 16);
    Path memorizer = files.resource(MODELS + "memorizer.pt");
    try (Probe probe = Probe.open(withTeacher(spec, memorizer))) {
      assertThat(probe.references()).containsExactly(Reference.TRAIN);
      assertThat(probe.referencesWithoutClasses()).containsExactly(Reference.TEACHER);
    }
    try (Probe probe = Probe.open(withTeacher(spec, template))) {
      assertThat(probe.references()).containsExactly(Reference.TRAIN, Reference.TEACHER);
    }
    ProbeSpec unconditional = spec(memorizer, train.toString(), null, 16);
    try (Probe probe = Probe.open(withTeacher(unconditional, template))) {
      assertThat(probe.references()).as("asked for no class").contains(Reference.TEACHER);
    }
    Path without = files.resource(MODELS + "conditional-memorizer-without-null.pt");
    assertThatThrownBy(() -> Probe.open(withTeacher(unconditional, without)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("3 classes");
  }

  @Test
  void labelsThatTheNetworkDoesNotKnowAreRefused() throws Exception {
    double[] labels = new double[30];
    labels[7] = 3;
    Path file = writeLabels(folder.resolve("three.npz"), labels);
    ProbeSpec spec = spec(template, train + ":points", null, 16);
    assertThatThrownBy(() -> Probe.open(withLabels(spec, file.toString())))
        .isInstanceOfSatisfying(
            BadInputException.class, e -> assertThat(e.reason()).isEqualTo(Reason.MISMATCH))
        .hasMessageContaining("point 7")
        .hasMessageContaining("0 to 2");
    double[] ones = new double[30];
    Arrays.fill(ones, 1);
    Path one = writeLabels(folder.resolve("one.npz"), ones);
    ProbeSpec apart =
        withLabels(spec(template, train + ":points", holdout.toString(), 16), one.toString());
    assertThatThrownBy(() -> Probe.open(apart))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("no class in common");
  }

  @Test
  void eachImageIsDenoisedAsOneOfItsOwnClass() throws Exception {
    try (Probe probe = Probe.open(spec(template, train.toString(), holdout.toString(), 16));
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      DenoisingPlan plan =
          new DenoisingPlan(
              probe.train(),
              RowSubset.of(Objects.requireNonNull(probe.holdout()), new int[] {1, 4, 9}),
              new DenoisingSettings(List.of(1.0), 2, 30),
              probe.classLabels());
      List<Integer> seen = new ArrayList<>();
      int blocks = (plan.rows() + 15) / 16;
      for (int block = 0; block < blocks; block++) {
        Recorder recorder = new Recorder(seen);
        Tasks.run(
            new DenoisingTask(manager, new KeptArrays(manager), recorder, probe, plan, 1.0, block));
      }
      List<Integer> due = new ArrayList<>();
      for (int label : labelsOf(train)) {
        due.addAll(List.of(label, label));
      }
      int[] others = labelsOf(holdout);
      for (int row : new int[] {1, 4, 9}) {
        due.addAll(List.of(others[row], others[row]));
      }
      assertThat(seen.subList(0, plan.rows())).isEqualTo(due);
      assertThat(seen.subList(plan.rows(), seen.size()))
          .as("rows that only fill up")
          .hasSize(blocks * 16 - plan.rows())
          .containsOnly(due.get((blocks - 1) * 16));
    }
  }

  /** Guidance is no part of what the network was trained for. */
  @Test
  void guidanceChangesSamplesButNotLossesAndNotEmpiricalFlows() throws Exception {
    Path guided = files.resource(MODELS + "conditional-memorizer-guided.pt");
    double[][] losses = new double[2][];
    double[][] distances = new double[2][];
    String[] keys = new String[2];
    String[] ids = new String[2];
    for (int i = 0; i < 2; i++) {
      Path network = i == 0 ? template : guided;
      try (Probe probe = Probe.open(spec(network, train.toString(), holdout.toString(), 16));
          ProbeDevice device = prepared(probe)) {
        assertThat(probe.network().guidance()).isEqualTo(i + 1);
        losses[i] = trainLosses(probe, device, 1.0);
        distances[i] = distances(Tasks.run(device.sampleBlock(0)), Reference.TRAIN);
        keys[i] = probe.endpointKey(Reference.TRAIN);
        ids[i] = probe.id();
      }
    }
    assertThat(losses[1]).containsExactly(losses[0]);
    assertThat(keys[1]).isEqualTo(keys[0]);
    assertThat(ids[1]).isNotEqualTo(ids[0]);
    assertThat(Arrays.stream(distances[1]).max().orElseThrow()).isGreaterThan(1e-6);
  }

  @Test
  void whatLabelsChangeIsAnotherProbe() throws Exception {
    ProbeSpec base = spec(template, train.toString(), holdout.toString(), 16);
    Set<String> ids = new HashSet<>();
    Set<String> keys = new HashSet<>();
    addTo(ids, keys, base);
    Path zeros = writeLabels(folder.resolve("zeros.npz"), new double[30]);
    addTo(ids, keys, withLabels(base, zeros.toString()));
    assertThat(ids).hasSize(2);
    assertThat(keys).hasSize(2);
    // The classes in use change with the hold-out set's.
    addTo(ids, keys, spec(template, train.toString(), null, 16));
    assertThat(ids).hasSize(3);
    assertThat(keys).hasSize(3);
    NetworkSettings.Overrides guidance = new NetworkSettings.Overrides("{\"guidance\": 1.5}");
    addTo(ids, keys, withNetwork(base, guidance));
    assertThat(ids).hasSize(4);
    assertThat(keys).hasSize(3);
    NetworkSettings.Overrides range = new NetworkSettings.Overrides("{\"sigma_max\": 20}");
    addTo(ids, keys, withNetwork(base, range));
    assertThat(ids).hasSize(5);
    assertThat(keys).hasSize(4);
  }

  /** Labels that nobody asks for change nothing. */
  @Test
  void anUnconditionalNetworkDoesNotSeeLabels() throws Exception {
    Path memorizer = files.resource(MODELS + "memorizer.pt");
    Path zeros = writeLabels(folder.resolve("zeros.npz"), new double[30]);
    Set<String> ids = new HashSet<>();
    Set<String> keys = new HashSet<>();
    addTo(ids, keys, spec(memorizer, train.toString(), null, 16));
    addTo(ids, keys, withLabels(spec(memorizer, train.toString(), null, 16), zeros.toString()));
    float[] values = new float[240];
    try (ArrayFile points = ArrayFile.open(train + ":points")) {
      points.readRows(0, 30, FloatBuffer.wrap(values));
    }
    Path plain = files.write("plain.npy", TensorShape.of(8), values);
    addTo(ids, keys, spec(memorizer, plain.toString(), null, 16));
    assertThat(ids).hasSize(1);
    assertThat(keys).hasSize(1);
  }

  @Test
  void theGridIsClippedToWhatTheNetworkKnows() throws Exception {
    ProbeSpec base = spec(template, train.toString(), holdout.toString(), 16);
    try (Probe probe = Probe.open(base)) {
      assertThat(probe.flow()).isEqualTo(base.flow());
      assertThat(probe.droppedSigmas()).isEmpty();
    }
    NetworkSettings.Overrides range =
        new NetworkSettings.Overrides("{\"sigma_min\": 0.5, \"sigma_max\": 20}");
    try (Probe probe = Probe.open(withNetwork(base, range))) {
      assertThat(probe.flow().grid()).isEqualTo(new SigmaGrid(18, .5, 20, 7));
      assertThat(probe.denoising().sigmas()).containsExactly(1.0);
      assertThat(probe.droppedSigmas()).containsExactly(.1);
    }
    NetworkSettings.Overrides apart =
        new NetworkSettings.Overrides("{\"sigma_min\": 90, \"sigma_max\": 100}");
    assertThatThrownBy(() -> Probe.open(withNetwork(base, apart)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("sigma-max");
  }

  /** Notes the classes that it is given. */
  private record Recorder(List<Integer> seen) implements Denoiser {
    @Override
    public int dimension() {
      return 8;
    }

    @Override
    public NDArray denoise(NDArray x, double sigma) {
      return x.mul(1);
    }

    @Override
    public Denoiser given(int[] labels) {
      Arrays.stream(labels).forEach(seen::add);
      return this;
    }
  }

  private ProbeDevice prepared(Probe probe) throws IOException {
    ProbeDevice device = ProbeDevice.load(probe, Device.cpu());
    device.useGeometry(Tasks.run(device.geometry()));
    Path weights = files.resource(MODELS + "conditional-memorizer.safetensors");
    device.useCheckpoint("a", WeightsLocation.of(weights));
    return device;
  }

  private static double[] trainLosses(Probe probe, ProbeDevice device, double sigma)
      throws IOException {
    DenoisingObservation o = Tasks.run(device.denoisingBlock(sigma, 0));
    assertThat(o.losses()).as("the first images are of the training set").hasSize(16);
    assertThat(probe.denoising().sigmas()).contains(sigma);
    return o.losses();
  }

  private static double[] distances(SampleObservation o, Reference reference) {
    return Objects.requireNonNull(o.squaredDistances().get(reference));
  }

  private static void addTo(Set<String> ids, Set<String> keys, ProbeSpec spec) throws IOException {
    try (Probe probe = Probe.open(spec)) {
      ids.add(probe.id());
      keys.add(probe.endpointKey(Reference.TRAIN));
    }
  }

  private static int[] labelsOf(Path file) throws IOException {
    try (ArrayFile labels = ArrayFile.open(file + ":labels")) {
      return Arrays.stream(labels.readDoubles()).mapToInt(label -> (int) label).toArray();
    }
  }

  /** Labels as the bytes of a uint8 array. */
  private static Path writeLabels(Path file, double[] labels) throws IOException {
    byte[] bytes = new byte[labels.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) labels[i];
    }
    Path npy = file.resolveSibling(file.getFileName() + ".npy");
    NpyWriter.write(npy, TensorShape.of(labels.length), bytes);
    return npy;
  }

  private ProbeSpec spec(Path network, String trainSpec, @Nullable String holdoutSpec, int batch) {
    return new ProbeSpec(
        network.toString(),
        NetworkSettings.Overrides.NONE,
        trainSpec,
        holdoutSpec,
        null,
        flows + ":noise",
        0,
        null,
        batch,
        new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(18)),
        new DenoisingSettings(List.of(.1, 1.0), 2, 30),
        folder.resolve("cache").toString(),
        1 << 26);
  }

  private static ProbeSpec withLabels(ProbeSpec s, String labels) {
    return copy(s, s.network(), labels, s.teacher());
  }

  private static ProbeSpec withTeacher(ProbeSpec s, Path teacher) {
    return copy(s, s.network(), s.trainLabels(), teacher.toString());
  }

  private static ProbeSpec withNetwork(ProbeSpec s, NetworkSettings.Overrides network) {
    return copy(s, network, s.trainLabels(), s.teacher());
  }

  private static ProbeSpec copy(
      ProbeSpec s,
      NetworkSettings.Overrides network,
      @Nullable String trainLabels,
      @Nullable String teacher) {
    return new ProbeSpec(
        s.template(),
        network,
        s.decoder(),
        s.train(),
        trainLabels,
        s.holdout(),
        s.holdoutLabels(),
        teacher,
        s.noise(),
        s.seed(),
        s.samples(),
        s.batchSize(),
        s.flow(),
        s.denoising(),
        s.spikiness(),
        s.representation(),
        s.descriptor(),
        s.neighbours(),
        s.groups(),
        s.cacheDirectory(),
        s.residentBytes(),
        s.referenceChoice());
  }
}
