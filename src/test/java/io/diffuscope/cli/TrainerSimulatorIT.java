package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.diffuscope.cli.MonitorBooks.Entry;
import io.diffuscope.cli.MonitorBooks.Kind;
import io.diffuscope.publish.Exposition;
import io.diffuscope.sampling.ProbeFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code watch} beside a training that writes slowly, breaks off, writes over, rotates, loses
 * files, is killed, restarts, and goes back: its books are held against the trainer's own log.
 *
 * <p>At each pause the trainer stands still until everything in its folder is accounted for, so
 * that what must be found does not depend on the clock.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "the trainer looks for its reader in /proc")
class TrainerSimulatorIT {
  private static final String HAZARDS = "none,slow,interrupted,replaced,snatched,fleeting";
  private static final String RUN = "{run=\"job\"}";
  private static final String MARKER = "DONE";

  /** Samples of the slow evaluations. */
  private static final int MANY = 1000;

  /** Steps between two checkpoints that are evaluated under the policy "every". */
  private static final long EVERY = 15;

  /**
   * What may happen to a checkpoint that goes away, or is written over, between finding and
   * reading.
   */
  private static final Set<String> LOST = Set.of("vanished", "changed");

  @TempDir private static Path common = Path.of("");
  @TempDir private Path folder = Path.of("");

  private static Path network = common;

  @BeforeAll
  static void exportNetwork() throws Exception {
    TrainerSimulator.requirePyTorch();
    network = TrainerSimulator.network(common.resolve("network.pt"));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @CsvSource({
    "latest, safetensors, 1000",
    "latest, guided-diffusion, 16",
    "latest, lucidrains, 16",
    "all, diffusers, 16",
    "all, lightning, 16",
    "every, dit, 16",
  })
  void everyCheckpointEndsAsOneThing(String policy, String layout, int samples) throws Exception {
    Path checkpoints = folder.resolve("checkpoints-of-" + layout);
    Path log = folder.resolve("trainer.jsonl");
    boolean marked = policy.equals("all");
    try (Launched watch = watch(checkpoints, policy, samples, marked)) {
      Accounts accounts = new Accounts(watch, log, policy);
      Object[] job = {
        "--data",
        folder.resolve("train.npy"),
        "--layout",
        layout,
        "--hazards",
        HAZARDS,
        "--holds",
        watch.dataDirectory().resolve("holds"),
        "--snatch-patience",
        samples == MANY ? 10 : 2
      };

      try (TrainerSimulator training =
          TrainerSimulator.start(
              checkpoints, log, with(job, "--saves", 20, "--pause-every", 7, "--crash-at", 12))) {
        training.awaitPause(1);
        accounts.await();
        training.goOn();
        assertThat(training.exit()).as(training.output()).isEqualTo(137);
      }
      accounts.await();
      Object[] again = with(job, "--resume", "--pause-every", 7, "--rewind-at", 8);
      Object[] end = marked ? with(again, "--end-marker", MARKER) : again;
      // Two more checkpoints come just before the marker, when nobody waits for them any more.
      try (TrainerSimulator training =
          TrainerSimulator.start(checkpoints, log, with(end, "--saves", marked ? 16 : 14))) {
        training.awaitPause(1);
        accounts.await();
        training.goOn();
        training.awaitPause(2);
        accounts.await();
        assertCounters(watch, TrainerBooks.read(log), accounts.monitor());
        watch.await("the end of all holds", () -> watch.heldFiles().isEmpty());
        training.goOn();
        assertThat(training.exit()).as(training.output()).isZero();
      }
      if (marked) {
        assertThat(watch.exit()).as(watch.errors()).isZero();
        assertThat(watch.output()).contains("the end marker " + MARKER + " is there");
        assertThat(watch.heldFiles()).isEmpty();
      } else {
        watch.signal("INT");
        assertThat(watch.exit()).isEqualTo(130);
      }

      TrainerBooks trainer = TrainerBooks.read(log);
      accounts.note(trainer);
      assertThat(trainer.hazards()).contains("crash").contains(HAZARDS.split(","));
      assertThat(trainer.resumes()).isEqualTo(2);
      MonitorBooks monitor = accounts.monitor();
      assertExactlyOnce(trainer, monitor);
      assertPolicy(policy, trainer, monitor, accounts.newest);
      assertHeld(trainer, monitor);
      if (samples == MANY) {
        // An evaluation takes long enough for the trainer to see its hold.
        assertThat(trainer.held()).isNotEmpty();
      }
      assertThat(monitor.complaints()).isEmpty();
      assertThat(watch.output() + watch.errors()).doesNotContain("\tat ", "Exception");
      assertThat(TrainerSimulator.complaints(checkpoints, log)).isEmpty();
    }
  }

  /** What is deleted while it is held is evaluated all the same. */
  private static void assertHeld(TrainerBooks trainer, MonitorBooks monitor) {
    for (TrainerBooks.Held held : trainer.held()) {
      assertThat(held.size()).as("bytes of %s", held).isPositive();
      assertThat(monitor.endedFirstSince(held.name(), held.seen()))
          .as("%s in %s", held, monitor.entries())
          .contains(Kind.EVALUATED);
    }
  }

  private static Object[] with(Object[] some, Object... more) {
    List<Object> all = new ArrayList<>(List.of(some));
    all.addAll(List.of(more));
    return all.toArray();
  }

  private Launched watch(Path checkpoints, String policy, int samples, boolean marked)
      throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Path settings =
        Files.writeString(
            folder.resolve("watch.conf"),
            """
            diffuscope.checkpoints {
              poll-interval = 100 ms, quiet-period = 300 ms, settle-timeout = 1 s
              policy = %s
            }
            diffuscope.samples = %d
            diffuscope.denoising.images = 16
            """
                    .formatted(policy, samples)
                + (policy.equals("every")
                    ? "diffuscope.checkpoints.every = %d\n".formatted(EVERY)
                    : "")
                + (marked ? "diffuscope.end.marker = %s\n".formatted(MARKER) : "")
                + (samples < 100 ? "diffuscope.ode.steps = 2\n" : ""));
    return Launched.startWith(
        List.of("-Ddiffuscope.log.level=DEBUG"),
        folder,
        "watch",
        checkpoints,
        "--config",
        settings,
        "--template",
        network,
        "--train",
        files.points("train.npy", 60, 1),
        "--holdout",
        files.points("holdout.npy", 60, 2),
        "--run",
        "job",
        "--port",
        0);
  }

