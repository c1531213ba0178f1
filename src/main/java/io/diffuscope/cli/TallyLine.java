package io.diffuscope.cli;

import io.diffuscope.publish.CheckpointTally;
import io.diffuscope.publish.CheckpointTally.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The sum of a run's checkpoints in one line; each one is in one of its terms. It is the sum that
 * the metrics and the page show.
 */
final class TallyLine {
  private TallyLine() {}

  /**
   * For example {@code checkpoints: 9 = 5 evaluated + 3 skipped (3 superseded) + 1 vanished}.
   *
   * @param before how many of them were known when a run went on; 0 for one that began
   */
  static String of(CheckpointTally tally, long before) {
    if (tally.total() == 0) {
      return "checkpoints: none was found";
    }
    List<String> terms = new ArrayList<>();
    for (Outcome outcome : Outcome.values()) {
      long count = tally.count(outcome);
      if (count > 0) {
        terms.add("%d %s%s".formatted(count, word(outcome), reasons(outcome, tally)));
      }
    }
    return "checkpoints: %d = %s%s"
        .formatted(
            tally.total(),
            String.join(" + ", terms),
            before == 0
                ? ""
                : "; %d of them new, %d found before"
                    .formatted(Math.max(0, tally.total() - before), before));
  }

  private static String word(Outcome outcome) {
    return outcome == Outcome.EVALUATING
        ? "being evaluated"
        : outcome.name().toLowerCase(Locale.ROOT);
  }

  private static String reasons(Outcome outcome, CheckpointTally tally) {
    return outcome != Outcome.SKIPPED
        ? ""
        : tally.skippedByReason().entrySet().stream()
            .map(reason -> reason.getValue() + " " + reason.getKey())
            .collect(Collectors.joining(", ", " (", ")"));
  }
}
