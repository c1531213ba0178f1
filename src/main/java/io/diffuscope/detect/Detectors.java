package io.diffuscope.detect;

import java.util.ArrayList;
import java.util.List;

/**
 * All detectors of a run as one pure function.
 *
 * <pre>{@code
 * var detectors = new Detectors(DetectorSettings.DEFAULT, !holdoutCheck.differs());
 * var states = DetectorStates.INITIAL;
 * for (Look look : looks) {
 *   var outcome = detectors.observe(states, history, look);
 *   outcome.changes().forEach(this::tell);
 *   states = outcome.states();
 *   history.add(Progress.of(look));
 * }
 * }</pre>
 *
 * A further detector is one component of {@link DetectorStates}, where it has a state besides the
 * history, and one line in {@link #observe}.
 */
public final class Detectors {
  private final EarlyMemorization earlyMemorization;
  private final Memorization memorization;
  private final Descents descents;

  /**
   * Detectors with these settings.
   *
   * @param trustAffinity false where the hold-out check found that train and hold-out differ
   */
  public Detectors(DetectorSettings settings, boolean trustAffinity) {
    earlyMemorization = new EarlyMemorization(settings.earlyMemorization(), trustAffinity);
    memorization = new Memorization(settings.memorization());
    descents = new Descents(settings.descents());
  }

  /**
   * The states after one more look, and the flags that it raised or cleared.
   *
   * @param states after the looks before
   * @param history of the looks before, in their order
   */
  public Outcome observe(DetectorStates states, List<Progress> history, Look look) {
    List<FlagChange> changes = new ArrayList<>();
    var early = step(earlyMemorization, states.earlyMemorization(), look, changes);
    var copies = step(memorization, states.memorization(), look, changes);
    List<Progress> all = new ArrayList<>(history);
    all.add(Progress.of(look));
    changes.addAll(descents.observe(states.raised(), all));
    Long lastCleared = states.lastCleared();
    if (!changes.stream().allMatch(FlagChange::raised)) {
      lastCleared = look.step();
    }
    return new Outcome(
        new DetectorStates(
            early, copies, DetectorStates.apply(states.raised(), changes), lastCleared),
        changes);
  }

  private static <S> S step(Detector<S> detector, S state, Look look, List<FlagChange> changes) {
    Step<S> step = detector.observe(state, look);
    step.change().ifPresent(changes::add);
    return step.state();
  }

  /**
   * What a look did.
   *
   * @param states the states after it
   * @param changes flags raised or cleared by it; mostly none
   */
  public record Outcome(DetectorStates states, List<FlagChange> changes) {
    public Outcome {
      changes = List.copyOf(changes);
    }
  }
}
