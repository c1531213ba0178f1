package io.diffuscope.checkpoint;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells that a trainer, which writes one file after the other, has gone on past the weights, so
 * that they are closed. A file that is older than the weights tells nothing: a restarted training
 * finds the ones of its first attempt.
 */
@FunctionalInterface
interface Marker {
  boolean isThere(Written weights);

  /**
   * A file of weights and what is beside it.
   *
   * @param step null where the name has none
   * @param digits the step as the name has it, leading zeros and all
   * @param copy name of the alternative
   * @param beside all weights of the directory
   */
  record Written(
      Folder folder,
      @Nullable Long step,
      String digits,
      String copy,
      FileVersion version,
      List<Beside> beside) {}

  /** Other weights in the directory. */
  record Beside(@Nullable Long step, String copy, FileVersion version) {}

  /** A file whose name has {@code {step}} in it. */
  static Marker file(String template) {
    return weights -> {
      FileVersion marker = weights.folder.file(template.replace("{step}", weights.digits));
      return marker != null && marker.modifiedNanos() >= weights.version.modifiedNanos();
    };
  }

  /** A file that is written to before the weights, too: only a later time counts. */
  static Marker later(String name) {
    return weights -> {
      FileVersion marker = weights.folder.file(name);
      return marker != null && marker.modifiedNanos() > weights.version.modifiedNanos();
    };
  }

  /** Weights of a later step, written later. */
  static Marker laterStep() {
    return weights ->
        weights.beside.stream()
            .anyMatch(
                other ->
                    weights.step != null
                        && other.step != null
                        && other.step > weights.step
                        && other.version.modifiedNanos() >= weights.version.modifiedNanos());
  }

  /** Weights of the same step with a wider average, written later. */
  static Marker widerAverage() {
    return weights ->
        weights.beside.stream()
            .anyMatch(
                other ->
                    weights.step != null
                        && weights.step.equals(other.step)
                        && FileLayout.COPIES.compare(other.copy, weights.copy) > 0
                        && other.version.modifiedNanos() >= weights.version.modifiedNanos());
  }
}
