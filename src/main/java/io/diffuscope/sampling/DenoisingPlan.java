package io.diffuscope.sampling;

import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import org.jspecify.annotations.Nullable;

/**
 * Which image and which noise each row of the denoising loss has. Rows are ordered by set (training
 * first), image and draw; images are spread evenly over their set.
 */
public final class DenoisingPlan {
  private final SetImages images;
  private final int draws;
  private final boolean conditional;
  private final int @Nullable [] trainLabels;
  private final int @Nullable [] holdoutLabels;

  /**
   * A plan over two sets.
   *
   * @param holdout the hold-out points that are compared
   */
  public DenoisingPlan(DataSet train, DataSet holdout, DenoisingSettings settings) {
    this(train, holdout, settings, null);
  }

  /**
   * A plan over two sets.
   *
   * @param classes of a class-conditional network, or null
   */
  DenoisingPlan(
      DataSet train, DataSet holdout, DenoisingSettings settings, @Nullable ClassLabels classes) {
    this.conditional = classes != null;
    boolean own = classes != null && classes.usesOwnClasses();
    this.trainLabels = own ? train.labels() : null;
    this.holdoutLabels = own ? holdout.labels() : null;
    this.images = SetImages.of(train, holdout, settings.images());
    this.draws = settings.draws();
  }

  /** Number of images of a set that take part. */
  public static int images(long setSize, DenoisingSettings settings) {
    return SetImages.number(setSize, settings.images());
  }

  /** Number of rows at one noise level. */
  public static int rows(long trainSize, long holdoutSize, DenoisingSettings settings) {
    return (images(trainSize, settings) + images(holdoutSize, settings)) * settings.draws();
  }

  /** One row. */
  record Row(DataSet set, int image, long noise) {}

  public int rows() {
    return images.count() * draws;
  }

  Row row(int index) {
    int image = index / draws;
    long noise = (long) images.position(image) * draws + index % draws;
    return new Row(images.set(image), images.image(image), noise);
  }

  /** The images of some rows, {@code [batch, d]}; rows beyond {@code count} are zeros. */
  double[] images(int first, int count, int batch) throws BadInputException {
    return images.values(count, batch, i -> (first + i) / draws);
  }

  /**
   * The classes of a block of rows: each image's own, or none where not all images have one.
   *
   * @param first index of the first row
   * @param count rows that count
   * @return {@code [batch]}, filled up with the first row's; null for a network without classes
   */
  int @Nullable [] labels(int first, int count, int batch) {
    if (!conditional) {
      return null;
    }
    int[] labels = new int[batch];
    for (int i = 0; i < batch; i++) {
      Row row = row(first + (i < count ? i : 0));
      int[] own = row.set() == images.train() ? trainLabels : holdoutLabels;
      labels[i] = own == null ? ClassLabels.NO_CLASS : own[row.image()];
    }
    return labels;
  }
}