  /** What the monitor must have dealt with by now. */
  private static final class Accounts {
    private final Launched watch;
    private final Path log;
    private final String policy;

    /** The newest checkpoints that were whole while the trainer stood still. */
    private final List<String> newest = new ArrayList<>();

    Accounts(Launched watch, Path log, String policy) {
      this.watch = watch;
      this.log = log;
      this.policy = policy;
    }

    MonitorBooks monitor() throws Exception {
      return MonitorBooks.read(watch.dataDirectory().resolve("diffuscope.log"));
    }

    /** Waits until everything is accounted for that is there now. */
    void await() throws Exception {
      TrainerBooks trainer = TrainerBooks.read(log);
      note(trainer);
      try {
        watch.await("all accounts", () -> missing(trainer).isEmpty());
      } catch (AssertionError e) {
        throw new AssertionError(
            "%s%n%s%n%s".formatted(missing(trainer), trainer, String.join("\n", lines())), e);
      }
    }

    /** Nothing comes any more for now. */
    void note(TrainerBooks trainer) {
      trainer.newest().ifPresent(newest::add);
    }

    private List<String> lines() throws Exception {
      return monitor().entries().stream().map(Entry::toString).toList();
    }

    private List<String> missing(TrainerBooks trainer) throws Exception {
      MonitorBooks monitor = monitor();
      List<String> missing = new ArrayList<>();
      for (String name : trainer.present(true)) {
        if (!monitor.foundSince(name, trainer.written().getOrDefault(name, Instant.MAX))) {
          missing.add(name + " is whole and was not found");
        }
      }
      for (String name : trainer.present(false)) {
        if (monitor.passedOver(name, "incomplete") == 0) {
          missing.add(name + " is not whole and was not passed over");
        }
      }
      if (monitor.open() > 0) {
        missing.add(monitor.open() + " are still open");
      }
      if (policy.equals("every")) {
        addStretches(trainer, monitor, missing);
      }
      return missing;
    }

    /**
     * A checkpoint that is whole and stays is evaluated, or another one of its stretch; unless that
     * was lost, when this one was left out already.
     */
    private void addStretches(TrainerBooks trainer, MonitorBooks monitor, List<String> missing)
        throws Exception {
      Set<Long> done = new TreeSet<>();
      Set<List<Long>> ofAttempts = new HashSet<>();
      for (JsonNode result : watch.run().get("results")) {
        long stretch = result.get("step").asLong() / EVERY;
        if (!ofAttempts.add(List.of(result.get("attempt").asLong(), stretch))) {
          missing.add("stretch %d has more than one: %s".formatted(stretch, result));
        }
        if (!result.get("standing").asText().equals("superseded")) {
          done.add(stretch);
        }
      }
      monitor.entries().stream()
          .filter(entry -> entry.kind() == Kind.FAILED)
          .forEach(entry -> done.add(entry.step() / EVERY));
      for (String name : trainer.present(true)) {
        if (!done.contains(trainer.steps().getOrDefault(name, 0L) / EVERY)) {
          missing.add(name + " is whole, and none of its stretch was evaluated");
        }
      }
    }
  }

