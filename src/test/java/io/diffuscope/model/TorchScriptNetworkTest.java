package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.NpzFile;
import io.diffuscope.tensorfile.SafetensorsFile;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks and checkpoints written by PyTorch; {@code src/test/python/make_model_fixtures.py}. */
class TorchScriptNetworkTest {
  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @Test
  void givesPyTorchsOutputsForEachCheckpoint() throws Exception {
    try (TorchScriptNetwork network = load("small.pt")) {
      assertThat(network.parameterCount()).isEqualTo(122);
      // Back and forth: the swap replaces all weights, each time.
      for (String which : new String[] {"a", "b", "a"}) {
        network.loadWeights(WeightsLocation.of(resource("small-%s.safetensors".formatted(which))));
        assertThat(network.ignoredTensors()).isEmpty();
        assertThat(outputs(network)).containsExactly(expected(which), within(1e-5f));
      }
      assertThat(expected("a")).isNotEqualTo(expected("b"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"module.", "_orig_mod.", "_orig_mod.module.", "model.net."})
  void removesACommonPrefixOfTheCheckpoint(String prefix) throws Exception {
    Path prefixed = rewritten("small-b.safetensors", name -> prefix + name, Map.of());
    try (TorchScriptNetwork network = load("small.pt")) {
      network.loadWeights(WeightsLocation.of(prefixed));
      assertThat(outputs(network)).containsExactly(expected("b"), within(1e-5f));
    }
  }

  @Test
  void listsTensorsBesideTheWeightsThatTheTemplateDoesNotHave() throws Exception {
    FloatArray one = new FloatArray(TensorShape.of(1), new float[] {1});
    Path richer =
        rewritten(
            "small-a.safetensors",
            name -> "module." + name,
            Map.of("optimizer.lr", one, "module.logvar", one));
    try (TorchScriptNetwork network = load("small.pt")) {
      network.loadWeights(WeightsLocation.of(richer));
      assertThat(network.ignoredTensors()).containsExactly("module.logvar");
      assertThat(network.choice()).isEqualTo(new WeightsChoice("module", false, List.of()));
      assertThat(outputs(network)).containsExactly(expected("a"), within(1e-5f));
    }
  }

  @Test
  void averagedWeightsArePreferredAndOthersCanBeAskedFor() throws Exception {
    Map<String, FloatArray> both = new LinkedHashMap<>();
    both.putAll(tensors("small-a.safetensors", "model."));
    both.putAll(tensors("small-b.safetensors", "ema.module."));
    Path checkpoint = folder.resolve("both.safetensors");
    SafetensorsWriter.write(checkpoint, both, Map.of());
    try (TorchScriptNetwork network = load("small.pt")) {
      network.loadWeights(WeightsLocation.of(checkpoint));
      assertThat(network.choice())
          .isEqualTo(new WeightsChoice("ema.module", true, List.of("model")));
      assertThat(outputs(network)).containsExactly(expected("b"), within(1e-5f));
      for (String part : List.of("model", "ema")) {
        network.loadWeights(new WeightsLocation(checkpoint.toString(), part));
        assertThat(outputs(network))
            .containsExactly(expected(part.equals("ema") ? "b" : "a"), within(1e-5f));
      }
      BadInputException absent =
          catchThrowableOfType(
              BadInputException.class,
              () -> network.loadWeights(new WeightsLocation(checkpoint.toString(), "net")));
      assertThat(absent).hasMessageContaining("nothing below \"net\"; there is ema, model");
    }
  }

  /** Transposed, repeated and shared memory: every parameter gets its own tensor. */
  @Test
  void parametersInUnusualMemoryAreReplaced() throws Exception {
    try (TorchScriptNetwork network = load("strided.pt");
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      // A teacher is used with the weights that it was exported with.
      assertThat(constant(network, manager))
          .containsExactly(
              0, 3, 1, 4, 2, 5, 1, 1, 1, 1, 1, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
      for (int round = 0; round < 2; round++) {
        network.loadWeights(WeightsLocation.of(resource("strided.safetensors")));
        assertThat(constant(network, manager))
            .containsExactly(manager.arange(24f).add(100).toFloatArray());
      }
    }
  }

  private static float[] constant(TorchScriptNetwork network, NDManager manager) {
    NDArray input = manager.zeros(new Shape(1, 4, 3, 2));
    return network.forward(input, manager.zeros(new Shape(1)), null).toFloatArray();
  }

  /** What a GPU does: through one buffer, from which each parameter is copied. */
  @Test
  void valuesGoThroughOneBufferWhereTheEngineHasNoMemoryOnTheHost() throws Exception {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      NDArray parameter = manager.zeros(new Shape(2, 2));
      ByteBuffer staging = ParameterMemory.allocate(64);
      ParameterMemory memory = ParameterMemory.staged(parameter, staging);
      memory.values().put(new float[] {1, 2, 3, 4});
      memory.written();
      assertThat(parameter.toFloatArray()).containsExactly(1, 2, 3, 4);
    }
  }

  @Test
  void refusesACheckpointWithAnotherShape() throws Exception {
    Path other = edited("noise.bias", new FloatArray(TensorShape.of(2, 2), new float[4]));
    try (TorchScriptNetwork network = load("small.pt")) {
      BadInputException refused = refusal(network, other);
      assertThat(refused.reason()).isEqualTo(Reason.WRONG_SHAPE);
      assertThat(refused)
          .hasMessageContaining(other.toString())
          .hasMessageContaining("noise.bias is [2, 2], the template's is [4]")
          .hasMessageContaining("small.pt");
    }
  }

  @Test
  void refusesACheckpointWithoutAParameter() throws Exception {
    Path without =
        rewritten("small-a.safetensors", name -> name.equals("last.bias") ? "" : name, Map.of());
    try (TorchScriptNetwork network = load("small.pt")) {
      BadInputException refused = refusal(network, without);
      assertThat(refused.reason()).isEqualTo(Reason.MISMATCH);
      assertThat(refused).hasMessageContaining("last.bias [2] is missing");
    }
  }

  @Test
  void refusesWeightsThatAreNotFinite() throws Exception {
    Path diverged =
        edited("last.bias", new FloatArray(TensorShape.of(2), new float[] {0, Float.NaN}));
    try (TorchScriptNetwork network = load("small.pt")) {
      BadInputException refused = refusal(network, diverged);
      assertThat(refused.reason()).isEqualTo(Reason.NON_FINITE);
      assertThat(refused).hasMessageContaining("last.bias").hasMessageContaining("element 1");
      // The weights before it were replaced already; the next good checkpoint replaces all.
      network.loadWeights(WeightsLocation.of(resource("small-b.safetensors")));
      assertThat(outputs(network)).containsExactly(expected("b"), within(1e-5f));
    }
  }

  @Test
  void refusesFilesThatAreNoCheckpoints() throws Exception {
    Path good = resource("small-a.safetensors");
    Path truncated = folder.resolve("truncated.safetensors");
    byte[] bytes = Files.readAllBytes(good);
    Files.write(truncated, Arrays.copyOf(bytes, bytes.length - 5));
    try (TorchScriptNetwork network = load("small.pt")) {
      assertThat(refusal(network, truncated).reason()).isEqualTo(Reason.TRUNCATED);
      assertThat(refusal(network, folder.resolve("absent.safetensors")).reason())
          .isEqualTo(Reason.VANISHED);
      network.loadWeights(WeightsLocation.of(good));
      assertThat(outputs(network)).containsExactly(expected("a"), within(1e-5f));
    }
  }

  @Test
  void refusesBuffersThatItCannotTake() throws Exception {
    try (TorchScriptNetwork network = load("batchnorm.pt")) {
      BadInputException refused = refusal(network, resource("batchnorm.safetensors"));
      assertThat(refused.reason()).isEqualTo(Reason.MISMATCH);
      assertThat(refused)
          .hasMessageContaining("norm.running_mean")
          .hasMessageContaining("norm.running_var")
          .hasMessageContaining("register them as parameters");
    }
  }

  @Test
  void theFirstOfTwoOutputsCounts() throws Exception {
    try (TorchScriptNetwork network = load("representation.pt");
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      NDArray input = manager.ones(new Shape(3, 1, 4, 4));
      NDArray output = network.forward(input, manager.zeros(new Shape(3)), null);
      assertThat(output.getShape()).isEqualTo(new Shape(3, 1, 4, 4));
      assertThat(output.toFloatArray()).containsOnly(2f);
    }
  }

  /** With F = 2 input, D = x (sd^2 + 2 s sd) / (s^2 + sd^2); the label is not used. */
  @Test
  void edmPreconditioningAroundALinearNetwork() throws Exception {
    try (NetworkDenoiser denoiser = NetworkDenoiser.create(load("representation.pt"));
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      for (double sigma : new double[] {.002, .5, 80}) {
        double[] x = new double[32];
        for (int i = 0; i < x.length; i++) {
          x[i] = sigma * (i - 16);
        }
        double factor = (.25 + 2 * sigma * .5) / (sigma * sigma + .25);
        double[] found =
            denoiser.denoise(manager.create(x, new Shape(2, 16)), sigma).toDoubleArray();
        for (int i = 0; i < x.length; i++) {
          // The network computes in float32.
          assertThat(found[i]).isCloseTo(factor * x[i], within(1e-6 * (1 + Math.abs(x[i]))));
        }
      }
    }
  }

  @Test
  void saysWhatIsWrongWithATemplate() throws Exception {
    Path text = Files.writeString(folder.resolve("text.pt"), "no network");
    assertRefused(text, Reason.MALFORMED, "not a TorchScript file");
    assertRefused(resource("state-dict.pt"), Reason.UNSUPPORTED, "without a graph");
    assertRefused(folder.resolve("absent.pt"), Reason.VANISHED, "no such file");
    assertRefused(resource("no-settings.pt"), Reason.UNSUPPORTED, "diffuscope.json");
    assertRefused(resource("half.pt"), Reason.UNSUPPORTED, "type Half");
    assertRefused(resource("bfloat16.pt"), Reason.UNSUPPORTED, "type BFloat16");
    assertRefused(resource("double.pt"), Reason.UNSUPPORTED, "float64");
    assertRefused(resource("text-to-image.pt"), Reason.UNSUPPORTED, "text-to-image");
    assertRefused(
        resource("three-inputs.pt"), Reason.UNSUPPORTED, "[input, noise_label, class_label]");
    byte[] whole = Files.readAllBytes(resource("small.pt"));
    Path cut = folder.resolve("cut.pt");
    Files.write(cut, Arrays.copyOf(whole, whole.length / 2));
    assertRefused(cut, Reason.MALFORMED, "not a TorchScript file");
    assertRefused(Files.createDirectory(folder.resolve("folder.pt")), null, "folder.pt");
  }

  /** What is found in the archive is what the engine has, so that both match alike. */
  @ParameterizedTest
  @ValueSource(strings = {"small.pt", "memorizer.pt", "gaussian-epsilon.pt", "conditional.pt"})
  void parametersInTheArchiveAreThoseOfTheEngine(String name) throws Exception {
    try (TensorSource template = WeightFiles.open(resource(name));
        TorchScriptNetwork network = load(name)) {
      TemplateMatch match = TemplateMatch.of(template, template, null);
      assertThat(match.isComplete()).isTrue();
      assertThat(
              match.tensors().values().stream()
                  .mapToLong(
                      tensor ->
                          Objects.requireNonNull(template.tensors().get(tensor)).shape().elements())
                  .sum())
          .isEqualTo(network.parameterCount());
    }
  }

  @Test
  void theArchiveTellsBuffersFromParameters() throws Exception {
    try (TensorSource template = WeightFiles.open(resource("batchnorm.pt"));
        TensorSource checkpoint = WeightFiles.open(resource("batchnorm.safetensors"))) {
      TemplateMatch match = TemplateMatch.of(template, checkpoint, null);
      assertThat(match.tensors()).containsOnlyKeys("norm.weight", "norm.bias");
      assertThat(match.lostBuffers()).containsExactly("norm.running_mean", "norm.running_var");
    }
  }

  @Test
  void settingsThatTheTemplateLacksCanBeGiven() throws Exception {
    NetworkSettings.Overrides given =
        NetworkSettings.Overrides.of(Map.of("preconditioning", "denoiser", "shape", List.of(3, 2)));
    NetworkSettings settings = TorchScriptNetwork.readSettings(resource("no-settings.pt"), given);
    assertThat(settings.preconditioning()).isEqualTo(Preconditioning.DENOISER);
    assertThat(settings.shape()).isEqualTo(TensorShape.of(3, 2));
    assertThat(TorchScriptNetwork.readSettings(resource("small.pt"), given).shape())
        .as("what is given replaces what the file says")
        .isEqualTo(TensorShape.of(3, 2));
  }

  private static void assertRefused(Path template, @Nullable Reason reason, String text) {
    BadInputException refused =
        catchThrowableOfType(
            BadInputException.class,
            () ->
                TorchScriptNetwork.load(template, Device.cpu(), NetworkSettings.Overrides.NONE)
                    .close());
    assertThat(refused).as(template.toString()).isNotNull().hasMessageContaining(text);
    assertThat(refused.source()).isEqualTo(template.toString());
    if (reason != null) {
      assertThat(refused.reason()).isEqualTo(reason);
    }
  }

  private static BadInputException refusal(TorchScriptNetwork network, Path checkpoint) {
    BadInputException refused =
        catchThrowableOfType(
            BadInputException.class, () -> network.loadWeights(WeightsLocation.of(checkpoint)));
    assertThat(refused).isNotNull();
    return refused;
  }

  private TorchScriptNetwork load(String name) throws IOException {
    return TorchScriptNetwork.load(resource(name), Device.cpu(), NetworkSettings.Overrides.NONE);
  }

  private float[] outputs(TorchScriptNetwork network) throws IOException {
    try (NpzFile fixture = NpzFile.open(resource("small-outputs.npz"));
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      NDArray input = manager.create(floats(fixture, "input"), new Shape(5, 1, 4, 4));
      NDArray label = manager.create(floats(fixture, "noise_label"));
      return network.forward(input, label, null).toFloatArray();
    }
  }

  private float[] expected(String which) throws IOException {
    try (NpzFile fixture = NpzFile.open(resource("small-outputs.npz"))) {
      return floats(fixture, "output_" + which);
    }
  }

  private static float[] floats(NpzFile file, String name) throws IOException {
    try (ArrayFile array = file.array(name)) {
      double[] wide = array.readDoubles();
      float[] values = new float[wide.length];
      for (int i = 0; i < wide.length; i++) {
        values[i] = (float) wide[i];
      }
      return values;
    }
  }

  private Path edited(String tensor, FloatArray value) throws IOException {
    return rewritten("small-a.safetensors", name -> name, Map.of(tensor, value));
  }

  /** A copy with other names (none for an empty one) and some tensors added or replaced. */
  private Path rewritten(
      String resource, UnaryOperator<String> rename, Map<String, FloatArray> more)
      throws IOException {
    Map<String, FloatArray> tensors = new LinkedHashMap<>();
    tensors(resource, "")
        .forEach(
            (name, value) -> {
              if (!rename.apply(name).isEmpty()) {
                tensors.put(rename.apply(name), value);
              }
            });
    tensors.putAll(more);
    Path target = folder.resolve("rewritten-" + resource);
    SafetensorsWriter.write(target, tensors, Map.of());
    return target;
  }

  private Map<String, FloatArray> tensors(String resource, String prefix) throws IOException {
    Map<String, FloatArray> tensors = new LinkedHashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(resource(resource))) {
      for (String name : file.tensors().keySet()) {
        TensorShape shape = Objects.requireNonNull(file.tensors().get(name)).shape();
        float[] values = new float[Math.toIntExact(shape.elements())];
        file.readFloats(name, 0, FloatBuffer.wrap(values));
        tensors.put(prefix + name, new FloatArray(shape, values));
      }
    }
    return tensors;
  }

  private Path resource(String name) throws IOException {
    Path target = folder.resolve(name);
    try (InputStream in =
        Objects.requireNonNull(TorchScriptNetworkTest.class.getResourceAsStream(name), name)) {
      Files.write(target, in.readAllBytes());
    }
    return target;
  }
}
