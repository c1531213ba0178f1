package io.diffuscope.web;

import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a share of samples is compared with: what it would be by chance, without memorization. */
final class Chance {
  private Chance() {}

  /**
   * The chance of a signal's share.
   *
   * @param all estimates of one evaluation
   * @return null where it has none, or none that these estimates tell
   */
  static @Nullable Double of(String signal, List<SignalEstimate> all) {
    return switch (signal) {
      case SignalNames.TRAIN_AFFINITY -> affinity(all);
      case SignalNames.NEAREST_RATIO -> find(signal, Statistic.CONTROL, all);
      default -> null;
    };
  }

  /**
   * From excess = (share - p) / (1 - p); where all samples are nearest to training it tells none.
   */
  private static @Nullable Double affinity(List<SignalEstimate> all) {
    Double share = find(SignalNames.TRAIN_AFFINITY, Statistic.SHARE, all);
    Double excess = find(SignalNames.TRAIN_AFFINITY, Statistic.EXCESS, all);
    if (share == null || excess == null || excess >= 1) {
      return null;
    }
    return (share - excess) / (1 - excess);
  }

  private static @Nullable Double find(
      String signal, Statistic statistic, List<SignalEstimate> all) {
    return all.stream()
        .filter(e -> e.signal().equals(signal) && e.statistic() == statistic)
        .findFirst()
        .map(e -> BoardRun.finite(e.estimate().value()))
        .orElse(null);
  }
}
