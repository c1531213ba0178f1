package io.diffuscope.statistics;

import java.util.List;

/**
 * What was randomised when a set was split into train and hold-out, as far as a permutation test
 * has to know it: how many units (points, or groups of points such as all images of a patient)
 * either side has in each stratum, which is a class, or everything. Under relabelling the units of
 * one stratum are exchangeable, and those of different strata are not.
 *
 * <p>Units are numbered on each side from 0, those of the first stratum first.
 *
 * @param train units of the training set in each stratum, N_c
 * @param holdout units of the hold-out set in each stratum, n_c - N_c
 */
public record Strata(List<Integer> train, List<Integer> holdout) {
  public Strata {
    train = List.copyOf(train);
    holdout = List.copyOf(holdout);
    if (train.size() != holdout.size() || train.isEmpty()) {
      throw new IllegalArgumentException(
          "%d strata of train cannot be compared with %d of the hold-out"
              .formatted(train.size(), holdout.size()));
    }
    for (int c = 0; c < train.size(); c++) {
      if (train.get(c) < 0 || holdout.get(c) < 0) {
        throw new IllegalArgumentException("a stratum cannot have fewer than no units");
      }
    }
  }

  /** Everything is exchangeable. */
  public static Strata one(int train, int holdout) {
    return new Strata(List.of(train), List.of(holdout));
  }

  /** Number of strata. */
  public int count() {
    return train.size();
  }

  /** Units of the training set, N_t. */
  public int trainUnits() {
    return sum(train);
  }

  /** Units of the hold-out set, N_h. */
  public int holdoutUnits() {
    return sum(holdout);
  }

  /** Whether some stratum has units on both sides; otherwise there is nothing to exchange. */
  public boolean canExchange() {
    for (int c = 0; c < count(); c++) {
      if (train.get(c) > 0 && holdout.get(c) > 0) {
        return true;
      }
    }
    return false;
  }

  /** Whether no stratum has more units of the hold-out than of train. */
  boolean trainIsNowhereTheMinority() {
    for (int c = 0; c < count(); c++) {
      if (holdout.get(c) > train.get(c)) {
        return false;
      }
    }
    return true;
  }

  /** Share of a stratum's units that are train, p_c; 0 for a stratum without units. */
  double trainPart(int stratum) {
    double units = (double) train.get(stratum) + holdout.get(stratum);
    return units == 0 ? 0 : train.get(stratum) / units;
  }

  /** The stratum of each unit of a side. */
  static int[] ofUnits(List<Integer> side) {
    int[] strata = new int[sum(side)];
    int unit = 0;
    for (int c = 0; c < side.size(); c++) {
      for (int i = 0; i < side.get(c); i++) {
        strata[unit++] = c;
      }
    }
    return strata;
  }

  private static int sum(List<Integer> side) {
    int sum = 0;
    for (int units : side) {
      sum = Math.addExact(sum, units);
    }
    return sum;
  }
}
