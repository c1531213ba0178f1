package io.diffuscope.publish;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class LogPublisherTest {
  private final Logger logger = (Logger) LoggerFactory.getLogger(LogPublisher.class);
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private final LogPublisher log = LogPublisher.create();

  @BeforeEach
  void listen() {
    lines.start();
    logger.addAppender(lines);
    logger.setLevel(Level.DEBUG);
    logger.setAdditive(false);
  }

  @AfterEach
  void stopListening() {
    logger.detachAppender(lines);
    logger.setLevel(null);
    logger.setAdditive(true);
  }

  @Test
  void flagsAreWarningsWithTheirEvidence() {
    tell(
        RunEvents.flag("r", Flag.MEMORIZATION, true, 400),
        RunEvents.flag("r", Flag.MEMORIZATION, false, 900));

    assertThat(lines.list)
        .extracting(ILoggingEvent::toString)
        .containsExactly(
            "[WARN] run r: flag memorization raised at step 400: share .65 against .50",
            "[INFO] run r: flag memorization cleared at step 900: share .65 against .50");
    assertThat(lines.list.getFirst().getKeyValuePairs())
        .extracting(pair -> pair.key + "=" + pair.value)
        .containsExactly("run=r", "step=400", "flag=memorization", "raised=true");
  }

  @Test
  void stepsHaveTheRunsUnitOnceItIsKnown() {
    tell(RunEvents.started("r", new StepScale(null, null, null)), RunEvents.found("r", 7L));
    log.onSourceNews(new SourceNews("r", false, "layout edm", StepUnit.KIMG));
    tell(
        RunEvents.found("r", 8L),
        RunEvents.flag("r", Flag.MEMORIZATION, true, 400),
        RunEvents.attempt("r", 2, 5));

    assertThat(lines.list)
        .extracting(ILoggingEvent::getFormattedMessage)
        .contains(
            "run r: step 7 (step-7.safetensors) found",
            "run r: kimg 8 (step-8.safetensors) found",
            "run r: flag memorization raised at kimg 400: share .65 against .50")
        .last()
        .asString()
        .doesNotContain("step ");
  }

  @Test
  void everyEventHasALineOfItsWeight() {
    tell(
        RunEvents.started("r"),
        RunEvents.found("r", 7L),
        RunEvents.evaluating("r", 7L),
        RunEvents.completed("r", 7L, true, RunEvents.share(.5)),
        RunEvents.completed("r", 5L, false, RunEvents.share(.5)),
        RunEvents.completed("r", null, false),
        RunEvents.failed("r", 7L, "non_finite"),
        new RunEvent.CheckpointSkipped("r", RunEvents.AT, RunEvents.checkpoint(8L), "superseded"),
        RunEvents.verdict("r", Verdict.State.LEARNING, 7L),
        RunEvents.ended("r", Verdict.State.MEMORIZING, 7L));

    assertThat(lines.list)
        .extracting(ILoggingEvent::toString)
        .containsExactly(
            "[INFO] run r: started (The run r), probe probe-1",
            "[INFO] run r: no teacher: pfd to teacher is off",
            "[DEBUG] run r: step 7 (step-7.safetensors) found",
            "[DEBUG] run r: evaluating step 7 (step-7.safetensors)",
            "[INFO] run r: step 7 (step-7.safetensors) evaluated: 1 estimates",
            "[INFO] run r: step 5 (step-5.safetensors) evaluated: 1 estimates, not judged: an"
                + " earlier step",
            "[INFO] run r: step-null.safetensors evaluated: 0 estimates, not judged: no step in"
                + " its name",
            "[ERROR] run r: step 7 (step-7.safetensors) failed (non_finite):"
                + " step-7.safetensors: non_finite",
            "[INFO] run r: step 8 (step-8.safetensors) skipped (superseded)",
            "[INFO] run r: verdict learning: because of the numbers",
            "[INFO] run r: ended (training ended); verdict memorizing: all done");
  }

  @Test
  void aFileNameCannotForgeALine() {
    tell(
        new RunEvent.CheckpointPassedOver(
            "r", RunEvents.AT, "/c/a\nb", "incomplete", "/c/a\n[ERROR] b: too short"));

    assertThat(lines.list)
        .extracting(ILoggingEvent::toString)
        .containsExactly("[WARN] run r: passed over (incomplete): /c/a?[ERROR] b: too short");
  }

  private void tell(RunEvent... events) {
    for (RunEvent event : events) {
      log.onEvent(event);
    }
  }
}
