package io.diffuscope.run;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Which evidence of a run is given up where there is too much. */
final class EvidenceChoice {
  private EvidenceChoice() {}

  /**
   * The one that tells least: none of the first, the newest, the best and the worst, as long as
   * there is another.
   *
   * @param kept at least one; a {@code newest} among them is never chosen while there is another
   * @param newest name; null where all were kept before
   * @param bestStep step of the best checkpoint; null where there is none
   */
  static Evidence leastTelling(
      List<Evidence> kept, @Nullable String newest, @Nullable Long bestStep) {
    List<Evidence> ordered = new ArrayList<>(kept);
    ordered.sort(
        Comparator.comparing(Evidence::step, Comparator.nullsFirst(Comparator.naturalOrder())));
    String last =
        newest != null
            ? newest
            : ordered.stream().max(Comparator.comparing(Evidence::at)).orElseThrow().name();
    // Those without a step have no place on the axis, and go before the others, the oldest first.
    Evidence first = ordered.stream().filter(e -> e.step() != null).findFirst().orElse(null);
    Evidence worst =
        ordered.stream().min(Comparator.comparingDouble(Evidence::score)).orElseThrow();
    Evidence least = null;
    double leastGap = Double.POSITIVE_INFINITY;
    for (int i = 0; i < ordered.size(); i++) {
      Evidence candidate = ordered.get(i);
      boolean telling =
          candidate.name().equals(last)
              || candidate.equals(first)
              || candidate.equals(worst)
              || (candidate.step() != null && candidate.step().equals(bestStep));
      double gap = gap(ordered, i);
      boolean isLess =
          least == null
              || gap < leastGap
              || (gap == leastGap && candidate.at().compareTo(least.at()) < 0);
      if (!telling && isLess) {
        least = candidate;
        leastGap = gap;
      }
    }
    return least != null
        ? least
        : ordered.stream()
            .filter(e -> ordered.size() == 1 || !e.name().equals(last))
            .min(Comparator.comparing(Evidence::at))
            .orElseThrow();
  }

  /** Between the neighbours of one, in logarithms of steps; 0 without a step. */
  private static double gap(List<Evidence> ordered, int i) {
    if (ordered.get(i).step() == null) {
      return 0;
    }
    return place(ordered.get(Math.min(ordered.size() - 1, i + 1)))
        - place(ordered.get(Math.max(0, i - 1)));
  }

  private static double place(Evidence evidence) {
    Long step = evidence.step();
    return step == null ? 0 : Math.log1p(Objects.requireNonNull(step));
  }
}
