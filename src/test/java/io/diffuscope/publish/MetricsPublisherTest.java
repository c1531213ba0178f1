package io.diffuscope.publish;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.StepScale;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.tensorfile.BadInputException;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Metrics as a scraper reads them, on a registry of their own. */
class MetricsPublisherTest {
  private final MetricsPublisher metrics =
      MetricsPublisher.create(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1.2.3");

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

  private static RunEvent started(String run, @Nullable Boolean passed) {
    return new RunEvent.RunStarted(
        run, RunEvents.AT, run, "probe-1", passed, List.of(), StepScale.UPDATES);
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
