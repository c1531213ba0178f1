package io.diffuscope.detect;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The state of all detectors of a run, and the flags that are up: plain values, to be stored with
 * the run.
 *
 * @param earlyMemorization state of {@link EarlyMemorization}
 * @param memorization state of {@link Memorization}
 * @param raised flags that are up, in the order in which they were raised
 * @param lastCleared the step at which a flag was cleared last; null where none was
 */
public record DetectorStates(
    EarlyMemorization.State earlyMemorization,
    Memorization.State memorization,
    List<RaisedFlag> raised,
    @Nullable Long lastCleared) {
  /** Before the first look. */
  public static final DetectorStates INITIAL =
      new DetectorStates(
          EarlyMemorization.State.INITIAL, Memorization.State.INITIAL, List.of(), null);

  public DetectorStates {
    raised = List.copyOf(raised);
  }

  /** The flag's raising, if it is up. */
  public Optional<RaisedFlag> find(Flag flag) {
    return raised.stream().filter(r -> r.flag() == flag).findFirst();
  }

  /** {@code flags} after these changes. */
  static List<RaisedFlag> apply(List<RaisedFlag> flags, List<FlagChange> changes) {
    List<RaisedFlag> next = new ArrayList<>(flags);
    for (FlagChange change : changes) {
      next.removeIf(r -> r.flag() == change.flag());
      if (change.raised()) {
        next.add(new RaisedFlag(change.flag(), change.step(), change.evidence()));
      }
    }
    return next;
  }
}
