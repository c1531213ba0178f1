package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.data.MixtureParameters;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoDataTest {
  private static final int SIZE = 64;

  @TempDir private Path folder = Path.of("");

  @Test
  void digitsAreSplitWithoutOverlap() throws IOException {
    DemoData data = DemoData.write(folder, DemoData.Source.DIGITS, 898, 3);
    List<List<Float>> train = rows(data.train(), 898);
    List<List<Float>> holdout = rows(data.holdout(), 898);
    // Counted, not compared, because two digits may be alike: no digit is used more often than it
    // is there.
    Map<List<Float>, Integer> left = new HashMap<>();
    for (double[] digit : Digits.read(folder).scaled()) {
      left.merge(Arrays.stream(digit).mapToObj(value -> (float) value).toList(), 1, Integer::sum);
    }
    Stream.concat(train.stream(), holdout.stream())
        .forEach(row -> left.merge(row, -1, Integer::sum));
    assertThat(left.values()).allMatch(count -> count >= 0);
    assertThat(left.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(1797 - 2 * 898);
    assertThat(data.teacher()).isNull();
  }

  @Test
  void digitsCoverTheRangeFromMinusOneToOne() throws IOException {
    DemoData data = DemoData.write(folder, DemoData.Source.DIGITS, 128, 1);
    List<Float> values = rows(data.train(), 128).stream().flatMap(List::stream).toList();
    assertThat(values).allMatch(value -> value >= -1 && value <= 1 && value * 8 % 1 == 0);
    assertThat(values).contains(-1f, 1f);
  }

  @Test
  void theSeedChoosesTheDigits() throws IOException {
    List<List<Float>> first = rows(write("a", DemoData.Source.DIGITS, 50, 1).train(), 50);
    List<List<Float>> again = rows(write("b", DemoData.Source.DIGITS, 50, 1).train(), 50);
    List<List<Float>> other = rows(write("c", DemoData.Source.DIGITS, 50, 2).train(), 50);
    assertThat(again).isEqualTo(first);
    assertThat(other).isNotEqualTo(first);
  }

  @Test
  void moreThanHalfOfTheDigitsIsRefused() {
    assertThatThrownBy(() -> DemoData.write(folder, DemoData.Source.DIGITS, 899, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at most 898");
    assertThatThrownBy(() -> DemoData.write(folder, DemoData.Source.DIGITS, Integer.MAX_VALUE, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> DemoData.write(folder, DemoData.Source.DIGITS, 0, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void leavesNothingElseBehind() throws IOException {
    DemoData.write(folder, DemoData.Source.MIXTURE, 4, 1);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(file -> String.valueOf(file.getFileName())))
          .containsExactlyInAnyOrder("train.npy", "holdout.npy", "template.pt", "teacher.npz");
    }
  }

  @Test
  void mixtureHasTheTeachersMomentsForAnySize() throws IOException {
    int count = 3000;
    DemoData data = write("m", DemoData.Source.MIXTURE, count, 1);
    List<List<Float>> train = rows(data.train(), count);
    assertThat(rows(data.holdout(), count)).doesNotContainAnyElementsOf(train.subList(0, 100));
    assertThat(data.teacher()).isNotNull();
    MixtureParameters teacher = MixtureParameters.read(folder.resolve("m/teacher.npz"));
    double[] weights = teacher.weights();
    double[] means = teacher.means();
    double squares = 0;
    for (int k = 0; k < teacher.components(); k++) {
      double norm = 0;
      for (int j = 0; j < SIZE; j++) {
        norm += Math.pow(means[k * SIZE + j], 2);
      }
      for (int r = 0; r < teacher.rank(); r++) {
        norm += teacher.variances()[k * teacher.rank() + r];
      }
      norm += (SIZE - teacher.rank()) * teacher.residualVariance()[k];
      squares += weights[k] * norm;
    }
    double[] norms =
        train.stream()
            .mapToDouble(row -> row.stream().mapToDouble(value -> value * value).sum())
            .toArray();
    assertMean(norms, squares);
    for (int j = 0; j < SIZE; j++) {
      int element = j;
      double expected = 0;
      for (int k = 0; k < teacher.components(); k++) {
        expected += weights[k] * means[k * SIZE + element];
      }
      assertMean(train.stream().mapToDouble(row -> row.get(element)).toArray(), expected);
    }
  }

  @Test
  void resourceHoldsTheDigitsAsPublished() throws IOException {
    Digits digits = Digits.read(folder);
    // Class counts and first row as in scikit-learn's documentation of load_digits.
    assertThat(digits.counts()).containsExactly(178, 182, 177, 183, 181, 182, 181, 179, 174, 180);
    assertThat(Arrays.copyOf(digits.images(), 8)).containsExactly(0, 0, 5, 13, 9, 1, 0, 0);
    assertThat(digits.images()).hasSize(1797 * SIZE);
  }

  /** Mean within five standard errors; the floor allows for a constant element of float32. */
  private static void assertMean(double[] values, double expected) {
    double mean = Arrays.stream(values).average().orElseThrow();
    double variance =
        Arrays.stream(values).map(value -> Math.pow(value - mean, 2)).average().orElseThrow();
    assertThat(mean).isCloseTo(expected, within(5 * Math.sqrt(variance / values.length) + 1e-6));
  }

  private DemoData write(String name, DemoData.Source source, int size, long seed)
      throws IOException {
    return DemoData.write(folder.resolve(name), source, size, seed);
  }

  private static List<List<Float>> rows(Path file, int count) throws IOException {
    try (DataSet set = DataSets.open(file.toString(), "set", TensorShape.of(1, 8, 8))) {
      assertThat(set.size()).isEqualTo(count);
      FloatBuffer values = FloatBuffer.allocate(count * SIZE);
      set.read(0, count, values);
      List<List<Float>> rows = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        List<Float> row = new ArrayList<>();
        for (int j = 0; j < SIZE; j++) {
          row.add(values.get(i * SIZE + j));
        }
        rows.add(row);
      }
      return rows;
    }
  }
}
