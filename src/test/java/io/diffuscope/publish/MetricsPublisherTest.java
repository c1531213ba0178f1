package io.diffuscope.publish;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.EvidenceNews;
import io.diffuscope.run.HoldNews;
import io.diffuscope.run.JournalBacklog;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.tensorfile.BadInputException;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Metrics as a scraper reads them, on a registry of their own. */
class MetricsPublisherTest {
  private Instant now = RunEvents.AT;
  private final MetricsPublisher metrics =
      MetricsPublisher.create(
          new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1.2.3", () -> now);

  @Test
  void everyKnownSeriesStandsAtZeroFromTheStart() {
    tell(RunEvents.started("r"));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_build_info{version=\"1.2.3\"}")).isEqualTo(1);
    assertThat(scraped.value("diffuscope_measurement_info{probe=\"probe-1\",run=\"r\"}"))
        .isEqualTo(1);
    assertThat(scraped.value("diffuscope_checkpoints_found_total{run=\"r\"}")).isZero();
    assertThat(scraped.value("diffuscope_checkpoints_evaluated_total{run=\"r\"}")).isZero();
    assertThat(scraped.value("diffuscope_evaluations_in_progress{run=\"r\"}")).isZero();
    assertThat(scraped.value("diffuscope_evaluation_duration_seconds_count{run=\"r\"}")).isZero();
    for (Flag flag : Flag.values()) {
      assertThat(scraped.value("diffuscope_flag{flag=\"" + flag.label() + "\",run=\"r\"}"))
          .isZero();
    }
    for (BadInputException.Reason reason : BadInputException.Reason.values()) {
      assertThat(scraped.value(counter("failed", reason.label()))).isZero();
    }
    for (Sighting.Reason reason : Sighting.Reason.values()) {
      assertThat(scraped.value(counter("passed_over", reason.label()))).isZero();
    }
    assertThat(scraped.value(counter("skipped", "superseded"))).isZero();
    assertThat(scraped.value("diffuscope_verdict{run=\"r\",state=\"unknown\"}")).isEqualTo(1);
    assertThat(scraped.value("diffuscope_verdict{run=\"r\",state=\"learning\"}")).isZero();
    assertThat(scraped.has("diffuscope_flag_step")).isFalse();
    assertThat(scraped.has("diffuscope_evaluated_step")).isFalse();
    assertThat(scraped.has("diffuscope_best_step")).isFalse();
    assertThat(scraped.has("diffuscope_pfd")).isFalse();
  }

