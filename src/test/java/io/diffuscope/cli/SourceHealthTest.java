package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.SourceNews;
import org.junit.jupiter.api.Test;

class SourceHealthTest {
  @Test
  void aSingleRunsProblemCountsFromTheStartUntilItIsOver() {
    SourceHealth health = new SourceHealth(false);
    assertThat(health.condition().ready()).isTrue();

    health.onSourceNews(new SourceNews("r", true, "does not exist", null));
    assertThat(health.condition().ready()).isFalse();
    assertThat(health.condition().name()).isEqualTo("sources");
    assertThat(health.condition().message()).isEqualTo("run r: does not exist");

    health.onSourceNews(new SourceNews("r", false, "can be listed again", null));
    assertThat(health.condition().ready()).isTrue();

    health.onSourceNews(new SourceNews("r", true, "gone", null));
    health.onEvent(RunEvents.ended("r", Verdict.State.LEARNING, null));
    assertThat(health.condition().ready()).as("its directory may go now").isTrue();
    health.onEvent(RunEvents.started("r"));
    assertThat(health.condition().ready()).isFalse();
  }

  @Test
  void ofSeveralRunsThoseCountThatHaveBegun() {
    SourceHealth health = new SourceHealth(true);
    health.onSourceNews(new SourceNews("logs", true, "nothing is recognised", null));
    assertThat(health.condition().ready()).isTrue();

    health.onEvent(RunEvents.started("a"));
    health.onSourceNews(new SourceNews("a", true, "gone", null));
    assertThat(health.condition().message()).isEqualTo("run a: gone");
  }

  @Test
  void hundredsOfProblemsMakeAShortSentence() {
    SourceHealth health = new SourceHealth(true);
    for (int i = 100; i < 400; i++) {
      health.onEvent(RunEvents.started("run-" + i));
      health.onSourceNews(new SourceNews("run-" + i, true, "gone", null));
    }
    assertThat(health.condition().message())
        .isEqualTo(
            "run run-100: gone; run run-101: gone; run run-102: gone; run run-103: gone;"
                + " run run-104: gone; and 295 more runs");
  }
}
