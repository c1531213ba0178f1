package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.ReferenceFlows.BlockReferences;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Sample by sample, with what NumPy finds over all pairs ({@code make_neighbour_fixtures.py}). */
class NeighbourAgreementTest {
  private static final int D = 48;
  private static final double TOLERANCE = 1e-5;

  @TempDir private Path folder;
  private Path file = Path.of("");

  @ParameterizedTest
  @EnumSource(Augmentation.class)
  void neighboursAreThoseOfNumPy(Augmentation augment) throws Exception {
    Devices.configure(1);
    file = new ProbeFiles(folder).resource("/io/diffuscope/sampling/neighbours.npz");
    TensorShape shape = TensorShape.of(3, 4, 4);
    Orbit orbit = Orbit.of(augment, shape, "images");
    String prefix = augment == Augmentation.HFLIP ? "hflip_" : "";
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      DataSet train = DataSet.of("train", shape, floats("train"));
      DataSet holdout = DataSet.of("holdout", shape, floats("holdout"));
      DevicePoints points = DevicePoints.load(manager, train, 1 << 20);
      SetGeometry geometry =
          Tasks.run(
              new GeometryTask(
                  manager,
                  new ComparedSets(train, points, holdout, orbit),
                  train,
                  holdout,
                  7,
                  1 << 20,
                  new NeighbourSettings(augment, NeighbourSettings.DEFAULT_OPERATIONS),
                  1,
                  Split.BY_POINTS));
      assertThat(geometry.duplicateDistance())
          .isCloseTo(doubles(prefix + "duplicate_distance")[0], within(TOLERANCE));
      assertThat(geometry.trainGroups()).containsExactly(ints(prefix + "groups"));
      int[] compared = Objects.requireNonNull(geometry.comparedHoldout());
      assertThat(compared).containsExactly(ints(prefix + "compared"));

      DevicePoints heldOut = DevicePoints.load(manager, RowSubset.of(holdout, compared), 1 << 20);
      Samples.Measured found =
          new Samples(
                  points,
                  new NeighbourSearch(points, orbit),
                  geometry,
                  new NeighbourSearch(heldOut, orbit))
              .measure(
                  0,
                  0,
                  manager.create(floats("samples"), new Shape(20, D)),
                  new BlockReferences(Map.of(), null, null));
      // Which of two equal training images is named is nobody's concern.
      int[] first = ints(prefix + "first");
      for (int i = 0; i < first.length; i++) {
        int named = found.neighbours().train()[i];
        assertThat(named == first[i] || (named == 7 && first[i] == 3)).isTrue();
      }
      assertThat(found.neighbours().secondTrain()).containsExactly(ints(prefix + "second"));
      assertThat(
              Arrays.stream(Objects.requireNonNull(found.neighbours().holdout()))
                  .map(i -> compared[i]))
          .containsExactly(Arrays.stream(ints(prefix + "near")).boxed().toArray(Integer[]::new));
      assertThat(found.observation().trainDistance())
          .containsExactly(doubles(prefix + "d1"), within(TOLERANCE));
      assertThat(found.observation().secondDistance())
          .containsExactly(doubles(prefix + "d2"), within(TOLERANCE));
      assertThat(Objects.requireNonNull(found.observation().holdoutDistance()))
          .containsExactly(doubles(prefix + "dh"), within(TOLERANCE));
    }
  }

  private double[] doubles(String name) throws IOException {
    try (ArrayFile array = ArrayFile.open(file + ":" + name)) {
      return array.readDoubles();
    }
  }

  private float[] floats(String name) throws IOException {
    double[] values = doubles(name);
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private int[] ints(String name) throws IOException {
    return Arrays.stream(doubles(name)).mapToInt(value -> (int) value).toArray();
  }
}
