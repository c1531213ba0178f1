package io.diffuscope.publish;

import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.publish.CheckpointTally.Outcome;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.StepText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What there is to say of a run's past in one sentence.
 *
 * @param evaluated number of evaluations
 * @param waiting number of checkpoints that wait for one, or whose evaluation was interrupted
 * @param lastStep step of the last one that has a step; null where none has
 * @param flags label and step of each flag that is raised, {@code memorization (step 400)}
 */
public record HistorySummary(
    int evaluated, long waiting, @Nullable Long lastStep, List<String> flags) {
  public HistorySummary {
    flags = List.copyOf(flags);
  }

  public static HistorySummary of(List<RunEvent> events) {
    int evaluated = 0;
    Long lastStep = null;
    Map<String, String> raised = new LinkedHashMap<>();
    CheckpointTally tally = CheckpointTally.create();
    for (RunEvent event : events) {
      tally.add(event);
      if (event instanceof RunEvent.EvaluationCompleted e) {
        evaluated++;
        lastStep = e.checkpoint().step() == null ? lastStep : e.checkpoint().step();
      } else if (event instanceof RunEvent.FlagChanged e) {
        String flag = e.change().flag().label();
        raised.remove(flag);
        if (e.change().raised()) {
          raised.put(flag, "%s (step %d)".formatted(flag, e.change().step()));
        }
      }
    }
    return new HistorySummary(
        evaluated,
        tally.count(Outcome.WAITING) + tally.count(Outcome.EVALUATING),
        lastStep,
        new ArrayList<>(raised.values()));
  }

  /**
   * For people, without the run's name.
   *
   * @param unit what its steps count
   */
  public String sentence(StepUnit unit) {
    return "goes on: %s evaluated before%s%s; flags raised: %s; the next checkpoint has no paired change"
        .formatted(
            evaluated == 1 ? "1 checkpoint" : evaluated + " checkpoints",
            lastStep == null ? "" : ", last " + StepText.of(unit, lastStep),
            waiting == 0
                ? ""
                : "; %d found before %s".formatted(waiting, waiting == 1 ? "waits" : "wait"),
            flags.isEmpty() ? "none" : StepText.in(unit, String.join(", ", flags)));
  }
}
