package io.diffuscope.cli;

import io.diffuscope.run.Pace;
import io.diffuscope.run.PaceForecast;
import io.diffuscope.run.PaceForecast.Training;
import io.diffuscope.sampling.EvaluationCost;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The section of a plan on whether evaluation keeps up with the training. */
final class PlanPace {
  private static final String SECTION = "pace";
  private static final int CHECKPOINTS = 100;
  private static final double EXAMPLE_BUDGET = 0.1;

  private final PlanReport report;
  private final Pace pace;
  private final EvaluationCost cost;

  PlanPace(PlanReport report, Pace pace, EvaluationCost cost) {
    this.report = report;
    this.pace = pace;
    this.cost = cost;
  }

  /**
   * Adds it.
   *
   * @param given what the user says the time between two checkpoints is; null: as found
   */
  void add(FoundCheckpoints found, @Nullable Duration given) {
    report.add(SECTION, "policy", policy());
    report.add(SECTION, "checkpoints found", Integer.toString(found.count()), found.count());
    Duration interval = given == null ? found.interval() : given;
    if (interval == null) {
      report.add(
          SECTION,
          "interval",
          found.count() == 0
              ? "not known: give --interval, or a DIR with checkpoints"
              : "not known: fewer than two checkpoints with different times; give --interval",
          null);
      report.add(
          SECTION,
          "keeps up",
          "sampling each checkpoint, from one every %s on"
              .formatted(PlanReport.duration(cost.sampled())),
          null);
      return;
    }
    double seconds = interval.toMillis() * 1e-3;
    report.seconds(
        SECTION, "interval", seconds, given == null ? "the median of those found" : "as given");
    Training training = training(found, seconds);
    addForecast(pace, training, "");
    if (pace.budget() == null) {
      Pace budgeted = new Pace(pace.policy(), pace.every(), pace.mostPending(), 1, EXAMPLE_BUDGET);
      addForecast(budgeted, training, "with --budget 10%: ");
    }
  }

  private static Training training(FoundCheckpoints found, double interval) {
    Long spacing = found.spacing();
    Long last = found.lastStep();
    long steps = spacing == null || spacing < 1 ? 1 : spacing;
    return new Training(last == null ? steps : last, steps, interval, CHECKPOINTS);
  }

  private void addForecast(Pace policy, Training training, String prefix) {
    PaceForecast forecast = PaceForecast.of(policy, training, cost.sampled(), cost.lossesOnly());
    report.add(
        SECTION,
        prefix + "of %d checkpoints".formatted(CHECKPOINTS),
        "%d sampled, %d losses only, %d skipped"
            .formatted(forecast.sampled(), forecast.lossesOnly(), forecast.skipped()),
        Map.of(
            "sampled", forecast.sampled(),
            "losses_only", forecast.lossesOnly(),
            "skipped", forecast.skipped()));
    report.seconds(
        SECTION,
        prefix + "worst lag",
        forecast.worstLag(),
        "from a checkpoint's writing to its result");
    report.add(
        SECTION,
        prefix + "device in use",
        String.format(Locale.ROOT, "%.3g %% of the time", 100 * forecast.busy()),
        forecast.busy());
    boolean keepsUp = forecast.keepsUp(training, cost.sampled());
    if (prefix.isEmpty()) {
      report.add(
          SECTION,
          "keeps up",
          keepsUp
              ? forecast.skipped() == 0 ? "yes, every checkpoint" : "yes, by skipping"
              : "no, the lag grows: choose the policy latest, fewer --samples, or --budget",
          keepsUp);
    }
  }

  private String policy() {
    String name = pace.policy().name().toLowerCase(Locale.ROOT);
    String which = pace.policy() == Pace.Policy.EVERY ? name + " " + pace.every() : name;
    Double budget = pace.budget();
    return budget == null
        ? "%s, sampled when the step has grown by the factor %s"
            .formatted(which, pace.samplingGrowth())
        : String.format(
            Locale.ROOT, "%s, within %.3g %% of the device's time", which, 100 * budget);
  }
}
