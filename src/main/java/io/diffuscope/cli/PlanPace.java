package io.diffuscope.cli;

import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.run.Pace;
import io.diffuscope.run.PaceForecast;
import io.diffuscope.run.PaceForecast.Training;
import io.diffuscope.sampling.EvaluationCost;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The section of a plan on whether evaluation keeps up with the training. */
final class PlanPace {
  private static final String SECTION = "pace";
  private static final int CHECKPOINTS = 100;
  private static final int MOST_CHECKPOINTS = 10_000;
  private static final double EXAMPLE_BUDGET = 0.1;

  private final PlanReport report;
  private final Pace pace;
  private final @Nullable Long finalStep;
  private final EvaluationCost cost;
  private final PlanSettling settling;

  PlanPace(
      PlanReport report,
      Pace pace,
      @Nullable Long finalStep,
      EvaluationCost cost,
      PlanSettling settling) {
    this.report = report;
    this.pace = pace;
    this.finalStep = finalStep;
    this.cost = cost;
    this.settling = settling;
  }

  /**
   * How long it takes until a checkpoint that was written counts as complete.
   *
   * @param directory where it is looked for; null without one, as where it is announced
   * @param checking seconds of opening it and checking its structure
   */
  record PlanSettling(@Nullable DirectorySettings directory, double checking) {
    /**
     * Seconds at most: the listing that first sees it comes a poll interval later, and the first
     * one after the quiet period may as well.
     */
    double most() {
      if (directory == null) {
        return checking;
      }
      long poll = directory.pollInterval().toNanos();
      long polls = 1 + Math.ceilDiv(directory.quietPeriod().toNanos(), poll);
      return polls * poll * 1e-9 + checking;
    }

    String remark() {
      if (directory == null) {
        return "as announced; nothing is looked for";
      }
      double poll = directory.pollInterval().toNanos() * 1e-9;
      double quiet = directory.quietPeriod().toNanos() * 1e-9;
      return "at most: looked for every %s%s, then checked in %s"
          .formatted(
              PlanReport.duration(poll),
              quiet == 0 ? "" : ", unchanged for " + PlanReport.duration(quiet),
              PlanReport.duration(checking));
    }
  }

  /**
   * Adds it.
   *
   * @param given what the user says the time between two checkpoints is; null: as found
   */
  void add(FoundRuns runs, @Nullable Duration given) {
    report.add(SECTION, "policy", policy());
    int count = runs.byName().size();
    if (runs.glob() != null) {
      report.add(
          SECTION,
          "runs",
          "%d match %s and share the device; those that have ended cost nothing"
              .formatted(count, runs.glob()),
          count);
    }
    report.add(SECTION, "checkpoints found", Integer.toString(runs.count()), runs.count());
    List<Double> known = intervals(runs, given);
    if (known.isEmpty()) {
      addWithoutInterval(runs);
      return;
    }
    double usual = known.get(known.size() / 2);
    report.seconds(SECTION, "interval", usual, intervalRemark(runs, given, known.size()));
    List<Training> trainings = new ArrayList<>();
    for (FoundCheckpoints found : runs.byName().values()) {
      Duration own = given == null ? found.interval() : given;
      trainings.add(training(found, own == null ? usual : own.toMillis() * 1e-3));
    }
    addForecast(SECTION, pace, trainings);
    if (pace.budget() == null) {
      Pace budgeted = new Pace(pace.policy(), pace.every(), pace.mostPending(), 1, EXAMPLE_BUDGET);
      addForecast("pace, were --budget 10% given", budgeted, trainings);
    }
  }

  /** Seconds, ascending, of the runs where they are known. */
  private static List<Double> intervals(FoundRuns runs, @Nullable Duration given) {
    return runs.byName().values().stream()
        .map(found -> given == null ? found.interval() : given)
        .filter(Objects::nonNull)
        .map(interval -> interval.toMillis() * 1e-3)
        .sorted()
        .toList();
  }

  private static String intervalRemark(FoundRuns runs, @Nullable Duration given, int known) {
    int count = runs.byName().size();
    if (given != null) {
      return count == 1 ? "as given" : "as given, for each run";
    }
    if (count == 1) {
      int gaps = runs.byName().values().iterator().next().gaps();
      return gaps == 1
          ? "between the two youngest"
          : "the median of the %d gaps between the youngest".formatted(gaps);
    }
    return "the median over the runs%s"
        .formatted(
            known == count
                ? ", each of which is played at its own"
                : "; taken for the %d that do not tell".formatted(count - known));
  }

  private void addWithoutInterval(FoundRuns runs) {
    report.add(
        SECTION,
        "interval",
        runs.count() == 0
            ? "not known: give --interval, or a DIR with checkpoints"
            : "not known: fewer than two checkpoints with different times; give --interval",
        null);
    int count = runs.byName().size();
    Double budget = pace.budget();
    report.add(
        SECTION,
        "keeps up",
        (switch (pace.policy()) {
                  case LATEST -> "yes, the newest is evaluated each time; each checkpoint";
                  case ALL -> "each checkpoint";
                  case EVERY -> "one of each stretch";
                }
                + "%s can be sampled where one comes every %s or more")
            .formatted(
                count == 1 ? "" : " of each of %d runs".formatted(count),
                PlanReport.duration(count * cost.sampled() / (budget == null ? 1 : budget))));
  }

