package io.diffuscope.run;

import io.diffuscope.checkpoint.StepUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a training step counts, and how it becomes a number of training images.
 *
 * @param unit what the steps of checkpoints count; null where nobody told: then what the layout of
 *     the checkpoints says, else updates
 * @param batchSize images in one update of the training, over all devices; null where not told
 * @param trainSize points of the training set, for epochs; null where not known
 */
public record StepScale(
    @Nullable StepUnit unit, @Nullable Long batchSize, @Nullable Long trainSize) {

  /** Updates of a training of which nothing more is known. */
  public static final StepScale UPDATES = new StepScale(StepUnit.UPDATES, null, null);

  /** What a step counts, as far as is known. */
  public StepUnit unitOrUpdates() {
    return unit == null ? StepUnit.UPDATES : unit;
  }

  /** The same where the layout of the checkpoints says what steps count; a person's word stands. */
  public StepScale recognised(@Nullable StepUnit byLayout) {
    return unit == null ? new StepScale(byLayout, batchSize, trainSize) : this;
  }

  /** The same for a training set of this many points. */
  public StepScale withTrainSize(long points) {
    return new StepScale(unit, batchSize, points);
  }

  /**
   * Training images seen at a step; null where a number for it is missing, and where there would be
   * more than a long can tell: the step comes from the name of a file.
   */
  public @Nullable Long images(long step) {
    Long factor =
        switch (unitOrUpdates()) {
          case UPDATES -> batchSize;
          case KIMG -> Long.valueOf(1_000);
          case EPOCHS -> trainSize;
        };
    return factor == null || Math.multiplyHigh(step, factor) != 0 || step * factor < 0
        ? null
        : Long.valueOf(step * factor);
  }
}
