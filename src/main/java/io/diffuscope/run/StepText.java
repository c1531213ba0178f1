package io.diffuscope.run;

import io.diffuscope.checkpoint.StepUnit;
import java.util.regex.Pattern;

/**
 * Steps for people, by what a run's steps count: {@code step 100}, {@code kimg 2500}, {@code epoch
 * 3}.
 *
 * <p>Events are stored with the word "step", because what steps count may become known after them:
 * it is put in where they are read.
 */
public final class StepText {
  private static final Pattern STEP = Pattern.compile("\\bstep (?=-?\\d)");

  private StepText() {}

  /** The word before a number. */
  public static String word(StepUnit unit) {
    return switch (unit) {
      case UPDATES -> "step";
      case KIMG -> "kimg";
      case EPOCHS -> "epoch";
    };
  }

  /** One step. */
  public static String of(StepUnit unit, long step) {
    return word(unit) + " " + step;
  }

  /** A sentence of a verdict, a flag or an attempt, which says "step" before its numbers. */
  public static String in(StepUnit unit, String sentence) {
    return unit == StepUnit.UPDATES
        ? sentence
        : STEP.matcher(sentence).replaceAll(word(unit) + " ");
  }
}
