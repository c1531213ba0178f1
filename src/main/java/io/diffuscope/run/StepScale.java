package io.diffuscope.run;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a training step counts, and how it becomes a number of training images.
 *
 * @param unit what the steps of checkpoints count
 * @param batchSize images in one update of the training, over all devices; null where not told
 * @param trainSize points of the training set, for epochs; null where not known
 */
public record StepScale(Unit unit, @Nullable Long batchSize, @Nullable Long trainSize) {
  /** What a step counts. */
  public enum Unit {
    /** Optimizer updates. */
    UPDATES,
    /** Thousands of training images, as EDM counts. */
    KIMG,
    /** Passes over the training set. */
    EPOCHS;

    /** The word used in settings, answers and labels. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public static final StepScale UPDATES = new StepScale(Unit.UPDATES, null, null);

  /** Training images seen at a step; null where a number for it is missing. */
  public @Nullable Long images(long step) {
    Long factor =
        switch (unit) {
          case UPDATES -> batchSize;
          case KIMG -> Long.valueOf(1_000);
          case EPOCHS -> trainSize;
        };
    return factor == null ? null : Long.valueOf(Math.multiplyExact(step, factor));
  }
}