  @Test
  void theSeriesOfARunExistFromItsPreparationOn() {
    metrics.onPreparation(new PreparationProgress("r", "endpoints", 0, 4));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_flag{flag=\"memorization\",run=\"r\"}")).isZero();
    assertThat(scraped.value("diffuscope_verdict{run=\"r\",state=\"unknown\"}")).isEqualTo(1);
    assertThat(scraped.value("diffuscope_checkpoints_found_total{run=\"r\"}")).isZero();
    assertThat(scraped.has("diffuscope_measurement_info")).isFalse();
    assertThat(scraped.has("diffuscope_holdout_check_passed")).isFalse();
  }

  @Test
  void tellsWhetherTheSetsPassedTheirCheck() {
    tell(started("same", true), started("differ", false), started("alone", null));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_holdout_check_passed{run=\"same\"}")).isEqualTo(1);
    assertThat(scraped.value("diffuscope_holdout_check_passed{run=\"differ\"}")).isZero();
    assertThat(scraped.has("diffuscope_holdout_check_passed{run=\"alone\"}")).isFalse();
  }

  @Test
  void duplicatesAreCountedBySetAndKind() {
    tell(RunEvents.started("r"), started("uncounted", true));
    Exposition scraped = scrape();

    String within = "diffuscope_duplicates{kind=\"%s\",run=\"r\",set=\"%s\"}";
    assertThat(scraped.value(within.formatted("equal", "train"))).isEqualTo(1);
    assertThat(scraped.value(within.formatted("near", "train"))).isEqualTo(3);
    assertThat(scraped.value(within.formatted("near", "across"))).isEqualTo(2);
    assertThat(scraped.value(within.formatted("near", "holdout"))).isZero();
    assertThat(scraped.has("diffuscope_duplicates{kind=\"near\",run=\"uncounted\",set=\"train\"}"))
        .isFalse();
  }

  private static RunEvent started(String run, @Nullable Boolean passed) {
    return new RunEvent.RunStarted(
        run, RunEvents.AT, run, "probe-1", passed, List.of(), StepScale.UPDATES, true);
  }

  @Test
  void countsWhatIsFoundSkippedPassedOverAndFailed() {
    tell(
        RunEvents.started("r"),
        RunEvents.found("r", 100L),
        RunEvents.found("r", 200L),
        new RunEvent.CheckpointSkipped("r", RunEvents.AT, RunEvents.checkpoint(100L), "superseded"),
        new RunEvent.CheckpointPassedOver(
            "r", RunEvents.AT, "/c/step-5.safetensors", "incomplete", "too short"),
        RunEvents.evaluating("r", 200L),
        RunEvents.failed("r", 200L, "non_finite"));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_checkpoints_found_total{run=\"r\"}")).isEqualTo(2);
    assertThat(scraped.value("diffuscope_found_step{run=\"r\"}")).isEqualTo(200);
    assertThat(scraped.value("diffuscope_last_found_timestamp_seconds{run=\"r\"}"))
        .isEqualTo(1_800_000_001.0);
    assertThat(scraped.value(counter("skipped", "superseded"))).isEqualTo(1);
    assertThat(scraped.value(counter("passed_over", "incomplete"))).isEqualTo(1);
    assertThat(scraped.value(counter("failed", "non_finite"))).isEqualTo(1);
    assertThat(scraped.value("diffuscope_checkpoints_evaluated_total{run=\"r\"}")).isZero();
    assertThat(scraped.value("diffuscope_evaluations_in_progress{run=\"r\"}")).isZero();
  }

  @Test
  void aReasonThatIsNoWordIsCountedAsOther() {
    tell(RunEvents.started("r"), RunEvents.failed("r", 1L, "/tmp/x: \"quoted\""));

    assertThat(scrape().value(counter("failed", "other"))).isEqualTo(1);
  }

  @Test
  void showsProgressWhileAnEvaluationIsUnderWay() {
    tell(RunEvents.started("r"), RunEvents.evaluating("r", 100L));
    metrics.onProgress(RunEvents.progress("r", 100L, 3, 12));
    assertThat(scrape().value("diffuscope_evaluation_progress_ratio{run=\"r\"}")).isEqualTo(.25);
    assertThat(scrape().value("diffuscope_evaluations_in_progress{run=\"r\"}")).isEqualTo(1);

    tell(RunEvents.completed("r", 100L, true));
    metrics.onProgress(RunEvents.progress("r", 100L, 12, 12));
    assertThat(scrape().has("diffuscope_evaluation_progress_ratio")).isFalse();
    assertThat(scrape().value("diffuscope_evaluations_in_progress{run=\"r\"}")).isZero();
  }

  @Test
  void progressOfAnUnknownRunMakesNoSeries() {
    metrics.onProgress(RunEvents.progress("ghost", 100L, 3, 12));

    assertThat(scrape().has("diffuscope_evaluation_progress")).isFalse();
  }

  @Test
  void showsFinalEstimatesWithTheirErrorsAndStep() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed(
            "r",
            400L,
            true,
            RunEvents.pfd(Reference.TRAIN, 3.5),
            RunEvents.pfd(Reference.HOLDOUT, 5),
            RunEvents.share(.65),
            RunEvents.affinity(Statistic.EXCESS, new Estimate(.3, .02, .26, .34, 1000)),
            RunEvents.affinity(Statistic.P_VALUE, Estimate.exact(.001, 1000)),
            RunEvents.copies(.06),
            RunEvents.gap(.3, .01),
            RunEvents.gap(2, .02)));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_evaluated_step{run=\"r\"}")).isEqualTo(400);
    assertThat(scraped.value("diffuscope_pfd{reference=\"train\",run=\"r\"}")).isEqualTo(3.5);
    assertThat(scraped.value("diffuscope_pfd_standard_error{reference=\"train\",run=\"r\"}"))
        .isEqualTo(.25);
    assertThat(scraped.value("diffuscope_pfd_lower{reference=\"holdout\",run=\"r\"}"))
        .isEqualTo(4.5);
    assertThat(scraped.value("diffuscope_pfd_upper{reference=\"holdout\",run=\"r\"}"))
        .isEqualTo(5.5);
    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.65);
    assertThat(scraped.value("diffuscope_train_affinity_excess{run=\"r\"}")).isEqualTo(.3);
    assertThat(scraped.value("diffuscope_train_affinity_excess_lower{run=\"r\"}")).isEqualTo(.26);
    assertThat(scraped.value("diffuscope_train_affinity_p_value{run=\"r\"}")).isEqualTo(.001);
    assertThat(scraped.value("diffuscope_nearest_ratio{run=\"r\"}")).isEqualTo(.06);
    assertThat(scraped.value("diffuscope_nearest_ratio_lower{run=\"r\"}")).isZero();
    assertThat(scraped.value("diffuscope_denoising_gap{run=\"r\",sigma=\"0.3\"}")).isEqualTo(.01);
    assertThat(scraped.value("diffuscope_denoising_gap{run=\"r\",sigma=\"2\"}")).isEqualTo(.02);
    assertThat(scraped.has("diffuscope_train_affinity_p_value_")).isFalse();
    assertThat(scraped.value("diffuscope_checkpoints_evaluated_total{run=\"r\"}")).isEqualTo(1);
    assertThat(scraped.value("diffuscope_last_evaluated_timestamp_seconds{run=\"r\"}"))
        .isEqualTo(1_800_000_003.0);
  }

  @Test
  void whatDoesNotApplyIsAbsentAndNeverNaN() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed(
            "r",
            400L,
            true,
            RunEvents.affinity(Statistic.SHARE, Estimate.exact(.5, 1000)),
            RunEvents.affinity(Statistic.Z, Estimate.exact(Double.NaN, 0))));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.5);
    assertThat(scraped.has("diffuscope_train_affinity_standard_error")).isFalse();
    assertThat(scraped.has("diffuscope_train_affinity_z")).isFalse();
    assertThat(scraped.samples()).doesNotContainValue(Double.NaN);
  }

  @Test
  void anEstimateThatTheNextCheckpointLacksVanishes() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed(
            "r", 100L, true, RunEvents.pfd(Reference.TEACHER, 1), RunEvents.share(.5)));
    assertThat(scrape().has("diffuscope_pfd{reference=\"teacher\"")).isTrue();

    tell(RunEvents.completed("r", 200L, true, RunEvents.share(.6)));
    Exposition scraped = scrape();
    assertThat(scraped.has("diffuscope_pfd")).isFalse();
    assertThat(scraped.help()).doesNotContainKey("diffuscope_pfd");
    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.6);
  }

  @Test
  void aStepBelowTheLastOneJudgedIsCountedAndNotShown() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", 200L, true, RunEvents.share(.6)),
        RunEvents.completed("r", 100L, false, RunEvents.share(.5)));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_evaluated_step{run=\"r\"}")).isEqualTo(200);
    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.6);
    assertThat(scraped.value("diffuscope_checkpoints_evaluated_total{run=\"r\"}")).isEqualTo(2);
  }

  @Test
  void aNewAttemptTakesAwayWhatItSupersedesAndCountsOn() {
    tell(RunEvents.started("r"), RunEvents.completed("r", 200L, true, RunEvents.share(.6)));
    assertThat(scrape().value("diffuscope_attempt{run=\"r\"}")).isEqualTo(1);

    tell(RunEvents.attempt("r", 2, 300));
    assertThat(scrape().value("diffuscope_attempt{run=\"r\"}")).isEqualTo(2);
    assertThat(scrape().value("diffuscope_train_affinity{run=\"r\"}"))
        .as("of before")
        .isEqualTo(.6);

    tell(RunEvents.attempt("r", 3, 200));
    assertThat(scrape().has("diffuscope_train_affinity{")).isFalse();
    assertThat(scrape().has("diffuscope_evaluated_step")).isFalse();
    tell(
        RunEvents.completed("r", 400L, Standing.SUPERSEDED, 1, null, RunEvents.share(.9)),
        RunEvents.completed("r", 200L, Standing.JUDGED, 3, null, RunEvents.share(.55)));
    Exposition scraped = scrape();
    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.55);
    assertThat(scraped.value("diffuscope_evaluated_step{run=\"r\"}")).isEqualTo(200);
    assertThat(scraped.value("diffuscope_checkpoints_evaluated_total{run=\"r\"}")).isEqualTo(3);
  }

  @Test
  void aCheckpointWithoutAStepIsShownWithoutOne() {
    tell(RunEvents.started("r"), RunEvents.completed("r", null, false, RunEvents.share(.6)));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.6);
    assertThat(scraped.has("diffuscope_evaluated_step")).isFalse();
  }

  /** As the help texts say that the sums relate. */
  @Test
  void theOutcomesAreWhatWasFoundAndWhatWasPassedOverForGood() {
    tell(
        RunEvents.started("r"),
        RunEvents.passedOver("r", 1L, "incomplete"),
        RunEvents.found("r", 1L),
        RunEvents.found("r", 2L),
        RunEvents.found("r", 3L),
        RunEvents.failed("r", 2L, "non_finite"),
        RunEvents.failed("r", 3L, "vanished"),
        RunEvents.passedOver("r", 4L, "malformed"),
        RunEvents.passedOver("r", 5L, "unreadable"),
        RunEvents.passedOver("r", 6L, "vanished"),
        RunEvents.passedOver("r", 7L, "incomplete"));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_checkpoints_found_total{run=\"r\"}")).isEqualTo(3);
    assertThat(outcome(scraped, "waiting")).isEqualTo(1);
    assertThat(outcome(scraped, "failed")).isEqualTo(1 + 2);
    assertThat(outcome(scraped, "vanished")).isEqualTo(1 + 1);
    assertThat(outcome(scraped, "incomplete")).isEqualTo(1);
  }

  @Test
  void theLagIsTheAgeOfWhatWaitsLongestAtTheTimeOfTheScrape() {
    tell(RunEvents.started("r"));
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isZero();
    assertThat(scrape().has("diffuscope_oldest_waiting_step")).isFalse();

    tell(foundAt(100, 10), foundAt(200, 40), RunEvents.evaluating("r", 100L));
    now = RunEvents.AT.plusSeconds(70);
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isEqualTo(60);
    // The lag is of the one under evaluation, which no longer waits.
    assertThat(scrape().value("diffuscope_oldest_waiting_step{run=\"r\"}")).isEqualTo(200);
    now = RunEvents.AT.plusSeconds(75);
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isEqualTo(65);

    tell(RunEvents.completed("r", 100L, true));
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isEqualTo(35);
    assertThat(scrape().value("diffuscope_oldest_waiting_step{run=\"r\"}")).isEqualTo(200);
    assertThat(scrape().value("diffuscope_found_step{run=\"r\"}")).isEqualTo(200);

    tell(RunEvents.evaluating("r", 200L));
    assertThat(scrape().has("diffuscope_oldest_waiting_step")).isFalse();
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isEqualTo(35);

    tell(RunEvents.skipped("r", 200L, "superseded"));
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isZero();
    assertThat(scrape().has("diffuscope_oldest_waiting_step")).isFalse();
  }

  @Test
  void aRunThatIsOverDoesNotLagAndAClockThatIsSetBackMakesNoNegativeAge() {
    tell(RunEvents.started("r"), foundAt(100, 10));
    now = RunEvents.AT;
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isZero();

    now = RunEvents.AT.plusSeconds(500);
    tell(RunEvents.ended("r", Verdict.State.LEARNING, null));
    assertThat(scrape().value("diffuscope_lag_seconds{run=\"r\"}")).isZero();
  }

  private static RunEvent foundAt(long step, int seconds) {
    return new RunEvent.CheckpointFound(
        "r", RunEvents.AT.plusSeconds(seconds), RunEvents.checkpoint(step));
  }

  @Test
  void checkpointsAreCountedOnceByWhatTheyEndedAs() {
    tell(
        RunEvents.started("r"),
        RunEvents.found("r", 1L),
        RunEvents.found("r", 2L),
        RunEvents.found("r", 3L),
        RunEvents.found("r", 4L),
        RunEvents.evaluating("r", 1L),
        RunEvents.completed("r", 1L, true),
        RunEvents.skipped("r", 2L, "backlog"),
        RunEvents.evaluating("r", 3L),
        RunEvents.passedOver("r", 5L, "incomplete"));
    Exposition scraped = scrape();

    assertThat(outcome(scraped, "evaluated")).isEqualTo(1);
    assertThat(outcome(scraped, "skipped")).isEqualTo(1);
    assertThat(outcome(scraped, "evaluating")).isEqualTo(1);
    assertThat(outcome(scraped, "waiting")).isEqualTo(1);
    assertThat(outcome(scraped, "incomplete")).isEqualTo(1);
    assertThat(outcome(scraped, "vanished")).isZero();
    assertThat(outcome(scraped, "failed")).isZero();

    tell(RunEvents.found("r", 5L), RunEvents.failed("r", 3L, "vanished"));
    scraped = scrape();
    assertThat(outcome(scraped, "incomplete")).isZero();
    assertThat(outcome(scraped, "waiting")).isEqualTo(2);
    assertThat(outcome(scraped, "vanished")).isEqualTo(1);
    assertThat(scraped.value(counter("failed", "vanished"))).isEqualTo(1);
  }

  private static double outcome(Exposition scraped, String outcome) {
    return scraped.value("diffuscope_checkpoints{outcome=\"" + outcome + "\",run=\"r\"}");
  }

  @Test
  void anEvaluationOfTheLossesAloneLeavesWhatWasSampled() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", 100L, true, RunEvents.share(.5), RunEvents.gap(.3, .01)),
        RunEvents.losses(
            "r", 110L, Standing.LOSSES_ONLY, RunEvents.gap(.3, .02), RunEvents.gap(2, .03)));
    Exposition scraped = scrape();

    assertThat(scraped.value("diffuscope_evaluated_step{run=\"r\"}")).isEqualTo(110);
    assertThat(scraped.value("diffuscope_sampled_step{run=\"r\"}")).isEqualTo(100);
    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.5);
    assertThat(scraped.value("diffuscope_denoising_gap{run=\"r\",sigma=\"0.3\"}")).isEqualTo(.02);
    assertThat(scraped.value("diffuscope_denoising_gap{run=\"r\",sigma=\"2\"}")).isEqualTo(.03);

    tell(RunEvents.losses("r", 105L, Standing.LOSSES_ONLY, RunEvents.gap(.3, .04)));
    scraped = scrape();
    assertThat(scraped.value("diffuscope_evaluated_step{run=\"r\"}")).as("late").isEqualTo(110);
    assertThat(scraped.value("diffuscope_denoising_gap{run=\"r\",sigma=\"0.3\"}")).isEqualTo(.02);

    tell(RunEvents.completed("r", 120L, true, RunEvents.share(.6)));
    scraped = scrape();
    assertThat(scraped.value("diffuscope_sampled_step{run=\"r\"}")).isEqualTo(120);
    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.6);
    assertThat(scraped.has("diffuscope_denoising_gap{")).isFalse();
  }

  @Test
  void anAttemptTakesAwayTheLossesAndTheSamplesFromItsFirstStepOn() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", 100L, true, RunEvents.share(.5), RunEvents.gap(.3, .01)),
        RunEvents.losses("r", 110L, Standing.LOSSES_ONLY, RunEvents.gap(.3, .02)),
        RunEvents.attempt("r", 2, 105));
    Exposition scraped = scrape();

    assertThat(scraped.has("diffuscope_evaluated_step")).isFalse();
    assertThat(scraped.has("diffuscope_denoising_gap{")).isFalse();
    assertThat(scraped.value("diffuscope_sampled_step{run=\"r\"}")).isEqualTo(100);
    assertThat(scraped.value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.5);

    tell(RunEvents.attempt("r", 3, 100));
    assertThat(scrape().has("diffuscope_sampled_step")).isFalse();
    assertThat(scrape().has("diffuscope_train_affinity{")).isFalse();
  }

  @Test
  void stepsAreToldInTheirUnitAndAsTrainingImages() {
    tell(
        RunEvents.started("r", new StepScale(null, 256L, 50_000L)),
        RunEvents.completed("r", 10L, true));
    assertThat(info(scrape(), "updates")).isEqualTo(1);
    assertThat(scrape().value("diffuscope_training_images{run=\"r\"}")).isEqualTo(2_560);

    metrics.onSourceNews(new SourceNews("r", false, "edm", StepUnit.KIMG));
    metrics.onSourceNews(new SourceNews("r", false, "averaged", null));
    assertThat(info(scrape(), "kimg")).isEqualTo(1);
    assertThat(scrape().samples().keySet()).noneMatch(s -> s.contains("step_unit=\"updates\""));
    assertThat(scrape().value("diffuscope_training_images{run=\"r\"}")).isEqualTo(10_000);

    tell(RunEvents.attempt("r", 2, 5));
    assertThat(scrape().has("diffuscope_training_images")).isFalse();
  }

  private static double info(Exposition scraped, String unit) {
    return scraped.value(
        "diffuscope_run_info{display_name=\"The run r\",run=\"r\",step_unit=\"" + unit + "\"}");
  }

  @Test
  void howFarTheJournalIsBehind() {
    metrics.onEvent(RunEvents.started("r"));
    assertThat(scrape().value("diffuscope_journal_pending_events{run=\"r\"}")).isZero();
    assertThat(scrape().value("diffuscope_journal_failed_writes_total{run=\"r\"}")).isZero();
    assertThat(scrape().value("diffuscope_journal_lost_events_total{run=\"r\"}")).isZero();
    metrics.onJournalBacklog(new JournalBacklog("r", 4, true, 0));
    metrics.onJournalBacklog(new JournalBacklog("r", 5, true, 0));
    metrics.onJournalBacklog(new JournalBacklog("r", 5, false, 3));
    assertThat(scrape().value("diffuscope_journal_pending_events{run=\"r\"}")).isEqualTo(5);
    assertThat(scrape().value("diffuscope_journal_failed_writes_total{run=\"r\"}")).isEqualTo(2);
    assertThat(scrape().value("diffuscope_journal_lost_events_total{run=\"r\"}")).isEqualTo(3);
  }

  /** After a restart there is no pair to the checkpoint before: unknown is no 0. */
  @Test
  void aChangeThatIsNotKnownIsAbsent() {
    String change = "diffuscope_pfd_change";
    metrics.onEvent(RunEvents.started("r"));
    metrics.onEvent(measured(1, Statistic.RMS, Statistic.CHANGE));
    assertThat(scrape().has(change)).isTrue();
    metrics.onEvent(RunEvents.resumed("r"));
    metrics.onEvent(measured(2, Statistic.RMS));
    assertThat(scrape().has(change)).isFalse();
    assertThat(scrape().value("diffuscope_pfd{reference=\"train\",run=\"r\"}")).isEqualTo(2);
  }

  private static RunEvent measured(long step, Statistic... statistics) {
    return RunEvents.completed(
        "r",
        step,
        true,
        Stream.of(statistics)
            .map(
                statistic ->
                    SignalEstimate.of(
                        SignalNames.PFD,
                        Reference.TRAIN,
                        statistic,
                        new Estimate(step, .1, step - .2, step + .2, 100)))
            .toArray(SignalEstimate[]::new));
  }

  @Test
  void whatIsReadInPlaceIsCountedEachTime() {
    tell(RunEvents.started("r"));
    assertThat(inPlace("limit")).isZero();
    assertThat(inPlace("space")).isZero();
    assertThat(inPlace("unwritable")).isZero();

    metrics.onHoldNews(new HoldNews("r", "space", true, "the disk is full"));
    metrics.onHoldNews(new HoldNews("r", "space", false, "the disk is full"));
    assertThat(inPlace("space")).isEqualTo(2);
    assertThat(inPlace("limit")).isZero();
  }

  @Test
  void evidenceThatIsNotKeptIsCounted() {
    tell(RunEvents.started("r"));
    assertThat(scrape().value("diffuscope_evidence_failed_writes_total{run=\"r\"}")).isZero();
    metrics.onEvidenceNews(new EvidenceNews("r", true, "the disk is full"));
    metrics.onEvidenceNews(new EvidenceNews("r", false, "the disk is full"));
    assertThat(scrape().value("diffuscope_evidence_failed_writes_total{run=\"r\"}")).isEqualTo(2);
  }

  private double inPlace(String reason) {
    return scrape()
        .value("diffuscope_holds_in_place_total{reason=\"%s\",run=\"r\"}".formatted(reason));
  }

  @Test
  void aSourceIsDownWhileAProblemLasts() {
    tell(RunEvents.started("r"));
    assertThat(scrape().value("diffuscope_source_up{run=\"r\"}")).isEqualTo(1);
    assertThat(scrape().value("diffuscope_source_problems_total{run=\"r\"}")).isZero();

    metrics.onSourceNews(new SourceNews("r", true, "does not exist", null));
    assertThat(scrape().value("diffuscope_source_up{run=\"r\"}")).isZero();
    metrics.onSourceNews(new SourceNews("r", false, "can be listed again", null));
    assertThat(scrape().value("diffuscope_source_up{run=\"r\"}")).isEqualTo(1);
    metrics.onSourceNews(new SourceNews("r", true, "nothing is recognised", null));
    metrics.onSourceNews(new SourceNews("r", false, "layout edm", StepUnit.KIMG));
    assertThat(scrape().value("diffuscope_source_up{run=\"r\"}")).isEqualTo(1);
    assertThat(scrape().value("diffuscope_source_problems_total{run=\"r\"}")).isEqualTo(2);
  }

  @Test
  void aProblemBeforeTheRunHasBegunIsKept() {
    metrics.onSourceNews(new SourceNews("r", true, "does not exist", null));
    tell(RunEvents.started("r"));

    assertThat(scrape().value("diffuscope_source_up{run=\"r\"}")).isZero();
    assertThat(scrape().value("diffuscope_source_problems_total{run=\"r\"}")).isEqualTo(1);
    metrics.removeRun("r");
    assertThat(scrape().has("diffuscope_source_up")).isFalse();
    assertThat(scrape().has("diffuscope_source_problems")).isFalse();
  }

  @Test
  void durationsFallIntoFixedBuckets() {
    tell(RunEvents.started("r"), RunEvents.completed("r", 100L, true));
    Exposition scraped = scrape();

    assertThat(scraped.type()).containsEntry("diffuscope_evaluation_duration_seconds", "histogram");
    String bucket = "diffuscope_evaluation_duration_seconds_bucket{run=\"r\",le=\"%s\"}";
    assertThat(scraped.value(bucket.formatted("2.0"))).isZero();
    assertThat(scraped.value(bucket.formatted("5.0"))).isEqualTo(1);
    assertThat(scraped.value(bucket.formatted("+Inf"))).isEqualTo(1);
    assertThat(scraped.value("diffuscope_evaluation_duration_seconds_sum{run=\"r\"}"))
        .isEqualTo(4.5);
  }

  @Test
  void flagsAreRaisedAndClearedAndKeepTheStepOfTheirLastRaising() {
    tell(RunEvents.started("r"), RunEvents.flag("r", Flag.EARLY_MEMORIZATION, true, 400));
    assertThat(scrape().value("diffuscope_flag{flag=\"early_memorization\",run=\"r\"}"))
        .isEqualTo(1);
    assertThat(scrape().value("diffuscope_flag{flag=\"memorization\",run=\"r\"}")).isZero();

    tell(RunEvents.flag("r", Flag.EARLY_MEMORIZATION, false, 900));
    assertThat(scrape().value("diffuscope_flag{flag=\"early_memorization\",run=\"r\"}")).isZero();
    assertThat(scrape().value("diffuscope_flag_step{flag=\"early_memorization\",run=\"r\"}"))
        .isEqualTo(400);
  }

  @Test
  void verdictAndBestStepFollowTheRunToItsEnd() {
    tell(RunEvents.started("r"), RunEvents.verdict("r", Verdict.State.LEARNING, 300L));
    assertThat(scrape().value("diffuscope_verdict{run=\"r\",state=\"learning\"}")).isEqualTo(1);
    assertThat(scrape().value("diffuscope_verdict{run=\"r\",state=\"unknown\"}")).isZero();
    assertThat(scrape().value("diffuscope_best_step{run=\"r\"}")).isEqualTo(300);
    assertThat(scrape().has("diffuscope_ended_timestamp_seconds")).isFalse();

    tell(RunEvents.evaluating("r", 500L), RunEvents.ended("r", Verdict.State.MEMORIZING, null));
    Exposition scraped = scrape();
    assertThat(scraped.value("diffuscope_verdict{run=\"r\",state=\"memorizing\"}")).isEqualTo(1);
    assertThat(scraped.value("diffuscope_verdict{run=\"r\",state=\"learning\"}")).isZero();
    assertThat(scraped.has("diffuscope_best_step")).isFalse();
    assertThat(scraped.value("diffuscope_evaluations_in_progress{run=\"r\"}")).isZero();
    assertThat(scraped.value("diffuscope_ended_timestamp_seconds{run=\"r\"}"))
        .isEqualTo(1_800_000_060.0);
  }

  @Test
  void anotherProbeReplacesTheLastOnesInfo() {
    tell(RunEvents.started("r", "one"), RunEvents.started("r", "two"));
    Exposition scraped = scrape();

    assertThat(scraped.has("diffuscope_measurement_info{probe=\"one\"")).isFalse();
    assertThat(scraped.has("diffuscope_measurement_info{probe=\"two\"")).isTrue();
  }

  @Test
  void aRemovedRunVanishesAndLeavesTheOthers() {
    for (String run : List.of("a", "b")) {
      tell(
          RunEvents.started(run),
          RunEvents.found(run, 1L),
          RunEvents.evaluating(run, 1L),
          RunEvents.completed(run, 1L, true, RunEvents.everything()),
          RunEvents.flag(run, Flag.MEMORIZATION, true, 1));
    }
    metrics.removeRun("a");
    Exposition scraped = scrape();

    assertThat(scraped.samples().keySet()).noneMatch(series -> series.contains("run=\"a\""));
    assertThat(scraped.value("diffuscope_train_affinity{run=\"b\"}")).isEqualTo(.5);
    assertThat(scraped.value("diffuscope_checkpoints_found_total{run=\"b\"}")).isEqualTo(1);

    tell(RunEvents.started("a"));
    assertThat(scrape().value("diffuscope_checkpoints_found_total{run=\"a\"}")).isZero();
  }

  @Test
  void gaugesSurviveAGarbageCollection() {
    tell(RunEvents.started("r"), RunEvents.completed("r", 400L, true, RunEvents.share(.65)));
    System.gc();

    assertThat(scrape().value("diffuscope_train_affinity{run=\"r\"}")).isEqualTo(.65);
  }

  @Test
  void servesOpenMetricsToo() {
    tell(RunEvents.started("r"), RunEvents.found("r", 1L));
    String text = new String(metrics.scrape(MetricsPublisher.OPEN_METRICS), UTF_8);

    assertThat(text).endsWith("# EOF\n").contains("# TYPE diffuscope_checkpoints_found counter");
    assertThat(text).contains("diffuscope_checkpoints_found_total{run=\"r\"} 1.0");
  }

  private void tell(RunEvent... events) {
    for (RunEvent event : events) {
      metrics.onEvent(event);
    }
  }

  private Exposition scrape() {
    return Exposition.parse(new String(metrics.scrape(MetricsPublisher.TEXT), UTF_8));
  }

  private static String counter(String name, String reason) {
    return "diffuscope_checkpoints_%s_total{reason=\"%s\",run=\"r\"}".formatted(name, reason);
  }
}
