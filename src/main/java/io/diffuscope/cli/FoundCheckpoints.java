package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What the checkpoints in a directory tell of the training's pace. Only the youngest few are asked:
 * a job that keeps every tenth of its older ones, and the last five, would otherwise look slower
 * than it is.
 *
 * @param newestFirst by step; by the time of writing, after those, where a name has no step
 * @param lastStep the highest step; null where no name has one
 * @param spacing median of the steps between the youngest; null below two
 * @param interval median of the times between the youngest; null below two, and where times do not
 *     rise, as in a copied directory
 * @param gaps how many gaps in time that is the median of
 */
record FoundCheckpoints(
    List<Checkpoint> newestFirst,
    @Nullable Long lastStep,
    @Nullable Long spacing,
    @Nullable Duration interval,
    int gaps) {
  static final FoundCheckpoints NONE = new FoundCheckpoints(List.of(), null, null, null, 0);

  private static final int MOST_GAPS = 5;

  private static final Comparator<Checkpoint> OLDEST_FIRST =
      Comparator.comparing(Checkpoint::step, Comparator.nullsFirst(Comparator.naturalOrder()))
          .thenComparing(
              Checkpoint::modified, Comparator.nullsFirst(Comparator.<Instant>naturalOrder()))
          .thenComparing(Checkpoint::path);

  /** What a listing says, in any order. */
  static FoundCheckpoints of(List<Checkpoint> checkpoints) {
    List<Checkpoint> newestFirst = checkpoints.stream().sorted(OLDEST_FIRST.reversed()).toList();
    long[] steps =
        youngest(
            newestFirst.stream()
                .map(Checkpoint::step)
                .flatMapToLong(step -> step == null ? LongStream.empty() : LongStream.of(step))
                .distinct()
                .toArray());
    long[] times =
        youngest(
            newestFirst.stream()
                .map(Checkpoint::modified)
                .flatMapToLong(
                    time -> time == null ? LongStream.empty() : LongStream.of(time.toEpochMilli()))
                .toArray());
    Long millis = median(gaps(times));
    Duration interval = millis == null || millis == 0 ? null : Duration.ofMillis(millis);
    return new FoundCheckpoints(
        newestFirst,
        steps.length == 0 ? null : steps[steps.length - 1],
        median(gaps(steps)),
        interval,
        interval == null ? 0 : times.length - 1);
  }

  int count() {
    return newestFirst.size();
  }

  /** The highest ones, ascending: one more than there are gaps between them. */
  private static long[] youngest(long[] values) {
    long[] sorted = values.clone();
    Arrays.sort(sorted);
    return Arrays.copyOfRange(sorted, Math.max(0, sorted.length - MOST_GAPS - 1), sorted.length);
  }

  private static long[] gaps(long[] ascending) {
    return IntStream.range(1, ascending.length)
        .mapToLong(i -> ascending[i] - ascending[i - 1])
        .toArray();
  }

  private static @Nullable Long median(long[] values) {
    long[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length == 0 ? null : Long.valueOf(sorted[sorted.length / 2]);
  }
}
