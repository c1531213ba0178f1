package io.diffuscope.run;

import static io.diffuscope.run.RunMachine.copies;
import static io.diffuscope.run.RunMachine.pathOf;
import static io.diffuscope.run.RunMachine.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.detect.DetectorStates;
import io.diffuscope.detect.Detectors;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Look;
import io.diffuscope.detect.Progress;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.RunEvent.AttemptStarted;
import io.diffuscope.signal.SignalEstimate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What begins another attempt, and what it does to a run. */
class AttemptsTest {
  private final RunMachine run = new RunMachine(Pace.Policy.ALL, 1_000);

  @BeforeEach
  void begin() {
    run.begin();
  }

  @Test
  void aStepThatIsWrittenAgainSupersedesItselfAndWhatFollows() {
    judged(written(10, 1), written(20, 2), written(30, 3));

    assertThat(run.find(written(20, 4)))
        .containsExactly("attempt 2 from 20", "found 20", "evaluating 20");
    assertThat(run.state().lineage().judgedStep()).isEqualTo(10);
    assertThat(complete(written(20, 4))).containsExactly("evaluated 20");
    assertThat(judged(written(30, 5))).contains("evaluated 30");
    assertThat(started())
        .singleElement()
        .extracting(AttemptStarted::message)
        .isEqualTo("step 20 was written again: attempt 2 goes on from step 10");
    run.assertRebuilt();
  }

  @Test
  void theLastStepCanBeWrittenAgainToo() {
    judged(written(10, 1), written(20, 2));

    assertThat(run.find(written(20, 3))).startsWith("attempt 2 from 20");
    assertThat(complete(written(20, 3))).contains("evaluated 20");
  }

  @Test
  void aLowerStepThatIsYoungerThanAllAboveItWasWrittenByAResumedTraining() {
    judged(written(10, 1), written(20, 2), written(30, 3));

    assertThat(run.find(written(15, 4))).startsWith("attempt 2 from 15");
    complete(written(15, 4));
    assertThat(judged(written(25, 5), written(35, 6)))
        .contains("evaluated 25", "evaluated 35")
        .noneMatch(word -> word.startsWith("attempt"));
    assertThat(run.state().lineage().judged().navigableKeySet())
        .containsExactly(10L, 15L, 25L, 35L);
    assertThat(started().getFirst().message())
        .isEqualTo("step 15 was written after step 30: attempt 2 goes on from step 10");
  }

  @Test
  void aRestartBelowTheFirstStepBeginsFromNothing() {
    judged(written(10, 1), written(20, 2));

    run.find(written(5, 3));
    assertThat(run.state().lineage().judgedStep()).isNull();
    assertThat(run.state().lineage().detectors()).isEqualTo(DetectorStates.INITIAL);
    assertThat(started().getFirst().message()).endsWith("attempt 2 goes on from the start");
  }

  @Test
  void whatIsOlderThanAStepAboveItIsLate() {
    judged(written(10, 1), written(30, 3));

    assertThat(run.find(written(20, 2))).containsExactly("found 20", "evaluating 20");
    assertThat(complete(written(20, 2))).containsExactly("evaluated 20 (earlier_step)");
    assertThat(started()).isEmpty();
  }

  @Test
  void whatWasSeenIncompleteBeforeTheStepsAboveItIsLateWheneverItIsComplete() {
    judged(written(10, 1));
    run.passOver(pathOf(20L));
    judged(written(30, 3));

    assertThat(judged(written(20, 9)))
        .containsExactly("found 20", "evaluating 20", "evaluated 20 (earlier_step)");
    assertThat(started()).isEmpty();
    // From here on it is a file like the others.
    assertThat(run.find(written(20, 12))).startsWith("attempt 2 from 20");
  }

  @Test
  void anIncompleteFileThatCameAfterTheStepsAboveItIsOfAResumedTraining() {
    judged(written(10, 1), written(30, 3));
    run.passOver(pathOf(20L));

    assertThat(run.find(written(20, 9))).startsWith("attempt 2 from 20");
  }

  @Test
  void whatVanishedAndComesBackWasWrittenAnew() {
    judged(written(10, 1));
    run.passOver(pathOf(20L), "vanished");
    judged(written(30, 3));

    assertThat(run.find(written(20, 9))).startsWith("attempt 2 from 20");
  }

