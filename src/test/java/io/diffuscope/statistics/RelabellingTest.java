package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RelabellingTest {
  /** 35 labellings of 7 points, 5 of them at or above the observed hits. */
  @Test
  void frequencyOfExceedancesIsThatOfAllLabellings() {
    AffinityCounts counts = Counts.of(new int[] {5, 0, 3, 2}, new int[] {1, 0, 1});

    Relabelling.Tally tally = Relabelling.of(counts).draw(200_000, Integer.MAX_VALUE, 1);

    assertThat(tally.drawn()).isEqualTo(200_000);
    assertThat(tally.exceedances() / 200_000.0).isCloseTo(1.0 / 7, within(.003)); // 4 SE
  }

  /** Ties among labellings must count as at or above, though their sums round differently. */
  @Test
  void tiedSamplesDoNotLoseExceedancesToRounding() {
    AffinityCounts counts = Counts.of(new int[] {5, 0, 3, 2}, new int[] {1, 0, 1});
    counts.tie(1, 2);

    Relabelling.Tally tally = Relabelling.of(counts).draw(200_000, Integer.MAX_VALUE, 2);

    assertThat(tally.exceedances() / 200_000.0).isCloseTo(.08571428571428572, within(.0025));
  }

  @Test
  void stopsAtTheAgreedNumberOfExceedances() {
    AffinityCounts counts = Counts.of(new int[] {5, 0, 3, 2}, new int[] {1, 0, 1});

    Relabelling.Tally tally = Relabelling.of(counts).draw(100_000, 1000, 3);

    assertThat(tally.exceedances()).isEqualTo(1000);
    assertThat(tally.stopped()).isTrue();
    assertThat(tally.pValue()).isEqualTo(1000.0 / tally.drawn());
    assertThat(tally.pValue()).isCloseTo(1.0 / 7, within(.02));
  }

  @Test
  void withoutExceedanceThePValueIsOneOfAllDraws() {
    assertThat(new Relabelling.Tally(0, 99_999, false).pValue()).isEqualTo(1e-5);
  }

  @Test
  void everyLabellingReachesWhatOnlyHoldoutPointsHit() {
    AffinityCounts counts = Counts.of(new int[] {0, 0}, new int[] {3, 4});

    assertThat(Relabelling.of(counts).draw(1000, 50, 4).pValue()).isEqualTo(1);
  }
}
