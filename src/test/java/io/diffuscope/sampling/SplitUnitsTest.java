package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.statistics.Strata;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SplitUnitsTest {
  @Test
  void pointsAreTheirOwnUnits() {
    SplitUnits units = SplitUnits.of(Split.BY_POINTS, new int[] {0, 2, 5}, new int[] {1, 4}, 1);
    assertThat(units.train()).containsExactly(0, 1, 2);
    assertThat(units.compared()).containsExactly(1, 4);
    assertThat(units.holdout()).containsExactly(0, 1);
    assertThat(units.strata()).isEqualTo(Strata.one(3, 2));
  }

  @Test
  void ofPointsNoMoreOfTheHoldoutThanOfTrainAreCompared() {
    SplitUnits units = SplitUnits.of(Split.BY_POINTS, range(4), range(50), 1);
    assertThat(units.strata()).isEqualTo(Strata.one(4, 4));
    assertThat(units.compared()).isSorted().hasSize(4).doesNotHaveDuplicates();
    assertThat(units.holdout()).containsExactly(0, 1, 2, 3);
    assertThat(SplitUnits.of(Split.BY_POINTS, range(4), range(50), 1).compared())
        .isEqualTo(units.compared());
    assertThat(SplitUnits.of(Split.BY_POINTS, range(4), range(50), 2).compared())
        .isNotEqualTo(units.compared());
  }

  @Test
  void unitsAreNumberedClassByClass() {
    Split split = new Split(new int[] {7, 3, 7, 3, 9}, new int[] {3, 7, 5}, null, null);
    SplitUnits units = SplitUnits.of(split, IntStream.range(0, 5).toArray(), range(3), 1);
    assertThat(units.train()).containsExactly(2, 0, 3, 1, 4);
    // Class 5 has no training points: nothing says how near they would be.
    assertThat(units.compared()).containsExactly(0, 1);
    assertThat(units.otherClasses()).isEqualTo(1);
    assertThat(units.holdout()).containsExactly(0, 1);
    // Classes 3, 5, 7 and 9.
    assertThat(units.strata()).isEqualTo(new Strata(List.of(2, 0, 2, 1), List.of(1, 0, 1, 0)));
  }

  @Test
  void aGroupIsOfTheClassOfMostOfItsPoints() {
    Split split =
        new Split(
            new int[] {1, 0, 0, 1, 1}, new int[] {1, 0, 0, 1}, new int[] {8, 8, 8, 2, 3}, range(4));
    SplitUnits units = SplitUnits.of(split, range(5), range(4), 1);
    // Hold-out groups 2 and 3 are in the training set as well.
    assertThat(units.sharedGroups()).isEqualTo(2);
    assertThat(units.compared()).containsExactly(0, 1);
    assertThat(units.train()).containsExactly(0, 0, 0, 1, 2);
    assertThat(units.holdout()).containsExactly(1, 0);
    assertThat(units.strata()).isEqualTo(new Strata(List.of(1, 2), List.of(1, 1)));
  }

  @Test
  void noClassKeepsMoreOfTheHoldoutThanOfTrain() {
    int[] trainClasses = {0, 0, 1, 1, 1};
    int[] holdoutClasses = new int[20];
    Arrays.fill(holdoutClasses, 10, 20, 1);
    Split split = new Split(trainClasses, holdoutClasses, null, null);
    SplitUnits units = SplitUnits.of(split, range(5), range(20), 1);
    assertThat(units.strata()).isEqualTo(new Strata(List.of(2, 3), List.of(2, 3)));
    assertThat(units.compared()).isSorted().hasSize(5);
    assertThat(Arrays.stream(units.compared()).filter(i -> i < 10).count()).isEqualTo(2);
    assertThat(SplitUnits.of(split, range(5), range(20), 2).compared())
        .as("chosen at random")
        .isNotEqualTo(units.compared());
  }

  @Test
  void setsWithoutACommonClassAreComparedAcrossClasses() {
    Split split = new Split(new int[] {0, 0, 0}, new int[] {1, 1}, null, null);
    SplitUnits units = SplitUnits.of(split, range(3), range(2), 1);
    assertThat(units.strata()).isEqualTo(Strata.one(3, 2));
    assertThat(units.otherClasses()).isZero();
  }

  private static int[] range(int size) {
    return IntStream.range(0, size).toArray();
  }
}
