package io.diffuscope.detect;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.detect.Progress.Distance;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class VerdictsTest {
  private static final DetectorStates QUIET = DetectorStates.INITIAL;
  private static final RaisedFlag EARLY = new RaisedFlag(Flag.EARLY_MEMORIZATION, 300, "affinity");
  private static final RaisedFlag COPIES = new RaisedFlag(Flag.MEMORIZATION, 900, "ratio");

  @Test
  void nothingEvaluated() {
    assertThat(Verdicts.of(List.of(), QUIET))
        .isEqualTo(new Verdict(Verdict.State.UNKNOWN, null, null, "nothing evaluated yet"));
  }

  @Test
  void learningWhileTheDistanceFalls() {
    Verdict verdict = Verdicts.of(holdout(9, 7, 5, 4), QUIET);

    assertThat(verdict)
        .isEqualTo(
            new Verdict(
                Verdict.State.LEARNING,
                100L,
                400L,
                "no evidence of memorization; pfd to the hold-out fell from 9 at step 100 to 4 at"
                    + " step 400"));
  }

  @Test
  void oneLookOrAFlatStartIsUnknown() {
    Verdict one = Verdicts.of(holdout(9), QUIET);
    assertThat(one.state()).isEqualTo(Verdict.State.UNKNOWN);
    assertThat(one.why())
        .isEqualTo(
            "no evidence of memorization; one checkpoint so far, with pfd to the hold-out 9 at step"
                + " 100");
    Verdict flat = Verdicts.of(holdout(9, 9.2, 8.95), QUIET);
    assertThat(flat.state()).isEqualTo(Verdict.State.UNKNOWN);
    assertThat(flat.why()).contains("has not fallen yet (9 at step 100, 8.95 at step 300)");
  }

  @Test
  void aRiseFromTheValleyIsNotLearning() {
    Verdict verdict = Verdicts.of(holdout(9, 5, 4, 4.1, 5), QUIET);

    assertThat(verdict.state()).isEqualTo(Verdict.State.UNKNOWN);
    assertThat(verdict.bestStep()).isEqualTo(300);
    assertThat(verdict.sinceStep()).isEqualTo(300);
    assertThat(verdict.why()).contains("rose from 4 at step 300 to 5 at step 500");
    // 3 % is no rise
    assertThat(Verdicts.of(holdout(9, 5, 4, 4.1), QUIET).state()).isEqualTo(Verdict.State.LEARNING);
  }

  @Test
  void bestIsTheEarliestWithinOnePairedErrorOfTheSmallest() {
    // the smallest, 4.00, has an error of .1: 4.10 at step 300 is as good, 4.11 at 200 is not
    assertThat(Verdicts.of(holdout(9, 4.11, 4.0999, 4.05, 4.0, 4.2), QUIET).bestStep())
        .isEqualTo(300);
  }

  @Test
  void aTeacherTellsInPlaceOfTheHoldout() {
    List<Progress> history =
        List.of(
            new Progress(100, new Distance(9, .1), new Distance(9, .1)),
            new Progress(200, new Distance(5, .1), new Distance(8, .1)),
            new Progress(300, new Distance(7, .1), new Distance(7, .1)));

    Verdict verdict = Verdicts.of(history, QUIET);

    assertThat(verdict.bestStep()).isEqualTo(200);
    assertThat(verdict.why()).contains("pfd to the teacher rose");
  }

  @Test
  void withoutTeacherAndHoldoutNothingIsClaimed() {
    Verdict verdict =
        Verdicts.of(List.of(new Progress(100, null, null), new Progress(200, null, null)), QUIET);

    assertThat(verdict.state()).isEqualTo(Verdict.State.UNKNOWN);
    assertThat(verdict.bestStep()).isNull();
  }

  @Test
  void raisedFlagsDecideAndCopiesWeighMore() {
    List<Progress> history = holdout(9, 5, 4, 6);

    assertThat(Verdicts.of(history, states(null, EARLY)))
        .isEqualTo(new Verdict(Verdict.State.EARLY_MEMORIZATION, 300L, 300L, "affinity"));
    assertThat(Verdicts.of(history, states(null, EARLY, COPIES)))
        .isEqualTo(new Verdict(Verdict.State.MEMORIZING, 900L, 300L, "ratio"));
  }

  @Test
  void learningAgainSinceTheFlagWasCleared() {
    assertThat(Verdicts.of(holdout(9, 5, 4), states(200L)).sinceStep()).isEqualTo(200);
  }

  @Test
  void progressTakesThePairedErrorAndElseTheMarginalOne() {
    Look first = new Look(100, List.of(pfd(Statistic.RMS, 9, .5)));
    Look second = new Look(200, List.of(pfd(Statistic.RMS, 7, .4), pfd(Statistic.CHANGE, -2, .05)));

    assertThat(Progress.of(first)).isEqualTo(new Progress(100, null, new Distance(9, .5)));
    assertThat(Progress.of(second)).isEqualTo(new Progress(200, null, new Distance(7, .05)));
    assertThat(Progress.of(new Look(300, List.of(pfd(Statistic.RMS, Double.NaN, .4)))))
        .isEqualTo(new Progress(300, null, null));
  }

  @Test
  void progressSurvivesJson() throws Exception {
    ObjectMapper json = new ObjectMapper();
    Progress progress = new Progress(100, null, new Distance(9, .5));

    assertThat(json.readValue(json.writeValueAsString(progress), Progress.class))
        .isEqualTo(progress);
  }

  private static SignalEstimate pfd(Statistic statistic, double value, double error) {
    return SignalEstimate.of(
        SignalNames.PFD,
        Reference.HOLDOUT,
        statistic,
        new Estimate(value, error, value - error, value + error, 1000));
  }

  private static List<Progress> holdout(double... values) {
    return IntStream.range(0, values.length)
        .mapToObj(i -> new Progress(100L * (i + 1), null, new Distance(values[i], .1)))
        .toList();
  }

  private static DetectorStates states(@Nullable Long lastCleared, RaisedFlag... raised) {
    return new DetectorStates(
        QUIET.earlyMemorization(), QUIET.memorization(), List.of(raised), lastCleared);
  }
}
