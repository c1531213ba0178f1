package io.diffuscope.sampling;

import org.jspecify.annotations.Nullable;

/**
 * By what the sets were split, where that was not point by point: by patient, by video, by writer.
 *
 * @param train array file of the training points' groups, integers {@code [N]}; null: each point is
 *     one of its own
 * @param holdout the same of the hold-out points; equal integers are the same group
 */
public record GroupSettings(@Nullable String train, @Nullable String holdout) {
  /** Point by point. */
  public static final GroupSettings NONE = new GroupSettings(null, null);
}
