package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.WorstSample;
import java.util.List;

/**
 * What is known of the worst samples of a checkpoint before its result is recorded. It becomes
 * {@link Evidence} with the record, which alone tells when it was measured and for which attempt.
 *
 * @param probe what it was measured with
 * @param checkpoint its identity
 * @param pictured whether there is a sheet of pictures beside it
 * @param worst worst first
 */
record EvidenceDraft(String probe, String checkpoint, boolean pictured, List<Evidence.Row> worst) {
  EvidenceDraft {
    if (probe == null || checkpoint == null || worst == null) {
      throw new IllegalArgumentException("the draft lacks a part");
    }
    worst = List.copyOf(worst);
  }

  static EvidenceDraft of(String probe, Checkpoint checkpoint, List<WorstSample> worst) {
    return new EvidenceDraft(
        probe,
        checkpoint.identity(),
        worst.stream().anyMatch(sample -> sample.pictures() != null),
        worst.stream().map(Evidence.Row::of).toList());
  }

  /** Whether this is the record of what it was drawn of. */
  boolean isOf(RunEvent.EvaluationCompleted event) {
    return probe.equals(event.probe()) && checkpoint.equals(event.checkpoint().identity());
  }
}
