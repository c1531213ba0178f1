package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.tensorfile.FloatArray;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class WeightAverageTest {
  @Test
  void followsTheHandComputation() {
    try (NDManager manager = NDManager.newBaseManager()) {
      NDArray weight = manager.create(new float[] {1, -2});
      WeightAverage average = new WeightAverage(Map.of("w", weight), 0.15, manager);
      assertThat(values(average)).containsExactly(1, -2);

      weight.set(new float[] {11, 8});
      average.update(); // d = 1 / 10: 0.1 * (1, -2) + 0.9 * (11, 8)
      assertThat(values(average)).containsExactly(new float[] {10, 7}, Offset.offset(1e-5f));

      weight.set(new float[] {0, 18});
      average.update(); // d = min(0.15, 2 / 11): 0.15 * (10, 7) + 0.85 * (0, 18)
      assertThat(values(average)).containsExactly(new float[] {1.5f, 16.35f}, Offset.offset(1e-5f));
    }
  }

  @Test
  void snapshotIsACopy() {
    try (NDManager manager = NDManager.newBaseManager()) {
      NDArray weight = manager.create(new float[] {4});
      WeightAverage average = new WeightAverage(Map.of("w", weight), 0.9, manager);
      float[] before = values(average);
      weight.set(new float[] {40});
      average.update();
      assertThat(before).containsExactly(4);
      assertThat(values(average)).containsExactly(new float[] {36.4f}, Offset.offset(1e-5f));
    }
  }

  private static float[] values(WeightAverage average) {
    FloatArray array = average.snapshot().get("w");
    assertThat(array).isNotNull();
    return array == null ? new float[0] : array.values();
  }
}