  private Training training(FoundCheckpoints found, double interval) {
    Long spacing = found.spacing();
    long steps = spacing == null ? 1 : Math.max(1, spacing);
    Long last = found.lastStep();
    if (last == null) {
      return new Training(steps, steps, interval, CHECKPOINTS);
    }
    // The next one, which is not there yet.
    return new Training(last + steps, steps, interval, checkpointsAfter(last, spacing));
  }

  private int checkpointsAfter(long last, @Nullable Long spacing) {
    if (spacing == null || finalStep == null) {
      return CHECKPOINTS;
    }
    return (int) Math.clamp(Math.ceilDiv(finalStep - last, spacing), 1L, (long) MOST_CHECKPOINTS);
  }

  private void addForecast(String section, Pace policy, List<Training> trainings) {
    PaceForecast forecast = PaceForecast.of(policy, trainings, cost.sampled(), cost.lossesOnly());
    int count = trainings.stream().mapToInt(Training::count).sum();
    report.add(
        section,
        "of the next %d checkpoints".formatted(count),
        "%d sampled, %d losses only, %d skipped"
            .formatted(forecast.sampled(), forecast.lossesOnly(), forecast.skipped()),
        Map.of(
            "sampled", forecast.sampled(),
            "losses_only", forecast.lossesOnly(),
            "skipped", forecast.skipped()));
    String most =
        forecast.keepsUp() || forecast.lost() > 0
            ? "at most"
            : "at most within these %d, and longer after".formatted(count);
    report.seconds(section, "settling", settling.most(), settling.remark());
    report.seconds(
        section,
        "waiting and evaluation",
        forecast.worstLag(),
        "%s; from when it is found, as diffuscope_lag_seconds counts%s"
            .formatted(most, cost.holding() > 0 ? "; making the hold included" : ""));
    report.seconds(
        section,
        "expected lag",
        settling.most() + forecast.worstLag(),
        most + "; from the end of its writing to its result: settling, waiting and evaluation");
    Double budget = policy.budget();
    if (budget != null && policy.policy() == Pace.Policy.LATEST) {
      report.seconds(
          section,
          "lag of the last one",
          settling.most() + trainings.size() * cost.sampled() / budget,
          "at most; nothing overtakes the last checkpoint while it waits for the end of the rest");
    }
    report.add(
        section,
        "device in use",
        String.format(
            Locale.ROOT,
            "%.3g %% of the time%s",
            100 * forecast.busy(),
            budget == null ? "" : ", rests included"),
        forecast.busy());
    report.add(section, "keeps up", verdict(policy, forecast), forecast.keepsUp());
  }

  private static String verdict(Pace policy, PaceForecast forecast) {
    if (!forecast.keepsUp()) {
      return "no: %s; choose %s".formatted(trouble(policy, forecast), remedies(policy, forecast));
    }
    if (forecast.skipped() == 0) {
      return "yes, every checkpoint is evaluated";
    }
    return policy.policy() == Pace.Policy.EVERY
        ? "yes, one of every %d steps is evaluated".formatted(policy.every())
        : "yes, the newest is evaluated each time; those that it overtakes are skipped";
  }

  private static String trouble(Pace policy, PaceForecast forecast) {
    return forecast.demand() > 1
        ? String.format(
            Locale.ROOT,
            "%.3g times the time there is%s would be needed, so the lag grows until %d checkpoints"
                + " wait, and then the oldest are skipped",
            forecast.demand(),
            policy.budget() == null ? "" : " within the budget",
            policy.mostPending())
        : "the time is enough, but more than %d checkpoints wait at once, and the oldest are skipped"
            .formatted(policy.mostPending());
  }

  /** What is not chosen already; a budget has no spacing of samplings. */
  private static String remedies(Pace policy, PaceForecast forecast) {
    if (forecast.demand() <= 1) {
      return "a larger diffuscope.checkpoints.most-pending, or --policy latest";
    }
    return "--policy latest, %s, fewer --samples or %s"
        .formatted(
            policy.policy() == Pace.Policy.EVERY ? "a larger --every" : "--every STEPS",
            policy.budget() == null ? "a larger --sampling-growth" : "a larger --budget");
  }

  private String policy() {
    String which =
        switch (pace.policy()) {
          case LATEST -> "latest, the newest each time";
          case ALL -> "all, in order";
          case EVERY -> "every, one of each %d steps".formatted(pace.every());
        };
    Double budget = pace.budget();
    if (budget != null) {
      return String.format(
          Locale.ROOT, "%s; within %.3g %% of the device's time", which, 100 * budget);
    }
    return pace.samplingGrowth() == 1
        ? which + "; each one sampled"
        : "%s; sampled from %s times the step that was sampled last, between them the losses only"
            .formatted(which, pace.samplingGrowth());
  }
}
