package io.diffuscope.run;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a sampler read of a checkpoint.
 *
 * @param choice for people: which of several sets of weights was taken, such as averaged ones; null
 *     where there was nothing to choose
 * @param ignored number of tensors that the network has no parameter for
 * @param examples names of a few of those
 */
public record WeightsUsed(@Nullable String choice, int ignored, List<String> examples) {
  private static final int EXAMPLES = 3;

  public WeightsUsed {
    examples = List.copyOf(examples);
  }

  /** With the first of all ignored tensors as examples: a checkpoint may hold thousands. */
  static WeightsUsed of(@Nullable String choice, List<String> ignored) {
    return new WeightsUsed(
        choice, ignored.size(), ignored.subList(0, Math.min(EXAMPLES, ignored.size())));
  }

  /** Whether there is something that a person would want to know. */
  public boolean isRemarkable() {
    return choice != null || ignored > 0;
  }

  /** In one line, for people. */
  public String describe() {
    String names = String.join(", ", examples) + (ignored > examples.size() ? ", ..." : "");
    String left =
        ignored == 0
            ? ""
            : "%d tensor%s without a parameter in the template ignored (%s)"
                .formatted(ignored, ignored == 1 ? "" : "s", names);
    return choice == null ? left : left.isEmpty() ? choice : choice + "; " + left;
  }
}
