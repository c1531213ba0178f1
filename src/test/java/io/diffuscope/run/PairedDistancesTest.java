package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.sampling.Reference;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PairedDistancesTest {
  private static final int BYTES = 3 * Double.BYTES;

  @Test
  void theNextIsComparedWithTheLastOneJudgedBeforeIt() {
    PairedDistances distances = new PairedDistances(10 * BYTES);
    assertThat(distances.before(null)).isEmpty();
    distances.put(10L, of(1));
    distances.put(20L, of(2));
    distances.put(null, of(3));
    assertThat(distances.before(20L)).isEqualTo(of(2));
    assertThat(distances.before(10L)).isEqualTo(of(1));
    assertThat(distances.before(null)).as("measured before").isEqualTo(of(3));
  }

  @Test
  void anAttemptGoesOnFromWhatWasBefore() {
    PairedDistances distances = new PairedDistances(10 * BYTES);
    distances.put(10L, of(1));
    distances.put(20L, of(2));
    distances.resumeFrom(20);
    assertThat(distances.before(10L)).isEqualTo(of(1));
    assertThat(distances.before(20L)).isEmpty();
    assertThat(distances.before(null)).isEmpty();
  }

  @Test
  void beyondItsMemoryThereIsNothingToCompareWith() {
    PairedDistances distances = new PairedDistances(2 * BYTES);
    for (long step = 1; step <= 5; step++) {
      distances.put(step, of(step));
    }
    assertThat(distances.before(3L)).isEmpty();
    assertThat(distances.before(4L)).isEqualTo(of(4));
    // What is superseded makes room.
    distances.resumeFrom(5);
    distances.put(5L, of(6));
    assertThat(distances.before(4L)).isEqualTo(of(4));

    PairedDistances none = new PairedDistances(0);
    none.put(1L, of(1));
    assertThat(none.before(1L)).as("the latest is always kept").isEqualTo(of(1));
  }

  /** Arrays are equal by identity: one for each number. */
  private static final Map<Long, Map<Reference, double[]>> MADE = new HashMap<>();

  private static Map<Reference, double[]> of(long number) {
    return MADE.computeIfAbsent(number, n -> Map.of(Reference.TRAIN, new double[] {n, n, n}));
  }
}
