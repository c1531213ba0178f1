package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MomentsTest {
  @Test
  void knownNumbers() {
    Moments moments = Moments.of(2, 4, 4, 4, 5, 5, 7, 9); // sum 40, squared deviations 32

    assertThat(moments).isEqualTo(new Moments(8, 5, 32));
    assertThat(moments.variance()).isEqualTo(32.0 / 7);
    assertThat(moments.standardError()).isCloseTo(Math.sqrt(32.0 / 7 / 8), within(1e-15));
    Estimate estimate = moments.estimate();
    assertThat(estimate.value()).isEqualTo(5);
    assertThat(estimate.upper()).isCloseTo(5 + 1.959963984540054 * .755928946018, within(1e-10));
    assertThat(estimate.samples()).isEqualTo(8);
  }

  @Test
  void mergingKeepsTheVarianceOfNumbersThatAreLargeAgainstTheirSpread() {
    double offset = 1e9;
    double[] all = {offset + 1, offset + 2, offset + 3, offset + 4, offset + 10};

    Moments merged =
        Moments.of(Arrays.copyOf(all, 2)).plus(Moments.of(Arrays.copyOfRange(all, 2, 5)));

    assertThat(merged.variance()).isCloseTo(12.5, within(1e-6)); // of 1, 2, 3, 4, 10
    assertThat(merged.mean()).isEqualTo(offset + 4);
  }

  @Test
  void noneIsNeutralAndOneNumberHasNoError() {
    Moments one = Moments.of(3);

    assertThat(Moments.NONE.plus(one)).isEqualTo(one);
    assertThat(one.plus(Moments.NONE)).isEqualTo(one);
    assertThat(Moments.of()).isEqualTo(Moments.NONE);
    assertThat(one.estimate().standardError()).isNaN();
    assertThat(Moments.NONE.estimate().value()).isNaN();
  }

  @Test
  void blocksGiveTheSameDigitsInWhateverOrderTheyArrive() {
    SplittableRandom random = new SplittableRandom(1);
    List<Moments> blocks =
        IntStream.range(0, 40)
            .mapToObj(i -> Moments.of(random.doubles(i == 39 ? 7 : 32).map(Math::exp).toArray()))
            .toList();
    Moments expected = inOrderOfArrival(blocks, IntStream.range(0, 40).boxed().toList());

    for (int seed = 0; seed < 20; seed++) {
      List<Integer> order = new ArrayList<>(IntStream.range(0, 40).boxed().toList());
      Collections.shuffle(order, new Random(seed));
      assertThat(inOrderOfArrival(blocks, order)).isEqualTo(expected);
    }
    assertThat(expected.count()).isEqualTo(39 * 32 + 7);
  }

  private static Moments inOrderOfArrival(List<Moments> blocks, List<Integer> order) {
    TreeMap<Integer, Moments> arrived = new TreeMap<>();
    order.forEach(i -> arrived.put(i, blocks.get(i)));
    return Moments.ofBlocks(arrived);
  }
}
