package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class FoundCheckpointsTest {
  @Test
  void onePauseDoesNotMoveTheMedian() {
    FoundCheckpoints found =
        FoundCheckpoints.of(
            List.of(at(100L, 0), at(200L, 60), at(300L, 120), at(400L, 5000), at(1000L, 5060)));

    assertThat(found.count()).isEqualTo(5);
    assertThat(found.lastStep()).isEqualTo(1000);
    assertThat(found.spacing()).isEqualTo(100);
    assertThat(found.interval()).isEqualTo(Duration.ofSeconds(60));
    assertThat(found.newestFirst().getFirst()).isEqualTo(at(1000L, 5060));
  }

  @Test
  void aCopiedDirectoryTellsNoTimes() {
    FoundCheckpoints found = FoundCheckpoints.of(List.of(at(1L, 7), at(2L, 7), at(3L, 7)));

    assertThat(found.interval()).isNull();
    assertThat(found.spacing()).isEqualTo(1);
  }

  @Test
  void oneTellsNothingAndNoneIsNone() {
    assertThat(FoundCheckpoints.of(List.of(at(null, 7))))
        .isEqualTo(new FoundCheckpoints(List.of(at(null, 7)), null, null, null, 0));
    assertThat(FoundCheckpoints.of(List.of())).isEqualTo(FoundCheckpoints.NONE);
  }

  /** Every tenth is kept for good, and the last five: one a minute. */
  @Test
  void rotationDoesNotMakeATrainingLookSlow() {
    List<Checkpoint> kept = new ArrayList<>();
    for (long i = 10; i <= 300; i += 10) {
      kept.add(at(i, 60 * i));
    }
    for (long i = 301; i <= 305; i++) {
      kept.add(at(i, 60 * i));
    }

    FoundCheckpoints found = FoundCheckpoints.of(kept);

    assertThat(found.interval()).isEqualTo(Duration.ofSeconds(60));
    assertThat(found.spacing()).isEqualTo(1);
    assertThat(found.gaps()).isEqualTo(5);
  }

  @Test
  void withoutStepsTheYoungestIsTheLastWritten() {
    Checkpoint first = named("b", 10);
    Checkpoint last = named("a", 20);

    assertThat(FoundCheckpoints.of(List.of(last, first)).newestFirst())
        .containsExactly(last, first);
  }

  private static Checkpoint named(String name, long second) {
    return Checkpoint.ofFile(name, "/runs/" + name, null, Instant.ofEpochSecond(second));
  }

  private static Checkpoint at(@Nullable Long step, long second) {
    String path = "/runs/%s.safetensors".formatted(step);
    return Checkpoint.ofFile(path + "@" + second, path, step, Instant.ofEpochSecond(second));
  }
}