  @Test
  void withoutTimesOnlyAStepThatIsWrittenAgainTells() {
    judged(RunMachine.checkpoint(10L), RunMachine.checkpoint(30L));

    assertThat(judged(RunMachine.checkpoint(20L))).contains("evaluated 20 (earlier_step)");
    assertThat(started()).isEmpty();
    Checkpoint again = Checkpoint.ofFile("another", pathOf(10L), 10L);
    assertThat(run.find(again)).startsWith("attempt 2 from 10");
  }

  @Test
  void equalTimesTellOfAnotherContentAlone() {
    judged(written(10, 1), written(20, 2), written(30, 2));

    assertThat(judged(written(15, 2))).contains("evaluated 15 (earlier_step)");
    assertThat(run.find(Checkpoint.ofFile("b", pathOf(20L), 20L, Instant.ofEpochSecond(2))))
        .startsWith("attempt 2 from 20");
  }

  @Test
  void anotherFileOfTheLastStepIsNoResumption() {
    judged(written(10, 1), twin(10, 2), written(20, 3), twin(20, 4), written(30, 5), twin(30, 6));

    assertThat(started()).isEmpty();
    assertThat(run.state().lineage().judged().navigableKeySet()).containsExactly(10L, 20L, 30L);
    // But one that is younger than the steps above it is: a restart under other names.
    assertThat(run.find(Checkpoint.ofFile("v1", "/run/v1-10", 10L, Instant.ofEpochSecond(9))))
        .startsWith("attempt 2 from 10");
  }