  private static void assertExactlyOnce(TrainerBooks trainer, MonitorBooks monitor) {
    assertThat(monitor.mistakes()).isEmpty();
    assertThat(monitor.open()).isZero();
    Map<String, Long> found = new TreeMap<>();
    for (Entry entry : monitor.entries()) {
      if (entry.kind() == Kind.FOUND) {
        found.merge(entry.name(), 1L, Long::sum);
      }
    }
    // A content is found at most once, and what never became whole never.
    found.forEach(
        (name, times) ->
            assertThat(times)
                .as("found %s", name)
                .isLessThanOrEqualTo(trainer.versions().getOrDefault(name, 0)));
    assertThat(monitor.byReason(Kind.PASSED_OVER).keySet()).isSubsetOf("incomplete", "vanished");
    assertThat(LOST).containsAll(monitor.byReason(Kind.FAILED).keySet());
    // At least one for each of the three pauses.
    assertThat(monitor.count(Kind.EVALUATED)).isGreaterThanOrEqualTo(3);
  }

  private static void assertPolicy(
      String policy, TrainerBooks trainer, MonitorBooks monitor, List<String> newest) {
    if (!policy.equals("every")) {
      for (String name : newest) {
        assertThat(monitor.count(Kind.EVALUATED, name)).as(name).isPositive();
      }
    }
    switch (policy) {
      case "latest" -> {
        assertThat(monitor.leftWaiting()).isEmpty();
      }
      case "all" -> {
        // Only what was written over is left out.
        for (Entry entry : monitor.entries()) {
          if (entry.kind() == Kind.SKIPPED) {
            assertThat(entry.reason()).isEqualTo("superseded");
            assertThat(trainer.versions().get(entry.name())).isGreaterThan(1);
          }
        }
      }
      default -> {
        // Of each stretch and attempt one, as the accounts have found.
        assertThat(monitor.byReason(Kind.SKIPPED)).containsKey("spacing");
      }
    }
  }

  private static void assertCounters(Launched watch, TrainerBooks trainer, MonitorBooks monitor)
      throws Exception {
    watch.await(
        "the last of the events in the metrics",
        () ->
            sum(watch.scrape(), "diffuscope_checkpoints_passed_over_total")
                >= monitor.count(Kind.PASSED_OVER));
    Exposition metrics = watch.scrape();
    JsonNode run = watch.run();
    Map<String, Long> expected = new LinkedHashMap<>();
    expected.put("found", monitor.count(Kind.FOUND));
    expected.put("evaluated", monitor.count(Kind.EVALUATED));
    expected.put("skipped", monitor.count(Kind.SKIPPED));
    expected.put("failed", monitor.count(Kind.FAILED));
    expected.put("passed_over", monitor.count(Kind.PASSED_OVER));
    expected.forEach(
        (name, number) -> {
          assertThat(sum(metrics, "diffuscope_checkpoints_%s_total".formatted(name)))
              .as(name)
              .isEqualTo(number.doubleValue());
        });
    assertThat(expected.get("found"))
        .isEqualTo(expected.get("evaluated") + expected.get("skipped") + expected.get("failed"));
    for (Kind kind : List.of(Kind.SKIPPED, Kind.FAILED, Kind.PASSED_OVER)) {
      String metric =
          "diffuscope_checkpoints_%s_total"
              .formatted(kind.name().toLowerCase(java.util.Locale.ROOT));
      monitor
          .byReason(kind)
          .forEach(
              (reason, number) ->
                  assertThat(
                          metrics.value("%s{reason=\"%s\",run=\"job\"}".formatted(metric, reason)))
                      .isEqualTo(number.doubleValue()));
    }
    Map<String, Long> endedAs = monitor.endedAs(trainer.steps().keySet());
    JsonNode counts = run.get("counts");
    for (String outcome :
        List.of(
            "evaluated", "skipped", "vanished", "incomplete", "failed", "waiting", "evaluating")) {
      long number = endedAs.getOrDefault(outcome, 0L);
      assertThat(
              metrics.value(
                  "diffuscope_checkpoints{outcome=\"%s\",run=\"job\"}".formatted(outcome)))
          .as("%s of %s", outcome, monitor)
          .isEqualTo((double) number);
      assertThat(counts.get(outcome).asLong()).as("%s of %s", outcome, monitor).isEqualTo(number);
    }
    assertThat(counts.get("total").asLong())
        .isEqualTo(endedAs.values().stream().mapToLong(Long::longValue).sum());
    List<String> evaluated =
        monitor.entries().stream()
            .filter(entry -> entry.kind() == Kind.EVALUATED)
            .map(Entry::name)
            .toList();
    assertThat(
            StreamSupport.stream(run.get("results").spliterator(), false)
                .map(result -> result.get("checkpoint").asText())
                .toList()
                .reversed())
        .isEqualTo(evaluated);
    assertThat(metrics.value("diffuscope_evaluations_in_progress" + RUN)).isZero();
  }

  private static double sum(Exposition metrics, String metric) {
    return metrics.samples().entrySet().stream()
        .filter(sample -> sample.getKey().startsWith(metric + "{"))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }
}
