package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.model.Denoiser;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Endpoints of trained networks against those that Python computed with the trainers' own networks:
 * {@code src/test/python/agree_with_samplers.py}. Template, checkpoint, preconditioning, schedule,
 * range of noise levels and solver all take part; the template comes from other weights.
 */
class SamplerAgreementTest {
  private static final double TOLERANCE = 1e-3;
  private static final int POINTS = 16;
  private static final int DIMENSION = 64;
  private static final int CLASSES = 10;

  /** A trained network. */
  private enum Trained {
    /** EDM preconditioning, {@code torch.save} of raw and averaged weights, exported by 1.13. */
    EDM("network-000400.pt", false),
    /** UNet2DModel of diffusers, trained as DDPM for the noise. */
    EPSILON("checkpoint-400/unet_ema/diffusion_pytorch_model.safetensors", false),
    /** For v, with classes and a cosine schedule. */
    V_PREDICTION("checkpoint-400/unet_ema/diffusion_pytorch_model.safetensors", true),
    /** For the velocity of flow matching. */
    FLOW_MATCHING("checkpoint-400/unet_ema/diffusion_pytorch_model.safetensors", false);

    private final String checkpoint;
    private final boolean conditional;

    Trained(String checkpoint, boolean conditional) {
      this.checkpoint = checkpoint;
      this.conditional = conditional;
    }

    Path file(String name) throws Exception {
      return resource(name().toLowerCase(Locale.ROOT) + "/" + name);
    }
  }

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @ParameterizedTest
  @EnumSource
  void endpointsAreThoseOfTheTrainersOwnNetwork(Trained trained) throws Exception {
    double[] noise = values(resource("noise.npy"));
    double[] expected = values(trained.file("endpoints.npy"));
    assertThat(noise).hasSize(POINTS * DIMENSION);
    try (TorchScriptNetwork network =
        TorchScriptNetwork.load(
            trained.file("template.pt"), Device.cpu(), NetworkSettings.Overrides.NONE)) {
      assertThat(network.settings().preconditioning().name()).isEqualTo(trained.name());
      NetworkDenoiser denoiser = NetworkDenoiser.create(network);
      Denoiser given =
          trained.conditional
              ? denoiser.given(IntStream.range(0, POINTS).map(i -> i % CLASSES).toArray())
              : denoiser;

      assertThat(worst(endpoints(network, given, noise), expected))
          .as("before the checkpoint is read")
          .isGreaterThan(.1);

      network.loadWeights(WeightsLocation.of(trained.file(trained.checkpoint)));
      assertThat(network.ignoredTensors()).isEmpty();
      assertThat(worst(endpoints(network, given, noise), expected)).isLessThan(TOLERANCE);
    }
  }

  private static double[] endpoints(TorchScriptNetwork network, Denoiser denoiser, double[] noise) {
    SigmaGrid grid = SigmaGrid.edm(18).clippedTo(network.settings().sigmaRange());
    FlowSettings settings = new FlowSettings(FlowSettings.Solver.HEUN, grid);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        ProbabilityFlow flow = ProbabilityFlow.start(manager, denoiser, settings, noise, POINTS)) {
      while (!flow.isFinished()) {
        flow.advance();
      }
      try (NDArray endpoints = flow.endpoints(manager)) {
        float[] found = endpoints.toFloatArray();
        return IntStream.range(0, found.length).mapToDouble(i -> found[i]).toArray();
      }
    }
  }

  /** The largest distance of two endpoints of one noise, relative to their length. */
  private static double worst(double[] found, double[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double worst = 0;
    for (int point = 0; point < POINTS; point++) {
      double difference = 0;
      double length = 0;
      for (int i = point * DIMENSION; i < (point + 1) * DIMENSION; i++) {
        difference += (found[i] - expected[i]) * (found[i] - expected[i]);
        length += expected[i] * expected[i];
      }
      worst = Math.max(worst, Math.sqrt(difference / length));
    }
    return worst;
  }

  private static Path resource(String name) throws Exception {
    Path file =
        Path.of(
            Objects.requireNonNull(
                    SamplerAgreementTest.class.getResource("/agreement/" + name), name)
                .toURI());
    assertThat(Files.isRegularFile(file)).isTrue();
    return file;
  }

  private static double[] values(Path file) throws Exception {
    try (ArrayFile array = ArrayFile.open(file.toString())) {
      return array.readDoubles();
    }
  }
}
