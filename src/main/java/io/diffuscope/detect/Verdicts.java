package io.diffuscope.detect;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The state of a run in one word, from its raised flags and the way of its distance to the teacher
 * or, without one, to the hold-out.
 *
 * <p>A raised flag decides. Otherwise the run is <em>learning</em> where the distance has fallen
 * and has not risen again; else the word is <em>unknown</em>, and the sentence says what is
 * missing. <em>Generalizing</em> is never said here: blur and noise have no copies either, so that
 * word needs fidelity too.
 *
 * <p>The best checkpoint is the earliest whose distance is within one paired standard error of the
 * smallest. Paired errors exist between neighbours only; the error carried by the smallest one
 * stands in for all.
 */
public final class Verdicts {
  /** A rise from the valley below this part of it is not called a rise. */
  private static final double LEAST_RISE = .05;

  private Verdicts() {}

  /**
   * The verdict.
   *
   * @param history evaluated checkpoints of one probe, in the order of their steps
   * @param states the detectors' states after the last of them
   */
  public static Verdict of(List<Progress> history, DetectorStates states) {
    Course course = Course.of(history);
    Long best = course == null ? null : course.best().step();
    Optional<RaisedFlag> copies = states.find(Flag.MEMORIZATION);
    if (copies.isPresent()) {
      return flagged(Verdict.State.MEMORIZING, copies.get(), best);
    }
    Optional<RaisedFlag> early = states.find(Flag.EARLY_MEMORIZATION);
    if (early.isPresent()) {
      return flagged(Verdict.State.EARLY_MEMORIZATION, early.get(), best);
    }
    Optional<RaisedFlag> rising = states.find(Flag.OVERFITTING);
    if (rising.isPresent()) {
      return flagged(Verdict.State.OVERFITTING, rising.get(), best);
    }
    if (history.isEmpty()) {
      return new Verdict(Verdict.State.UNKNOWN, null, null, "nothing evaluated yet");
    }
    long first = history.getFirst().step();
    long since = states.lastCleared() == null ? first : Math.max(first, states.lastCleared());
    if (course == null) {
      return new Verdict(
          Verdict.State.UNKNOWN,
          since,
          null,
          "no evidence of memorization, but neither a teacher nor a hold-out to measure progress"
              + " by");
    }
    return verdict(course, since);
  }

  private static Verdict flagged(Verdict.State state, RaisedFlag flag, @Nullable Long best) {
    return new Verdict(state, flag.step(), best, flag.evidence());
  }

  private static Verdict verdict(Course course, long since) {
    List<Course.Point> points = course.points();
    String reference = course.reference();
    Course.Point first = points.getFirst();
    Course.Point last = points.getLast();
    Course.Point best = course.best();
    Course.Point valley = course.smallest();
    double error = last.error();
    if (points.size() == 1) {
      return new Verdict(
          Verdict.State.UNKNOWN,
          since,
          best.step(),
          "no evidence of memorization; one checkpoint so far, with pfd to the %s %s at step %d"
              .formatted(reference, Numbers.text(last.value()), last.step()));
    }
    if (first.value() - last.value() <= error) {
      return new Verdict(
          Verdict.State.UNKNOWN,
          since,
          best.step(),
          ("no evidence of memorization; pfd to the %s has not fallen yet"
                  + " (%s at step %d, %s at step %d)")
              .formatted(
                  reference,
                  Numbers.text(first.value()),
                  first.step(),
                  Numbers.text(last.value()),
                  last.step()));
    }
    if (last.value() - valley.value() > Math.max(2 * error, LEAST_RISE * valley.value())) {
      return new Verdict(
          Verdict.State.UNKNOWN,
          Math.max(since, valley.step()),
          best.step(),
          ("no evidence of memorization, but pfd to the %s rose"
                  + " from %s at step %d to %s at step %d")
              .formatted(
                  reference,
                  Numbers.text(valley.value()),
                  valley.step(),
                  Numbers.text(last.value()),
                  last.step()));
    }
    return new Verdict(
        Verdict.State.LEARNING,
        since,
        best.step(),
        "no evidence of memorization; pfd to the %s fell from %s at step %d to %s at step %d"
            .formatted(
                reference,
                Numbers.text(first.value()),
                first.step(),
                Numbers.text(last.value()),
                last.step()));
  }
}
