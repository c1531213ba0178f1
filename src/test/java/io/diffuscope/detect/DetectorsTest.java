package io.diffuscope.detect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DetectorsTest {
  private final Detectors detectors = new Detectors(DetectorSettings.DEFAULT, true);

  private static final List<Look> RUN =
      List.of(
          look(100, .1, -.1, .3, .04, 0),
          look(200, .5, .3, .6, 1e-9, 0),
          look(300, .6, .4, .7, 1e-9, 20), // early
          look(400, .7, .5, .8, 1e-9, 80),
          look(500, .8, .6, .9, 1e-9, 120), // copies
          look(600, .0, -.2, .05, .5, 0),
          look(700, .0, -.2, .05, .5, 0)); // both cleared

  private static Look look(
      long step, double excess, double lower, double upper, double p, int hits) {
    return Looks.both(
        Looks.affinity(step, excess, lower, upper, p), Looks.copies(step, hits, 1000, 0, 128));
  }

  @Test
  void flagsRiseAndFallWithTheirEvidence() {
    List<FlagChange> changes = new ArrayList<>();
    DetectorStates states = DetectorStates.INITIAL;
    List<DetectorStates> history = new ArrayList<>();
    for (Look look : RUN) {
      Detectors.Outcome outcome = detectors.observe(states, List.of(), look);
      changes.addAll(outcome.changes());
      states = outcome.states();
      history.add(states);
    }

    assertThat(changes)
        .extracting(FlagChange::flag, FlagChange::raised, FlagChange::step)
        .containsExactly(
            tuple(Flag.EARLY_MEMORIZATION, true, 300L),
            tuple(Flag.MEMORIZATION, true, 500L),
            tuple(Flag.EARLY_MEMORIZATION, false, 700L),
            tuple(Flag.MEMORIZATION, false, 700L));
    assertThat(history.get(4).raised())
        .extracting(RaisedFlag::flag, RaisedFlag::step)
        .containsExactly(tuple(Flag.EARLY_MEMORIZATION, 300L), tuple(Flag.MEMORIZATION, 500L));
    assertThat(history.get(4).lastCleared()).isNull();
    assertThat(history.get(4).find(Flag.MEMORIZATION).orElseThrow().evidence())
        .isEqualTo(changes.get(1).evidence());
    assertThat(states.raised()).isEmpty();
    assertThat(states.lastCleared()).isEqualTo(700);
  }

  @Test
  void distrustOfAffinityLeavesTheCopiesDetectorOn() {
    Detectors distrustful = new Detectors(DetectorSettings.DEFAULT, false);
    DetectorStates states = DetectorStates.INITIAL;
    for (Look look : RUN.subList(0, 5)) {
      states = distrustful.observe(states, List.of(), look).states();
    }

    assertThat(states.raised()).extracting(RaisedFlag::flag).containsExactly(Flag.MEMORIZATION);
  }

  /** The state is stored with the run: what comes back must go on as if it had never left. */
  @Test
  void stateSurvivesJsonAtEveryLook() throws Exception {
    ObjectMapper json = new ObjectMapper();
    DetectorStates states = DetectorStates.INITIAL;
    for (Look look : RUN) {
      DetectorStates restored =
          json.readValue(json.writeValueAsString(states), DetectorStates.class);
      assertThat(restored).isEqualTo(states);
      assertThat(detectors.observe(restored, List.of(), look))
          .isEqualTo(detectors.observe(states, List.of(), look));
      states = detectors.observe(states, List.of(), look).states();
    }
  }
}
