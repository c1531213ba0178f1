package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.NetworkSettings.Overrides;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The class-conditional network of {@code src/test/python/make_network_fixtures.py}: D = table[c] +
 * x / 4 with the rows (1, 2), (10, 20), (100, 200) and (0.5, -0.5) for no class.
 */
class NetworkDenoiserTest {
  @TempDir private Path folder = Path.of("");
  private NDManager manager;

  @BeforeEach
  void open() {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void everyRowHasItsOwnClassAndMinusOneIsNone() throws Exception {
    try (NetworkDenoiser network = network(Map.of())) {
      Denoiser given = network.given(new int[] {2, -1, 0});
      assertThat(given.dimension()).isEqualTo(2);
      assertRows(given, 100, 200, .5, -.5, 1, 2);
      assertRows(given.given(new int[] {1, 1, 2}), 10, 20, 10, 20, 100, 200);
      // Nothing of it stays behind: without classes it is the null label again.
      assertRows(network, .5, -.5, .5, -.5, .5, -.5);
    }
  }

  /** D_null + w (D_class - D_null), so that w = 0 is no class and w = 1 the class alone. */
  @Test
  void guidanceMovesAwayFromTheUnconditionalDenoiser() throws Exception {
    try (NetworkDenoiser network = network(Map.of("guidance", 3))) {
      assertRows(
          network.given(new int[] {0, -1, 1}),
          .5 + 3 * .5,
          -.5 + 3 * 2.5,
          .5,
          -.5,
          .5 + 3 * 9.5,
          -.5 + 3 * 20.5);
    }
    try (NetworkDenoiser network = network(Map.of("guidance", 0))) {
      assertRows(network.given(new int[] {0, 1, 2}), .5, -.5, .5, -.5, .5, -.5);
    }
  }

  @Test
  void labelsThatTheNetworkDoesNotHaveAreRefused() throws Exception {
    try (NetworkDenoiser network = network(Map.of())) {
      assertThatThrownBy(() -> network.given(new int[] {0, 3}))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("label 3")
          .hasMessageContaining("0 to 2");
      assertThatThrownBy(() -> network.given(new int[] {-2})).hasMessageContaining("label -2");
      NDArray three = manager.zeros(new Shape(3, 2));
      assertThatThrownBy(() -> network.given(new int[] {0, 1}).denoise(three, 1))
          .hasMessageContaining("2 labels");
    }
  }

  @Test
  void aNetworkWithoutANullLabelNeedsAClassForEveryRow() throws Exception {
    Path template = resource("three-inputs.pt");
    Overrides three = Overrides.of(Map.of("classes", 3));
    try (NetworkDenoiser network =
        NetworkDenoiser.create(TorchScriptNetwork.load(template, Device.cpu(), three))) {
      assertRows(network.given(new int[] {0, 1, 2}), 1, 2, 10, 20, 100, 200);
      NDArray x = manager.zeros(new Shape(3, 2));
      assertThatThrownBy(() -> network.denoise(x, 1)).hasMessageContaining("null_label");
      assertThatThrownBy(() -> network.given(new int[] {0, -1}))
          .hasMessageContaining("no null label");
    }
  }

  @Test
  void anUnconditionalNetworkKnowsNoClasses() throws Exception {
    Path template = resource("gaussian-epsilon.pt");
    try (NetworkDenoiser network =
        NetworkDenoiser.create(TorchScriptNetwork.load(template, Device.cpu(), Overrides.NONE))) {
      assertThat(network.given(new int[] {0})).isSameAs(network);
    }
    assertThatThrownBy(
            () -> TorchScriptNetwork.readSettings(template, Overrides.of(Map.of("classes", 3))))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("takes no class label");
  }

  /** Three rows around zero: the table's row plus a quarter of x. */
  private void assertRows(Denoiser denoiser, double... table) {
    double[] x = {0, 4, -8, 0, 12, 1};
    double[] found = denoiser.denoise(manager.create(x, new Shape(3, 2)), 1.5).toDoubleArray();
    for (int i = 0; i < x.length; i++) {
      assertThat(found[i]).isCloseTo(table[i] + x[i] / 4, within(1e-4));
    }
  }

  private NetworkDenoiser network(Map<String, ?> overrides) throws IOException {
    return NetworkDenoiser.create(
        TorchScriptNetwork.load(resource("conditional.pt"), Device.cpu(), Overrides.of(overrides)));
  }

  private Path resource(String name) throws IOException {
    Path target = folder.resolve(name);
    try (InputStream in =
        Objects.requireNonNull(NetworkDenoiserTest.class.getResourceAsStream(name), name)) {
      Files.write(target, in.readAllBytes());
    }
    return target;
  }
}
