package io.diffuscope.sampling;

import io.diffuscope.data.ContentHash;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.GroupArrays;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What is known of how train and hold-out were split: the classes of their points, within which
 * labels are exchanged, and the groups that were split as a whole.
 *
 * @param trainClasses class of each training point; null where the split is not looked at within
 *     classes
 * @param holdoutClasses the same of hold-out points
 * @param trainGroups group of each training point; null where each point is one of its own
 * @param holdoutGroups the same of hold-out points
 */
record Split(
    int @Nullable [] trainClasses,
    int @Nullable [] holdoutClasses,
    int @Nullable [] trainGroups,
    int @Nullable [] holdoutGroups) {
  /** Point by point, whatever their classes. */
  static final Split BY_POINTS = new Split(null, null, null, null);

  /**
   * Of two sets: within classes where both have labels of the same classes.
   *
   * @throws BadInputException MISMATCH where one set has groups and the other has none; as {@link
   *     GroupArrays#read}
   */
  static Split of(DataSet train, @Nullable DataSet holdout, GroupSettings groups)
      throws BadInputException {
    if (holdout == null) {
      return BY_POINTS;
    }
    String trainGroups = groups.train();
    String holdoutGroups = groups.holdout();
    if ((trainGroups == null) != (holdoutGroups == null)) {
      throw new BadInputException(
          String.valueOf(trainGroups == null ? holdoutGroups : trainGroups),
          Reason.MISMATCH,
          "groups of one set alone: give those of the training set and of the hold-out set",
          null);
    }
    int[] trainClasses = train.labels();
    int[] holdoutClasses = holdout.labels();
    boolean within =
        trainClasses != null && holdoutClasses != null && !differentNames(train, holdout);
    return new Split(
        within ? trainClasses : null,
        within ? holdoutClasses : null,
        trainGroups == null ? null : GroupArrays.read(trainGroups, train.size()),
        holdoutGroups == null ? null : GroupArrays.read(holdoutGroups, holdout.size()));
  }

  private static boolean differentNames(DataSet train, DataSet holdout) {
    return train.classNames() != null
        && holdout.classNames() != null
        && !Objects.equals(train.classNames(), holdout.classNames());
  }

  boolean withinClasses() {
    return trainClasses != null;
  }

  boolean byGroups() {
    return trainGroups != null;
  }

  /** The same whatever the classes. */
  Split acrossClasses() {
    return new Split(null, null, trainGroups, holdoutGroups);
  }

  /** Names what it changes; empty where points are split one by one. */
  String key() {
    return withinClasses() || byGroups()
        ? ContentHash.of(
            hash(trainClasses), hash(holdoutClasses), hash(trainGroups), hash(holdoutGroups))
        : "";
  }

  private static String hash(int @Nullable [] numbers) {
    return numbers == null ? "" : ContentHash.of(numbers);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Split that
        && Arrays.equals(trainClasses, that.trainClasses)
        && Arrays.equals(holdoutClasses, that.holdoutClasses)
        && Arrays.equals(trainGroups, that.trainGroups)
        && Arrays.equals(holdoutGroups, that.holdoutGroups);
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(
        new Object[] {trainClasses, holdoutClasses, trainGroups, holdoutGroups});
  }

  @Override
  public String toString() {
    return "Split[%s%s]"
        .formatted(
            withinClasses() ? "within classes " : "", byGroups() ? "by groups" : "by points");
  }
}
