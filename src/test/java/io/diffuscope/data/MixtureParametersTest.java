package io.diffuscope.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.DoubleArray;
import io.diffuscope.tensorfile.NpzWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MixtureParametersTest {
  @TempDir private Path folder;
  private final Map<String, DoubleArray> arrays = new LinkedHashMap<>();

  /** Two components in three dimensions, with the first two axes, in opposite order, as bases. */
  @BeforeEach
  void validMixture() {
    put("weights", TensorShape.of(2), 0.5, 0.5);
    put("means", TensorShape.of(2, 3), 1, 2, 3, 4, 5, 6);
    put("bases", TensorShape.of(2, 3, 2), 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0);
    put("variances", TensorShape.of(2, 2), 4, 1, 9, 0);
    put("residual_variance", TensorShape.of(2), 0.01, 0.02);
  }

  @Test
  void readsWhatNumpyWrote() throws IOException {
    MixtureParameters teacher = MixtureParameters.read(path("teacher.npz"));
    assertThat(teacher.components()).isEqualTo(2);
    assertThat(teacher.dimension()).isEqualTo(5);
    assertThat(teacher.rank()).isEqualTo(2);
    assertThat(teacher.weights()).containsExactly(0.25, 0.75);
    assertThat(teacher.means()).startsWith(-3, -1.75, -0.5).endsWith(8.25).hasSize(10);
    assertThat(teacher.variances()).containsExactly(4, 1, 9, 0);
    assertThat(teacher.residualVariance()).containsExactly(0.01, 0.02);

    MixtureParameters single = MixtureParameters.read(path("teacher-f4-fortran.npz"));
    assertThat(single.means()).isEqualTo(teacher.means());
    assertThat(single.variances()).isEqualTo(teacher.variances());
    assertThat(single.bases()).containsExactly(teacher.bases(), Offset.offset(1e-7));
  }

  @Test
  void comesBackAsItWasWritten() throws IOException {
    MixtureParameters teacher = MixtureParameters.read(path("teacher.npz"));
    Path file = folder.resolve("copy.npz");
    teacher.write(file);
    MixtureParameters copy = MixtureParameters.read(file);
    assertThat(copy.weights()).isEqualTo(teacher.weights());
    assertThat(copy.means()).isEqualTo(teacher.means());
    assertThat(copy.bases()).isEqualTo(teacher.bases());
    assertThat(copy.variances()).isEqualTo(teacher.variances());
    assertThat(copy.residualVariance()).isEqualTo(teacher.residualVariance());
  }

  @Test
  void cannotBeChangedFromOutside() throws IOException {
    MixtureParameters teacher = MixtureParameters.read(write());
    teacher.means()[0] = 7;
    assertThat(teacher.means()[0]).isEqualTo(1);
  }

  @Test
  void basesMayBeEmptyOrComplete() throws IOException {
    put("bases", TensorShape.of(2, 3, 0));
    put("variances", TensorShape.of(2, 0));
    assertThat(MixtureParameters.read(write()).rank()).isEqualTo(0);

    put("bases", TensorShape.of(2, 3, 3), 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0);
    put("variances", TensorShape.of(2, 3), 1, 2, 3, 4, 5, 6);
    put("residual_variance", TensorShape.of(2), 0, 0);
    assertThat(MixtureParameters.read(write()).rank()).isEqualTo(3);
  }

  @Test
  void arraysMustBeThereAndFitTogether() throws IOException {
    for (String name : arrays.keySet().toArray(String[]::new)) {
      DoubleArray array = Objects.requireNonNull(arrays.remove(name));
      fails(Reason.MISMATCH, "no array '" + name + "'");
      arrays.put(name, new DoubleArray(TensorShape.of(1, 1, 1, 1), new double[1]));
      fails(Reason.WRONG_SHAPE, name + " has the shape [1, 1, 1, 1] instead of [");
      arrays.put(name, array);
    }
    put("bases", TensorShape.of(1, 1, 2), 1, 0);
    put("weights", TensorShape.of(1), 1);
    put("means", TensorShape.of(1, 1), 0);
    put("variances", TensorShape.of(1, 2), 1, 1);
    put("residual_variance", TensorShape.of(1), 1);
    fails(Reason.MALFORMED, "0 <= r <= d");
    put("bases", TensorShape.of(0, 3, 2));
    put("weights", TensorShape.of(0));
    put("means", TensorShape.of(0, 3));
    put("variances", TensorShape.of(0, 2));
    put("residual_variance", TensorShape.of(0));
    fails(Reason.MALFORMED, "[0, 3, 2]");
  }

  @Test
  void weightsMustBeADistribution() throws IOException {
    put("weights", TensorShape.of(2), 0.5, 0.75);
    fails(Reason.MALFORMED, "weights has the sum 1.25 instead of 1");
    put("weights", TensorShape.of(2), 0.5, 0.500002);
    fails(Reason.MALFORMED, "weights has the sum 1.00000");
    put("weights", TensorShape.of(2), 1.5, -0.5);
    fails(Reason.MALFORMED, "weights of component 1 holds the negative value -0.5");
    put("weights", TensorShape.of(2), 0.5, 0.5000005);
    assertThat(MixtureParameters.read(write()).weights()).containsExactly(0.5, 0.5000005);
  }

  @Test
  void basesMustBeOrthonormal() throws IOException {
    put("bases", TensorShape.of(2, 3, 2), 1, 0, 0, 1, 0, 0, 0, 1.0001, 1, 0, 0, 0);
    fails(Reason.MALFORMED, "bases of component 1 is not orthonormal (columns 1 and 1");
    put("bases", TensorShape.of(2, 3, 2), 1, 0.001, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0);
    fails(Reason.MALFORMED, "bases of component 0 is not orthonormal (columns 1 and 0");
    put("bases", TensorShape.of(2, 3, 2), 1, 0, 0, 1, 0, 0, 0, 1.000001, 1, 0, 0, 0);
    assertThat(MixtureParameters.read(write()).bases()[7]).isEqualTo(1.000001);
  }

  @Test
  void variancesMustBeVariances() throws IOException {
    put("variances", TensorShape.of(2, 2), 4, 1, -9, 0);
    fails(Reason.MALFORMED, "variances of component 1 holds the negative value -9.0");
    put("variances", TensorShape.of(2, 2), 4, 1, 9, 0);
    put("residual_variance", TensorShape.of(2), -0.01, 1);
    fails(Reason.MALFORMED, "residual_variance of component 0 holds the negative value");
  }

  @Test
  void valuesMustBeFinite() throws IOException {
    for (String name : arrays.keySet().toArray(String[]::new)) {
      DoubleArray array = Objects.requireNonNull(arrays.get(name));
      double[] values = array.values().clone();
      values[values.length - 1] = Double.NaN;
      arrays.put(name, new DoubleArray(array.shape(), values));
      fails(Reason.NON_FINITE, name + " holds NaN");
      arrays.put(name, array);
    }
  }

  @Test
  void otherFilesAreNoTeachers() throws IOException {
    Path text = Files.writeString(folder.resolve("teacher.npz"), "weights: 1");
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> MixtureParameters.read(text))
        .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.MALFORMED));
  }

  private void put(String name, TensorShape shape, double... values) {
    arrays.put(name, new DoubleArray(shape, values));
  }

  private Path write() throws IOException {
    Path file = folder.resolve("mixture.npz");
    NpzWriter.write(file, arrays);
    return file;
  }

  private void fails(Reason reason, String words) throws IOException {
    Path file = write();
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> MixtureParameters.read(file))
        .withMessageStartingWith(file.toString())
        .withMessageContaining(words)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
  }

  private static Path path(String fixture) {
    URL url = Objects.requireNonNull(MixtureParametersTest.class.getResource(fixture), fixture);
    return Path.of(URI.create(url.toString()));
  }
}
