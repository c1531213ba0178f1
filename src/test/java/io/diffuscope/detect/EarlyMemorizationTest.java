package io.diffuscope.detect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.diffuscope.detect.EarlyMemorization.Evidence;
import io.diffuscope.detect.EarlyMemorization.State;
import java.util.List;
import org.junit.jupiter.api.Test;

class EarlyMemorizationTest {
  private final EarlyMemorization detector =
      new EarlyMemorization(EarlyMemorizationSettings.DEFAULT, true);

  @Test
  void twoLooksAboveTheMarginAfterEarlyEvidenceRaise() {
    List<FlagChange> changes =
        Looks.run(
            detector,
            List.of(
                Looks.affinity(100, .05, -.2, .3, .3),
                Looks.affinity(200, .2, .05, .35, 1e-3), // <= .01/6: evidence
                Looks.affinity(300, .4, .25, .55, 1e-9),
                Looks.affinity(400, .5, .3125, .65, 1e-12),
                Looks.affinity(500, .6, .4, .7, 1e-15)));

    assertThat(changes)
        .containsExactly(
            new FlagChange(
                Flag.EARLY_MEMORIZATION,
                true,
                400,
                "train_affinity: excess 0.5, with confidence above 0.313 > 0.2 on 2 looks in a row;"
                    + " early evidence p = 0.001 <= 0.00167 at step 200 (look 2)"));
  }

  @Test
  void evidenceOnTheDecidingLookIsEarlyEnough() {
    List<FlagChange> changes =
        Looks.run(
            detector,
            List.of(Looks.affinity(1, .4, .25, .5, .02), Looks.affinity(2, .4, .25, .5, .01 / 6)));

    assertThat(changes).extracting(FlagChange::step).containsExactly(2L);
  }

  @Test
  void aLookBetweenStartsTheCountAnew() {
    List<FlagChange> changes =
        Looks.run(
            detector,
            List.of(
                Looks.affinity(1, .4, .25, .5, 1e-9),
                Looks.affinity(2, .4, .2, .5, 1e-9), // at the margin, not above
                Looks.affinity(3, .4, .25, .5, 1e-9),
                Looks.affinity(4, .4, .25, .5, 1e-9)));

    assertThat(changes).extracting(FlagChange::step).containsExactly(4L);
  }

  @Test
  void sizeWithoutSignificanceRaisesNothing() {
    assertThat(
            Looks.run(
                detector,
                List.of(
                    Looks.affinity(1, .4, .25, .5, .0051),
                    Looks.affinity(2, .4, .25, .5, .0017),
                    Looks.affinity(3, .4, .25, .5, .0009))))
        .isEmpty();
  }

  @Test
  void significanceWithoutSizeRaisesNothing() {
    assertThat(
            Looks.run(
                detector,
                List.of(
                    Looks.affinity(1, .15, .1, .2, 1e-30),
                    Looks.affinity(2, .15, .1, .2, 1e-30),
                    Looks.affinity(3, .15, .1, .2, 1e-30))))
        .isEmpty();
  }

  /** The levels .01/(k(k+1)): .005, .00167, .00083, ... */
  @Test
  void theLevelFallsWithEveryLook() {
    State state = State.INITIAL;
    for (int k = 1; k <= 20; k++) {
      double justAbove = .01 / (k * (k + 1)) * 1.0001;
      state = detector.observe(state, Looks.affinity(k, 0, -1, 1, justAbove)).state();
      assertThat(state.evidence()).isNull();
    }
    double at = .01 / (21 * 22);
    state = detector.observe(state, Looks.affinity(21, 0, -1, 1, at)).state();

    assertThat(state.evidence()).isEqualTo(new Evidence(21, 21, at));
    state = detector.observe(state, Looks.affinity(22, 0, -1, 1, .9)).state();
    assertThat(state.evidence()).as("remembered").isEqualTo(new Evidence(21, 21, at));
  }

  @Test
  void aLookWithoutAffinityIsNotCounted() {
    State one = detector.observe(State.INITIAL, Looks.affinity(1, .4, .25, .5, .004)).state();

    State two = detector.observe(one, Looks.none(2)).state();
    assertThat(two).isEqualTo(one);
    assertThat(detector.observe(two, Looks.affinity(3, .4, .25, .5, .9)).change()).isPresent();
  }

  @Test
  void notANumberIsNoEvidence() {
    State state =
        detector.observe(State.INITIAL, Looks.affinity(1, .4, .25, .5, Double.NaN)).state();

    assertThat(state.looks()).isEqualTo(1);
    assertThat(state.evidence()).isNull();
    state =
        detector.observe(state, Looks.affinity(2, .4, Double.NaN, Double.NaN, Double.NaN)).state();
    assertThat(state.flag()).isEqualTo(Hysteresis.DOWN);
  }

  @Test
  void clearedOnlyBelowTheClearLevelTwiceInARowAndRaisedAgain() {
    List<FlagChange> changes =
        Looks.run(
            detector,
            List.of(
                Looks.affinity(1, .4, .25, .5, 1e-9),
                Looks.affinity(2, .4, .25, .5, 1e-9), // raised
                Looks.affinity(3, .1, -.1, .15, .2), // below the margin, above the clear level
                Looks.affinity(4, .1, -.1, .15, .2),
                Looks.affinity(5, 0, -.1, .09, .5),
                Looks.affinity(6, 0, -.1, .11, .5),
                Looks.affinity(7, 0, -.1, .09, .5),
                Looks.affinity(8, 0, -.1, .0625, .5), // cleared
                Looks.affinity(9, .4, .25, .5, 1e-9),
                Looks.affinity(10, .4, .25, .5, 1e-9))); // raised again

    assertThat(changes)
        .extracting(FlagChange::step, FlagChange::raised)
        .containsExactly(tuple(2L, true), tuple(8L, false), tuple(10L, true));
    assertThat(changes.get(1).evidence())
        .isEqualTo(
            "train_affinity: excess 0, with confidence below 0.0625 < 0.1 on 2 looks in a row");
  }

  @Test
  void afterAFailedHoldoutCheckNothingIsRaised() {
    EarlyMemorization distrustful = new EarlyMemorization(EarlyMemorizationSettings.DEFAULT, false);

    Look look = Looks.affinity(1, .9, .8, .95, 1e-30);
    assertThat(Looks.run(distrustful, List.of(look, look, look))).isEmpty();
    assertThat(distrustful.observe(State.INITIAL, look).state()).isEqualTo(State.INITIAL);
  }

  @Test
  void settingsAreObeyed() {
    EarlyMemorization eager =
        new EarlyMemorization(new EarlyMemorizationSettings(.5, .05, 2, 1, 0), true);

    assertThat(Looks.run(eager, List.of(Looks.affinity(7, .1, .06, .2, .25))))
        .extracting(FlagChange::step)
        .containsExactly(7L);
  }
}
