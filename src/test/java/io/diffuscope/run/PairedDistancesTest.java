package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.Reference;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PairedDistancesTest {
  private static final int BYTES = 3 * Double.BYTES;
  private static final SeriesId SERIES = new SeriesId("run", "probe", "/run");

  private static Checkpoint at(long step) {
    return Checkpoint.ofFile("id-" + step, "/run/step-" + step, step);
  }

  /** What another process measured is there as if it had been measured here. */
  @Test
  void whatIsNotInMemoryComesFromTheStore() throws Exception {
    double[] digits = {Math.PI, Double.MIN_VALUE, -0.0, Double.MAX_VALUE, 1e-300};
    try (H2RunStore store = H2RunStore.inMemory()) {
      PairedDistances first = new PairedDistances(store, SERIES, 10 * BYTES);
      first.store("id-10", Map.of(Reference.TRAIN, digits, Reference.HOLDOUT, new double[0]));
      first.store("id-20", of(2));
      first.store("id-20", of(3));

      PairedDistances second = new PairedDistances(store, SERIES, 10 * BYTES);
      assertThat(second.before(at(10)).get(Reference.TRAIN)).containsExactly(digits);
      assertThat(second.before(at(10)).get(Reference.HOLDOUT)).isEmpty();
      assertThat(second.before(at(20)).get(Reference.TRAIN)).containsExactly(3, 3, 3);
      assertThat(second.before(at(30))).isEmpty();
      assertThat(second.before(null)).isEmpty();
      second.goOnFrom("id-20");
      assertThat(second.before(null).get(Reference.TRAIN)).containsExactly(3, 3, 3);
      PairedDistances other =
          new PairedDistances(store, new SeriesId("run", "other", "/run"), 10 * BYTES);
      assertThat(other.before(at(10))).isEmpty();
    }
  }

  @Test
  void theStoreKeepsTheLatestWithinItsBytes() throws Exception {
    int values = (int) (PairedDistances.MOST_BYTES / Double.BYTES / 4);
    try (H2RunStore store = H2RunStore.inMemory()) {
      for (int i = 1; i <= 6; i++) {
        store.keepDistances(SERIES, "id-" + i, Map.of(Reference.TRAIN, new double[values]));
      }
      for (int i = 1; i <= 6; i++) {
        assertThat(store.distances(SERIES, "id-" + i).isEmpty()).as("%d", i).isEqualTo(i <= 2);
      }
    }
  }

  @Test
  void theNextIsComparedWithTheLastOneJudgedBeforeIt() {
    PairedDistances distances = new PairedDistances(RunStore.NONE, SERIES, 10 * BYTES);
    assertThat(distances.before(null)).isEmpty();
    distances.put(10L, of(1));
    distances.put(20L, of(2));
    distances.put(null, of(3));
    assertThat(distances.before(at(20))).isEqualTo(of(2));
    assertThat(distances.before(at(10))).isEqualTo(of(1));
    assertThat(distances.before(null)).as("measured before").isEqualTo(of(3));
  }

  @Test
  void anAttemptGoesOnFromWhatWasBefore() {
    PairedDistances distances = new PairedDistances(RunStore.NONE, SERIES, 10 * BYTES);
    distances.put(10L, of(1));
    distances.put(20L, of(2));
    distances.resumeFrom(20);
    assertThat(distances.before(at(10))).isEqualTo(of(1));
    assertThat(distances.before(at(20))).isEmpty();
    assertThat(distances.before(null)).isEmpty();
  }

  @Test
  void beyondItsMemoryThereIsNothingToCompareWith() {
    PairedDistances distances = new PairedDistances(RunStore.NONE, SERIES, 2 * BYTES);
    for (long step = 1; step <= 5; step++) {
      distances.put(step, of(step));
    }
    assertThat(distances.before(at(3))).isEmpty();
    assertThat(distances.before(at(4))).isEqualTo(of(4));
    // What is superseded makes room.
    distances.resumeFrom(5);
    distances.put(5L, of(6));
    assertThat(distances.before(at(4))).isEqualTo(of(4));

    PairedDistances none = new PairedDistances(RunStore.NONE, SERIES, 0);
    none.put(1L, of(1));
    assertThat(none.before(at(1))).as("the latest is always kept").isEqualTo(of(1));
  }

  /** Arrays are equal by identity: one for each number. */
  private static final Map<Long, Map<Reference, double[]>> MADE = new HashMap<>();

  private static Map<Reference, double[]> of(long number) {
    return MADE.computeIfAbsent(number, n -> Map.of(Reference.TRAIN, new double[] {n, n, n}));
  }
}
