package io.diffuscope.run;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the events of one run are kept, so that a program that is started again goes on from where
 * the last one was. Used by one run at a time, from one thread at a time; may block.
 */
public interface RunJournal {
  /** Keeps nothing: each start begins anew. */
  RunJournal NONE =
      new RunJournal() {
        @Override
        public List<RunEvent> read() {
          return List.of();
        }

        @Override
        public void append(List<RunEvent> batch) {}
      };

  /**
   * All events of the run, in order; called once, before the first {@link #append}.
   *
   * @throws JournalDamagedException if they cannot be understood
   * @throws IOException if they cannot be read
   */
  List<RunEvent> read() throws IOException;

  /**
   * Keeps a batch for good, as a whole or not at all: once this returns, it survives the end of the
   * process and of the machine.
   *
   * @throws IOException if it cannot be kept; the same batch may be appended again
   */
  void append(List<RunEvent> batch) throws IOException;

  /** Lets go of what keeps it open, for a run that is over; it can be appended to all the same. */
  default void close() {}

  /** What a person should know of where the journal begins, in one sentence; null: nothing. */
  default @Nullable String news() {
    return null;
  }
}
