package io.diffuscope.web;

import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SeriesId;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Changes what is recorded; stages fail for a reason that no person at the other end can mend. */
public interface RecordChanges {
  /** Nothing is recorded. */
  RecordChanges NONE =
      new RecordChanges() {
        private static final Outcome REFUSED = new Outcome.Refused("nothing is recorded here");

        @Override
        public CompletionStage<Outcome> forget(String run) {
          return CompletableFuture.completedFuture(REFUSED);
        }

        @Override
        public CompletionStage<Outcome> restore(SeriesId series, List<RunEvent> events) {
          return CompletableFuture.completedFuture(REFUSED);
        }
      };

  /** What became of a change. */
  sealed interface Outcome {
    /** It is done. */
    record Done() implements Outcome {}

    /** It is not, for a reason that a person can mend. */
    record Refused(String message) implements Outcome {}
  }

  /** Removes a run from everywhere. */
  CompletionStage<Outcome> forget(String run);

  /** Adds a series that is not recorded, of a run that is not before the monitor. */
  CompletionStage<Outcome> restore(SeriesId series, List<RunEvent> events);
}
