package io.diffuscope.detect;

import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Raises {@link Flag#EARLY_MEMORIZATION} from {@code train_affinity}: samples are drawn towards
 * training points, before any of them is a copy.
 *
 * <p>Looks share their noises and their sets, so looks in a row are not independent. Two conditions
 * therefore:
 *
 * <ol>
 *   <li><b>early evidence</b>: at some look k of the series the permutation p-value was at most
 *       alpha / (k (k + 1)). These levels sum to alpha, so by the union bound a run that is
 *       independent of its split shows it with probability alpha at most, under any dependence and
 *       without a horizon. Once seen it is remembered.
 *   <li><b>size</b>: the decision bound of the excess kappa lies above the margin on this and the
 *       looks before.
 * </ol>
 *
 * Cleared when the upper decision bound lies below the clear level on as many looks in a row. A
 * look without affinity is not counted; a p-value of NaN is no evidence.
 */
public final class EarlyMemorization implements Detector<EarlyMemorization.State> {
  private final EarlyMemorizationSettings settings;
  private final boolean trustAffinity;

  /**
   * A detector.
   *
   * @param trustAffinity false where the hold-out check found that train and hold-out differ:
   *     affinity then says nothing about memorization, and nothing is raised
   */
  public EarlyMemorization(EarlyMemorizationSettings settings, boolean trustAffinity) {
    this.settings = settings;
    this.trustAffinity = trustAffinity;
  }

  /**
   * The state of the series.
   *
   * @param looks looks counted so far, k
   * @param evidence the early evidence, once seen
   * @param flag the flag's position
   */
  public record State(int looks, @Nullable Evidence evidence, Hysteresis flag) {
    public static final State INITIAL = new State(0, null, Hysteresis.DOWN);
  }

  /**
   * The look that gave early evidence.
   *
   * @param step its training step
   * @param look its number in the series, from 1
   * @param pValue its p-value
   */
  public record Evidence(long step, int look, double pValue) {}

  @Override
  public Flag flag() {
    return Flag.EARLY_MEMORIZATION;
  }

  @Override
  public State initial() {
    return State.INITIAL;
  }

  @Override
  public Step<State> observe(State state, Look look) {
    Optional<Estimate> excess = find(look, Statistic.EXCESS);
    Optional<Estimate> lower = find(look, Statistic.EXCESS_DECISION_LOWER);
    Optional<Estimate> upper = find(look, Statistic.EXCESS_DECISION_UPPER);
    Optional<Estimate> p = find(look, Statistic.P_VALUE);
    if (!trustAffinity || excess.isEmpty() || lower.isEmpty() || upper.isEmpty() || p.isEmpty()) {
      return Step.quiet(state);
    }
    return observe(
        state,
        new Affinity(
            look.step(), excess.get(), lower.get().value(), upper.get().value(), p.get().value()));
  }

  private Step<State> observe(State state, Affinity now) {
    int count = Math.addExact(state.looks(), 1);
    Evidence evidence = state.evidence();
    if (evidence == null && now.p() <= level(count)) {
      evidence = new Evidence(now.step(), count, now.p());
    }
    Hysteresis flag =
        state.flag().look(now.lower() > settings.margin(), now.upper() < settings.clearLevel());
    boolean enough = flag.streak() >= settings.looks();
    if (!flag.raised() && enough && evidence != null) {
      return Step.of(
          new State(count, evidence, flag.flipped()),
          new FlagChange(flag(), true, now.step(), raised(evidence, now)));
    }
    if (flag.raised() && enough) {
      return Step.of(
          new State(count, evidence, flag.flipped()),
          new FlagChange(flag(), false, now.step(), cleared(now)));
    }
    return Step.quiet(new State(count, evidence, flag));
  }

  /** alpha / (k (k + 1)), in double precision because k (k + 1) outgrows an int. */
  private double level(int look) {
    return settings.alpha() / look / (look + 1.0);
  }

  private String raised(Evidence evidence, Affinity now) {
    return ("train_affinity: excess %s, with confidence above %s > %s on %d looks in a row;"
            + " early evidence p = %s <= %s at step %d (look %d)")
        .formatted(
            Numbers.text(now.excess().value()),
            Numbers.text(now.lower()),
            Numbers.text(settings.margin()),
            settings.looks(),
            Numbers.text(evidence.pValue()),
            Numbers.text(level(evidence.look())),
            evidence.step(),
            evidence.look());
  }

  private String cleared(Affinity now) {
    return "train_affinity: excess %s, with confidence below %s < %s on %d looks in a row"
        .formatted(
            Numbers.text(now.excess().value()),
            Numbers.text(now.upper()),
            Numbers.text(settings.clearLevel()),
            settings.looks());
  }

  private static Optional<Estimate> find(Look look, Statistic statistic) {
    return look.find(SignalNames.TRAIN_AFFINITY, (@Nullable Reference) null, statistic);
  }

  private record Affinity(long step, Estimate excess, double lower, double upper, double p) {}
}
