package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.checkpoint.Checkpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceBudgetTest {
  private static final long SECOND = 1_000_000_000L;
  private static final long HOUR = 3_600 * SECOND;

  @Test
  void aTurnIsFollowedByItsRest() {
    // A clock may begin anywhere.
    long start = -5 * HOUR;
    DeviceBudget<String> budget = new DeviceBudget<>(.25);
    assertThat(budget.grant(start)).isNull();
    budget.ask("a");
    budget.ask("b");
    budget.ask("a");
    assertThat(budget.grant(start)).as("who asked first").isEqualTo("a");
    assertThat(budget.grant(start + HOUR)).as("one at a time").isNull();
    // Needs no turn any more.
    budget.done("b", start + 5 * SECOND);
    budget.done("a", start + 10 * SECOND);
    budget.ask("a");
    assertThat(budget.isResting(start + 10 * SECOND)).isTrue();
    assertThat(budget.restLeft(start + 10 * SECOND)).isEqualTo(30 * SECOND);
    assertThat(budget.grant(start + 40 * SECOND - 1)).isNull();
    budget.ask("b");
    assertThat(budget.grant(start + 40 * SECOND)).as("b went and came back").isEqualTo("a");
    budget.done("a", start + 41 * SECOND);
    assertThat(budget.grant(start + 44 * SECOND)).isEqualTo("b");
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -.1, 1.1, Double.NaN})
  void aShareIsAShare(double share) {
    assertThatThrownBy(() -> new DeviceBudget<String>(share))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /**
   * An hour of runs that always have a newer checkpoint, decided by the rules of a run and timed by
   * nothing but this loop.
   */
  @ParameterizedTest
  @CsvSource({"1, .1", "3, .1", "1, .5", "3, .02", "3, .9"})
  void anHourKeepsTheShare(int runs, double share) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(runs);
    DeviceBudget<Integer> budget = new DeviceBudget<>(share);
    List<RunMachine> machines = new ArrayList<>();
    long[] nextArrival = new long[runs];
    long[] newest = new long[runs];
    int[] evaluations = new int[runs];
    for (int i = 0; i < runs; i++) {
      machines.add(new RunMachine(new Pace(Pace.Policy.LATEST, 1, 10, 1, share), Ending.NEVER));
      machines.get(i).begin();
    }
    long now = 0;
    long busy = 0;
    long longest = 0;
    long since = 0;
    long end = Long.MAX_VALUE;
    int holder = -1;
    while (now < HOUR) {
      for (int i = 0; i < runs; i++) {
        if (now >= nextArrival[i]) {
          machines.get(i).find(Math.toIntExact(++newest[i]));
          nextArrival[i] = now + 1 + random.nextLong(2 * SECOND);
          if (machines.get(i).isReady()) {
            budget.ask(i);
          }
        }
      }
      if (now >= end) {
        RunMachine machine = machines.get(holder);
        machine.complete(Objects.requireNonNull(machine.evaluating()), List.of());
        busy += now - since;
        longest = Math.max(longest, now - since);
        budget.done(holder, now);
        end = Long.MAX_VALUE;
        if (machine.isReady()) {
          budget.ask(holder);
        }
      }
      Integer granted = budget.grant(now);
      if (granted != null) {
        assertThat((double) busy).as("at %d", now).isLessThanOrEqualTo(share * now + 1e3);
        holder = granted;
        machines.get(holder).proceed();
        Checkpoint begun = Objects.requireNonNull(machines.get(holder).evaluating());
        assertThat(begun.step()).as("the newest of this moment").isEqualTo(newest[holder]);
        evaluations[holder]++;
        since = now;
        end = now + SECOND + random.nextLong(20 * SECOND);
      }
      long next = end;
      for (long arrival : nextArrival) {
        next = Math.min(next, arrival);
      }
      if (budget.isResting(now)) {
        next = Math.min(next, now + budget.restLeft(now));
      }
      now = next;
    }
    double measured = (busy + (end == Long.MAX_VALUE ? 0 : now - since)) / (double) now;
    assertThat(measured).isCloseTo(share, within(.02));
    assertThat(measured).isLessThanOrEqualTo(share + (double) longest / HOUR);
    for (int i = 1; i < runs; i++) {
      assertThat(evaluations[i]).as("in turn").isCloseTo(evaluations[0], within(1));
    }
  }
}
