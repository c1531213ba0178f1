package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.EvidenceObservation;
import io.diffuscope.sampling.WorstSample;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WorstSamplesTest {
  @Test
  void theWorstOfAllBlocksWhateverTheirOrder() {
    List<EvidenceObservation> blocks = new ArrayList<>();
    for (int block = 0; block < 4; block++) {
      List<WorstSample> worst = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        // Ratios .1, .2, ... over all blocks, mixed.
        worst.add(sample(10L * block + i, 1 + i * 4 + block, 10));
      }
      blocks.add(new EvidenceObservation(block, worst));
    }
    for (int seed = 0; seed < 5; seed++) {
      Collections.shuffle(blocks, new Random(seed));
      WorstSamples fold = new WorstSamples(6);
      blocks.forEach(fold::observe);
      fold.observe(blocks.getFirst());
      fold.observe(new DenoisingObservation(0, .1, 0, new double[] {1}));
      assertThat(fold.worst())
          .as("one block twice changes nothing")
          .extracting(WorstSample::sample)
          .containsExactly(0L, 10L, 20L, 30L, 1L, 11L);
    }
  }

  @Test
  void noSecondPointAndAnExactCopyOfTwoGroupsCountAsCopies() {
    assertThat(sample(1, 0, 0).ratio()).isZero();
    assertThat(sample(1, 3, Double.POSITIVE_INFINITY).ratio()).isZero();
    assertThat(sample(1, 3, 4).ratio()).isEqualTo(.75);
  }

  private static WorstSample sample(long index, double d1, double d2) {
    return new WorstSample(index, 1, d1, 2, d2, 1, -1, Double.POSITIVE_INFINITY, null);
  }
}
