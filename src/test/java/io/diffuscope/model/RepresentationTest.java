package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against PyTorch's own numbers; {@code src/test/python/make_representation_fixtures.py}. */
class RepresentationTest {
  private static final String MODELS = "/io/diffuscope/model/";

  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @ParameterizedTest
  @EnumSource(Pooling.class)
  void featureMapsArePooledOverTheirPositions(Pooling pooling) throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Path numbers = files.resource(MODELS + "representations.npz");
    try (NetworkDenoiser denoiser = denoiser(files.resource(MODELS + "feature-maps.pt"));
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      assertThat(denoiser.network().settings().hasRepresentation()).isTrue();
      denoiser
          .network()
          .loadWeights(WeightsLocation.of(files.resource(MODELS + "feature-maps.safetensors")));
      double sigma = read(numbers, "sigma", 1)[0];
      NDArray x =
          manager
              .create(read(numbers, "inputs", 84), new Shape(7, 12))
              .toType(DataType.FLOAT64, false);
      NDArray found = denoiser.represent(x, sigma, null, pooling);
      assertThat(found.getShape()).isEqualTo(new Shape(7, 5));
      assertThat(found.toFloatArray())
          .containsExactly(read(numbers, pooling.label(), 35), within(1e-5f));
    }
  }

  @Test
  void aTemplateThatNamesNoneHasNone() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    try (NetworkDenoiser denoiser = denoiser(files.resource(MODELS + "small.pt"));
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      assertThat(denoiser.network().settings().hasRepresentation()).isFalse();
      NDArray x = manager.zeros(new Shape(2, 16), DataType.FLOAT64);
      assertThatThrownBy(() -> denoiser.represent(x, 1, null, Pooling.MAX))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("returns no representation");
    }
  }

  private static NetworkDenoiser denoiser(Path file) throws Exception {
    return NetworkDenoiser.create(
        TorchScriptNetwork.load(file, Device.cpu(), NetworkSettings.Overrides.NONE));
  }

  private static float[] read(Path archive, String name, int size) throws Exception {
    try (ArrayFile file = ArrayFile.open(archive + ":" + name)) {
      int rows = Math.toIntExact(file.shape().dimension(0));
      FloatBuffer values = FloatBuffer.allocate(size);
      file.readRows(0, rows, values);
      return values.array();
    }
  }
}
