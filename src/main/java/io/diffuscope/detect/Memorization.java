package io.diffuscope.detect;

import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.util.Optional;

/**
 * Raises {@link Flag#MEMORIZATION} from {@code nearest_ratio} to {@code train}: more samples than
 * hold-out points sit on a training point (d1/d2 below 1/3).
 *
 * <p>A perfect model of r-dimensional data scores about 3^-r, not 0, so the share is compared with
 * its control, the same share of hold-out points. Raised when Newcombe's lower 95 % bound of share
 * minus control is above the threshold on the set number of looks in a row; cleared when the upper
 * bound is below the clear level on as many. A look without these estimates is not counted.
 */
public final class Memorization implements Detector<Memorization.State> {
  private final MemorizationSettings settings;

  public Memorization(MemorizationSettings settings) {
    this.settings = settings;
  }

  /**
   * The state of the series.
   *
   * @param looks looks counted so far
   * @param flag the flag's position
   */
  public record State(int looks, Hysteresis flag) {
    public static final State INITIAL = new State(0, Hysteresis.DOWN);
  }

  @Override
  public Flag flag() {
    return Flag.MEMORIZATION;
  }

  @Override
  public State initial() {
    return State.INITIAL;
  }

  @Override
  public Step<State> observe(State state, Look look) {
    Optional<Estimate> share = find(look, Statistic.SHARE);
    Optional<Estimate> control = find(look, Statistic.CONTROL);
    Optional<Estimate> excess = find(look, Statistic.EXCESS);
    if (share.isEmpty() || control.isEmpty() || excess.isEmpty()) {
      return Step.quiet(state);
    }
    return observe(state, look.step(), share.get(), control.get(), excess.get());
  }

  private Step<State> observe(
      State state, long step, Estimate share, Estimate control, Estimate excess) {
    Hysteresis flag =
        state
            .flag()
            .look(excess.lower() > settings.threshold(), excess.upper() < settings.clearLevel());
    int count = Math.addExact(state.looks(), 1);
    if (flag.streak() < settings.looks()) {
      return Step.quiet(new State(count, flag));
    }
    boolean raised = !flag.raised();
    String evidence =
        ("nearest_ratio: share %s of %d samples against %s of the hold-out;"
                + " excess %s %s %s on %d looks in a row")
            .formatted(
                Numbers.text(share.value()),
                share.samples(),
                Numbers.text(control.value()),
                raised ? "with confidence above" : "with confidence below",
                Numbers.text(raised ? excess.lower() : excess.upper()),
                (raised ? "> " : "< ")
                    + Numbers.text(raised ? settings.threshold() : settings.clearLevel()),
                settings.looks());
    return Step.of(
        new State(count, flag.flipped()), new FlagChange(flag(), raised, step, evidence));
  }

  private static Optional<Estimate> find(Look look, Statistic statistic) {
    return look.find(SignalNames.NEAREST_RATIO, Reference.TRAIN, statistic);
  }
}
