package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.sampling.FlowSettings.Solver;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Probability flows through TorchScript networks that are optimal for Gaussian data and know the
 * noise level from their label alone ({@code src/test/python/make_network_fixtures.py}). Their
 * endpoints are known without any network or solver: {@code mu + sqrt(v / (v + T^2)) (x_T - mu)}.
 */
class NetworkFlowOracleTest {
  private static final double[] MEAN = {.3, -1, 0};
  private static final double[] VARIANCE = {.25, .01, 2};
  private static final int ROWS = 64;

  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @ValueSource(strings = {"epsilon", "v_prediction", "sample", "flow", "flow-reversed"})
  void endpointsAreThoseOfTheExactFlow(String kind) throws Exception {
    Devices.configure(1);
    try (NetworkDenoiser network = network(kind);
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      SigmaGrid grid =
          new SigmaGrid(400, .002, 80, 7).clippedTo(network.network().settings().sigmaRange());
      // The DDPM schedule starts at 0.01; flow matching knows every level.
      assertThat(grid.sigmaMin()).isBetween(.002, .0101);
      assertThat(grid.sigmaMax()).isEqualTo(80);
      double[] noise = NoiseBank.seeded(5, 3).read(0, ROWS);
      ProbabilityFlow flow =
          ProbabilityFlow.start(manager, network, new FlowSettings(Solver.HEUN, grid), noise, ROWS);
      while (flow.advance()) {}
      NDArray endpoints = flow.endpoints(manager);

      double difference = 0;
      double size = 0;
      for (int i = 0; i < noise.length; i++) {
        double mean = MEAN[i % 3];
        double variance = VARIANCE[i % 3];
        double expected =
            mean + Math.sqrt(variance / (variance + 80 * 80)) * (80 * noise[i] - mean);
        difference += Math.pow(endpoints.getFloat(i / 3, i % 3) - expected, 2);
        size += expected * expected;
      }
      // The last step, from the lowest level to 0 by Euler's rule, is most of it.
      assertThat(Math.sqrt(difference / size)).isLessThan(1e-3);
    }
  }

  /** A wrong label would go unnoticed if the network did not depend on it. */
  @Test
  void labelsOfAnotherScheduleAreNoticed() throws Exception {
    Devices.configure(1);
    try (NetworkDenoiser right = network("epsilon");
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      NDArray x = manager.create(new double[] {1, 1, 1}, new Shape(1, 3));
      NetworkSettings.Overrides other =
          NetworkSettings.Overrides.of(
              Map.of("schedule", Map.of("beta_schedule", "scaled_linear")));
      try (NetworkDenoiser wrong =
          NetworkDenoiser.create(
              TorchScriptNetwork.load(template("epsilon"), Device.cpu(), other))) {
        double distance = right.denoise(x, 1).sub(wrong.denoise(x, 1)).abs().max().getDouble();
        assertThat(distance).isGreaterThan(.01);
      }
    }
  }

  private NetworkDenoiser network(String kind) throws Exception {
    return NetworkDenoiser.create(
        TorchScriptNetwork.load(template(kind), Device.cpu(), NetworkSettings.Overrides.NONE));
  }

  private Path template(String kind) throws Exception {
    String name = "gaussian-%s.pt".formatted(kind);
    Path target = folder.resolve(name);
    try (InputStream in =
        Objects.requireNonNull(
            NetworkFlowOracleTest.class.getResourceAsStream("/io/diffuscope/model/" + name))) {
      Files.write(target, in.readAllBytes());
    }
    return target;
  }
}