  @Test
  void theFirstListingIsTakenInTheOrderOfStepsWhateverItsTimes() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    for (long step = 10; step <= 500; step += 10) {
      run.find(written(step, random.nextInt(1_000)));
    }
    for (long step = 10; step <= 500; step += 10) {
      Checkpoint next = Objects.requireNonNull(run.evaluating());
      assertThat(next.step()).isEqualTo(step);
      assertThat(run.complete(next, copies(0))).contains("evaluated " + step);
    }
    assertThat(started()).isEmpty();
  }

  @Test
  void aRestartIsSeenHoweverFarTheEvaluationsLagBehind() {
    List<Checkpoint> first = series(10, 60, 1);
    List<Checkpoint> second = series(20, 50, 101);
    first.forEach(run::find);
    assertThat(run.find(second.getFirst()))
        .containsExactly("attempt 2 from 20", "skipped 20 (superseded)", "found 20");
    second.subList(1, second.size()).forEach(run::find);

    List<String> words = new ArrayList<>();
    while (run.evaluating() != null) {
      words.addAll(run.complete(Objects.requireNonNull(run.evaluating()), copies(0)));
    }
    assertThat(words.stream().filter(word -> word.startsWith("evaluated")))
        .containsExactly(
            "evaluated 10",
            "evaluated 20",
            "evaluated 30",
            "evaluated 40",
            "evaluated 50",
            // Still there, and worth a look when nothing else waits.
            "evaluated 60 (superseded)");
    assertThat(started()).hasSize(1);
  }

  @Test
  void whatIsUnderEvaluationWhenItIsSupersededIsNotJudged() {
    judged(written(10, 1));
    run.find(written(20, 2));
    run.find(written(30, 3));
    assertThat(run.find(written(15, 4))).startsWith("attempt 2 from 15");

    assertThat(complete(written(20, 2)))
        .startsWith("evaluated 20 (superseded)")
        .endsWith("evaluating 15");
    RunEvent.EvaluationCompleted late =
        (RunEvent.EvaluationCompleted) run.events().get(run.events().size() - 2);
    assertThat(late.attempt()).isEqualTo(1);
    assertThat(complete(written(15, 4))).startsWith("evaluated 15");
  }

  @Test
  void aFileThatIsWrittenAgainBeforeItWasJudgedIsTakenInItsPlace() {
    judged(written(10, 1));
    run.find(written(20, 2));
    assertThat(run.find(written(20, 3))).as("while it is evaluated").containsExactly("found 20");
    run.find(written(30, 4));
    assertThat(run.find(written(30, 5)))
        .as("while it waits")
        .containsExactly("skipped 30 (superseded)", "found 30");

    assertThat(complete(written(20, 2)))
        .containsExactly("evaluated 20 (superseded)", "evaluating 20");
    assertThat(complete(written(20, 3))).containsExactly("evaluated 20", "evaluating 30");
    assertThat(complete(written(30, 5))).containsExactly("evaluated 30");
    assertThat(started()).isEmpty();
  }

  /** As a job announces them that writes one name again and again. */
  @Test
  void theNextStepUnderTheSameNameDoesNotTakeTheValueOfTheOneUnderEvaluation() {
    RunMachine latest = new RunMachine(Pace.Policy.LATEST, 10);
    latest.begin();
    assertThat(latest.find(announced(100))).containsExactly("found 100", "evaluating 100");
    latest.find(announced(200));
    assertThat(latest.find(announced(300)))
        .as("what waited is gone")
        .containsExactly("skipped 200 (superseded)", "found 300");
    assertThat(latest.complete(announced(100), List.of()))
        .containsExactly("evaluated 100", "verdict unknown", "evaluating 300");
  }

  private static Checkpoint announced(long step) {
    return Checkpoint.ofFile("content-" + step, "/run/last.pt", step, Instant.ofEpochSecond(step));
  }

  @Test
  void onlyTheNewestOfTheNewAttemptWaitsUnderThePolicyLatest() {
    RunMachine latest = new RunMachine(Pace.Policy.LATEST, 10);
    latest.begin();
    latest.find(written(10, 1));
    latest.find(written(40, 4));
    assertThat(latest.find(written(20, 5)))
        .containsExactly("attempt 2 from 20", "found 20", "skipped 40 (superseded)");
  }

  @Test
  void flagsThatOnlySupersededLooksRaisedAreCleared() {
    judged(0, written(10, 1), written(20, 2));
    assertThat(judged(.3, written(30, 3), written(40, 4))).contains("raised memorization");

    assertThat(run.find(written(30, 5)))
        .startsWith("attempt 2 from 30", "cleared memorization", "verdict unknown");
    RunEvent.FlagChanged cleared =
        run.events().stream()
            .filter(RunEvent.FlagChanged.class::isInstance)
            .map(RunEvent.FlagChanged.class::cast)
            .reduce((first, second) -> second)
            .orElseThrow();
    assertThat(cleared.change().step()).isEqualTo(30);
    assertThat(cleared.change().evidence())
        .isEqualTo("attempt 2 began at step 30: what raised it at step 40 is superseded");
    run.assertRebuilt();
  }

  @Test
  void flagsThatOnlySupersededLooksClearedAreUpAgain() {
    judged(.3, written(10, 1), written(20, 2));
    assertThat(judged(0, written(30, 3), written(40, 4))).contains("cleared memorization");

    assertThat(run.find(written(30, 5))).contains("raised memorization", "verdict memorizing");
    assertThat(run.state().lineage().detectors().find(Flag.MEMORIZATION))
        .hasValueSatisfying(flag -> assertThat(flag.step()).isEqualTo(20));
    Verdict verdict = Objects.requireNonNull(run.state().verdict());
    assertThat(verdict.sinceStep()).isEqualTo(20);
  }

  @Test
  void aFlagOfBeforeStaysUpWithoutAWord() {
    judged(.3, written(10, 1), written(20, 2), written(30, 3));

    assertThat(run.find(written(30, 4)))
        .containsExactly("attempt 2 from 30", "found 30", "evaluating 30");
  }

  /**
   * Many trainings, resumed at random and found at random times: the detectors always stand where
   * they would if they had seen the looks of the line alone, and each step once.
   */
  @Test
  void theDetectorsSeeTheLineAlone() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(7);
    int attempts = 0;
    for (int trial = 0; trial < 200; trial++) {
      RunMachine machine = new RunMachine(Pace.Policy.ALL, 1_000);
      machine.begin();
      Map<String, List<SignalEstimate>> estimates = new LinkedHashMap<>();
      TreeMap<Long, Checkpoint> line = new TreeMap<>();
      int resumed = 1;
      long step = 0;
      for (int i = 0; i < 40; i++) {
        step++;
        if (!line.isEmpty() && random.nextInt(8) == 0) {
          // Resumed after one of the steps so far, and evaluated up to here or not.
          step = random.nextLong(line.lastKey()) + 1;
          completeSome(machine, estimates, random, 1_000);
          resumed++;
          line.tailMap(step, true).clear();
        }
        Checkpoint next = written(step, i);
        line.put(step, next);
        machine.find(next);
        completeSome(machine, estimates, random, random.nextInt(3));
      }
      completeSome(machine, estimates, random, 1_000);

      Detectors detectors = new Detectors(DetectorSettings.DEFAULT, true);
      DetectorStates expected = DetectorStates.INITIAL;
      List<Progress> history = new ArrayList<>();
      for (Map.Entry<Long, Checkpoint> entry : line.entrySet()) {
        List<SignalEstimate> seen =
            Objects.requireNonNull(estimates.get(entry.getValue().identity()));
        Look look = new Look(entry.getKey(), seen);
        expected = detectors.observe(expected, history, look).states();
        history.add(Progress.of(look));
      }
      assertThat(machine.state().lineage().detectors()).isEqualTo(expected);
      assertThat(machine.state().lineage().judged().keySet()).isEqualTo(line.keySet());
      assertThat(machine.state().lineage().attempt()).isEqualTo(resumed);
      machine.assertRebuilt();
      assertFlagsAgree(machine);
      attempts += resumed;
    }
    assertThat(attempts).isGreaterThan(400);
  }

  /** Whoever follows the changes of the flags alone knows which are up, and since when. */
  private static void assertFlagsAgree(RunMachine machine) {
    Map<Flag, Long> up = new TreeMap<>();
    for (RunEvent event : machine.events()) {
      if (event instanceof RunEvent.FlagChanged changed) {
        if (changed.change().raised()) {
          up.put(changed.change().flag(), changed.change().step());
        } else {
          up.remove(changed.change().flag());
        }
      }
    }
    Map<Flag, Long> raised = new TreeMap<>();
    machine
        .state()
        .lineage()
        .detectors()
        .raised()
        .forEach(flag -> raised.put(flag.flag(), flag.step()));
    assertThat(up).isEqualTo(raised);
  }

  private static void completeSome(
      RunMachine machine,
      Map<String, List<SignalEstimate>> estimates,
      RandomGenerator random,
      int most) {
    for (int i = 0; i < most && machine.evaluating() != null; i++) {
      Checkpoint checkpoint = Objects.requireNonNull(machine.evaluating());
      List<SignalEstimate> measured = copies(random.nextInt(3) * .2);
      estimates.put(checkpoint.identity(), measured);
      machine.complete(checkpoint, measured);
    }
  }

  @Test
  void whatIsRememberedOfIncompleteFilesIsBounded() {
    judged(written(10, 1));
    for (int i = 0; i < 3 * Lineage.MOST_PASSED_OVER; i++) {
      run.passOver("/run/broken-" + i);
    }
    assertThat(run.state().lineage().passedOver()).hasSize(Lineage.MOST_PASSED_OVER);
  }

  private List<String> judged(Checkpoint... checkpoints) {
    return judged(null, checkpoints);
  }

  /** Finds and evaluates one after another. */
  private List<String> judged(@Nullable Double share, Checkpoint... checkpoints) {
    List<String> words = new ArrayList<>();
    for (Checkpoint checkpoint : checkpoints) {
      words.addAll(run.find(checkpoint));
      words.addAll(run.complete(checkpoint, share == null ? List.of() : copies(share)));
    }
    return words;
  }

  private List<String> judged(int share, Checkpoint... checkpoints) {
    return judged(Double.valueOf(share), checkpoints);
  }

  private List<String> complete(Checkpoint checkpoint) {
    return run.complete(checkpoint, List.of());
  }

  private List<AttemptStarted> started() {
    return run.events().stream()
        .filter(AttemptStarted.class::isInstance)
        .map(AttemptStarted.class::cast)
        .toList();
  }

  private static Checkpoint twin(long step, long time) {
    return Checkpoint.ofFile("ema-" + step, "/run/ema-" + step, step, Instant.ofEpochSecond(time));
  }

  private static List<Checkpoint> series(long from, long to, long time) {
    List<Checkpoint> all = new ArrayList<>();
    for (long step = from; step <= to; step += 10) {
      all.add(written(step, time + step));
    }
    return all;
  }
}
