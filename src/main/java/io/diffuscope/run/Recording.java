package io.diffuscope.run;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a run's events in its journal. A journal that cannot be written does not stop the run: what
 * happens meanwhile waits in memory and is written when that is possible again.
 *
 * <p>At most {@value #MOST_PENDING} events wait (about a day of an evaluation every half minute,
 * some 20 MB). What happens after that is not kept until the program is started again: a journal
 * that ends early is whole, and what it lacks is evaluated again; one with a gap would be neither.
 *
 * <p>That a program was started, and ended with nothing new, is not worth a line: such events wait
 * for the first one that is. So a monitor that is called every few minutes leaves no trail of
 * nothings.
 */
final class Recording {
  static final int MOST_PENDING = 10_000;

  private final String run;
  private final RunJournal journal;
  private final Consumer<RunNotification> told;
  private final boolean hadEnded;
  private final List<List<RunEvent>> unwritten = new ArrayList<>();
  private boolean eventful;
  private int pending;

  /** Whether more came than may wait: then the journal ends with what waited. */
  private boolean overflowed;

  private @Nullable String problem;

  /**
   * A recording that goes on.
   *
   * @param hadEnded whether the run was over when it was read
   * @param told hears of failures once, and that they are over
   */
  Recording(String run, RunJournal journal, boolean hadEnded, Consumer<RunNotification> told) {
    this.run = run;
    this.journal = journal;
    this.hadEnded = hadEnded;
    this.told = told;
  }

  /** Keeps a batch: on the disk when this returns, unless that is told to be impossible. */
  void add(List<RunEvent> batch) {
    if (batch.isEmpty()) {
      return;
    }
    if (overflowed || pending + batch.size() > MOST_PENDING) {
      lose(batch.size());
      return;
    }
    unwritten.add(List.copyOf(batch));
    pending += batch.size();
    eventful |= !batch.stream().allMatch(this::isUneventful);
    if (eventful) {
      write();
    }
  }

  /** Tries again what failed before; false where it fails again. */
  boolean retry() {
    if (problem != null) {
      write();
    }
    return problem == null;
  }

  /** The run is over. */
  void close() {
    journal.close();
  }

  private void lose(int events) {
    if (!overflowed) {
      overflowed = true;
      told.accept(
          new JournalNews(
              run,
              true,
              "more than %d events wait for the run's journal: evaluation goes on, but what happens from now on is not kept and is evaluated again after a restart; make room, or make it writable, then start the program again"
                  .formatted(MOST_PENDING)));
    }
    told.accept(new JournalBacklog(run, pending, false, events));
  }

  private boolean isUneventful(RunEvent event) {
    return switch (event) {
      case RunEvent.RunResumed e -> true;
      case RunEvent.RunStarted e -> true;
      case RunEvent.RunEnded e -> hadEnded;
      default -> false;
    };
  }

  private void write() {
    try {
      while (!unwritten.isEmpty()) {
        journal.append(unwritten.getFirst());
        pending -= unwritten.removeFirst().size();
      }
    } catch (IOException e) {
      failed(e);
      return;
    }
    if (problem != null) {
      problem = null;
      told.accept(new JournalBacklog(run, pending, false, 0));
      told.accept(
          overflowed
              ? new JournalNews(
                  run,
                  true,
                  "the run's journal can be written again, but what happened after %d events waited is not in it; start the program again, and that is evaluated again"
                      .formatted(MOST_PENDING))
              : new JournalNews(
                  run, false, "the run's journal is written again; nothing is missing"));
    }
  }

  private void failed(IOException cause) {
    told.accept(new JournalBacklog(run, pending, true, 0));
    String reason = cause.toString();
    if (!reason.equals(problem)) {
      problem = reason;
      told.accept(
          new JournalNews(
              run,
              true,
              "the run's journal cannot be written (%s): evaluation goes on, and what is not written is evaluated again after a restart; make room, or make it writable"
                  .formatted(reason)));
    }
  }
}
