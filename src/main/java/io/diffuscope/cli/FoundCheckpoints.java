package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the checkpoints in a directory tell of the training's pace.
 *
 * @param count how many there are
 * @param newest the one of the highest step, or the youngest where steps are not known; null
 *     without any
 * @param lastStep the highest step; null where no name has one
 * @param spacing median of the steps between neighbours; null below two
 * @param interval median of the times between neighbours; null below two, and where times do not
 *     rise, as in a copied directory
 */
record FoundCheckpoints(
    int count,
    @Nullable Checkpoint newest,
    @Nullable Long lastStep,
    @Nullable Long spacing,
    @Nullable Duration interval) {
  static final FoundCheckpoints NONE = new FoundCheckpoints(0, null, null, null, null);

  /** What a listing says, in order of steps. */
  static FoundCheckpoints of(List<Checkpoint> checkpoints) {
    if (checkpoints.isEmpty()) {
      return NONE;
    }
    List<Long> steps =
        checkpoints.stream().map(Checkpoint::step).filter(Objects::nonNull).distinct().toList();
    List<Instant> times =
        checkpoints.stream().map(Checkpoint::modified).filter(Objects::nonNull).sorted().toList();
    long[] spacings =
        IntStream.range(1, steps.size()).mapToLong(i -> steps.get(i) - steps.get(i - 1)).toArray();
    long[] intervals =
        IntStream.range(1, times.size())
            .mapToLong(i -> Duration.between(times.get(i - 1), times.get(i)).toMillis())
            .toArray();
    Long interval = median(intervals);
    Checkpoint newest =
        steps.isEmpty()
            ? checkpoints.getLast()
            : checkpoints.stream()
                .filter(checkpoint -> steps.getLast().equals(checkpoint.step()))
                .findFirst()
                .orElseThrow();
    return new FoundCheckpoints(
        checkpoints.size(),
        newest,
        steps.isEmpty() ? null : steps.getLast(),
        median(spacings),
        interval == null || interval == 0 ? null : Duration.ofMillis(interval));
  }

  private static @Nullable Long median(long[] values) {
    long[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length == 0 ? null : Long.valueOf(sorted[sorted.length / 2]);
  }
}
