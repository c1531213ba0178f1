package io.diffuscope.run;

import io.diffuscope.detect.DetectorStates;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.RaisedFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What going back to an earlier state of the detectors does to the flags. */
final class FlagReversals {
  private FlagReversals() {}

  /**
   * Flags that superseded looks raised are cleared, and those that they cleared are up again.
   *
   * @param before the states that are left
   * @param after the states that are gone back to
   */
  static List<FlagChange> between(
      DetectorStates before, DetectorStates after, int attempt, long fromStep) {
    List<FlagChange> changes = new ArrayList<>();
    for (Flag flag : Flag.values()) {
      RaisedFlag was = before.find(flag).orElse(null);
      RaisedFlag is = after.find(flag).orElse(null);
      if (is == null && was != null) {
        changes.add(
            new FlagChange(
                flag,
                false,
                fromStep,
                "attempt %d began at step %d: what raised it at step %d is superseded"
                    .formatted(attempt, fromStep, was.step())));
      } else if (is != null && !is.equals(was)) {
        changes.add(
            new FlagChange(
                flag,
                true,
                is.step(),
                "%s; up again, because attempt %d began at step %d and what cleared it since is"
                        .formatted(is.evidence(), attempt, fromStep)
                    + " superseded"));
      }
    }
    return changes;
  }

  /**
   * What a change of the detectors' settings does to the flags.
   *
   * @param told flags that were told to be up
   * @param now the states by the settings of now
   * @param step that was judged last
   */
  static List<FlagChange> fromTold(Set<Flag> told, DetectorStates now, long step) {
    List<FlagChange> changes = new ArrayList<>();
    for (Flag flag : Flag.values()) {
      RaisedFlag up = now.find(flag).orElse(null);
      if (up == null && told.contains(flag)) {
        changes.add(
            new FlagChange(
                flag,
                false,
                step,
                "by the detector settings of now the same results do not raise it"));
      } else if (up != null && !told.contains(flag)) {
        changes.add(
            new FlagChange(
                flag,
                true,
                up.step(),
                "%s; raised by the detector settings of now from the same results"
                    .formatted(up.evidence())));
      }
    }
    return changes;
  }
}
