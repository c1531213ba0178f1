package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import java.time.Duration;
import java.time.Instant;
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
    assertThat(found.newest()).isEqualTo(at(1000L, 5060));
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
        .isEqualTo(new FoundCheckpoints(1, at(null, 7), null, null, null));
    assertThat(FoundCheckpoints.of(List.of())).isEqualTo(FoundCheckpoints.NONE);
  }

  private static Checkpoint at(@Nullable Long step, long second) {
    String path = "/runs/%s.safetensors".formatted(step);
    return Checkpoint.ofFile(path + "@" + second, path, step, Instant.ofEpochSecond(second));
  }
}
