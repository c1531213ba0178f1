package io.diffuscope.cli;

import io.diffuscope.run.H2RunStore;
import io.diffuscope.run.JournalDamagedException;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunRemoval;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.RunStoreException;
import io.diffuscope.run.SeriesId;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is recorded in a data directory: asked of the monitor that has taken it, and read from its
 * database only where none runs.
 */
final class Records {
  private Records() {}

  /**
   * Opens them.
   *
   * @throws CannotServeException if they cannot be read
   */
  static OpenRecords open(Path directory) throws CannotServeException {
    if (!Files.exists(H2RunStore.file(directory))) {
      return new InDatabase(null, RunStore.NONE, run -> {});
    }
    return openOrBegin(directory);
  }

  /**
   * Opens them, and begins them where there are none yet.
   *
   * @throws CannotServeException if they cannot be read
   */
  static OpenRecords openOrBegin(Path directory) throws CannotServeException {
    DataDirectory.Owner owner = DataDirectory.owner(directory);
    if (owner != null) {
      return new RemoteRecords(owner);
    }
    DataDirectory lock = DataDirectory.lock(directory);
    lock.describe("process %d, which looks into it".formatted(ProcessHandle.current().pid()));
    try {
      RunStore store = DataDirectory.journal(directory);
      return new InDatabase(
          lock,
          store,
          DataDirectory.removal(directory, store, DataDirectory.leftEvidence(directory)));
    } catch (CannotServeException e) {
      lock.close();
      throw e;
    }
  }

  /**
   * The series of a run.
   *
   * @throws BadInputException if there is none; the message names those that there are
   */
  static List<SeriesId> seriesOf(OpenRecords records, String run, Path directory)
      throws IOException {
    List<SeriesId> series = records.seriesOf(run);
    if (series.isEmpty()) {
      TreeSet<String> known = new TreeSet<>();
      records.series().forEach(other -> known.add(other.run()));
      throw new BadInputException(
          directory,
          Reason.VANISHED,
          "no run \"%s\" is recorded there: %s"
              .formatted(
                  run,
                  known.isEmpty()
                      ? "none is; --data-dir names another data directory"
                      : "there are " + String.join(", ", known)));
    }
    return series;
  }

  /** Whether records could not be read: then whatever was to be made of them is not at fault. */
  static boolean failed(IOException failure) {
    return failure instanceof CannotServeException
        || failure instanceof RunStoreException
        || failure instanceof JournalDamagedException;
  }

  /** Read from the database. */
  private record InDatabase(@Nullable DataDirectory lock, RunStore store, RunRemoval removal)
      implements OpenRecords {
    @Override
    public List<SeriesId> series() throws IOException {
      return store.series();
    }

    @Override
    public void forEach(SeriesId series, Consumer<RunEvent> told) throws IOException {
      store.forEach(series, told);
    }

    @Override
    public long bytes(SeriesId series) throws IOException {
      return store.bytes(series);
    }

    @Override
    public Set<String> watched() {
      return Set.of();
    }

    @Override
    public void forget(String run) throws IOException {
      removal.forget(run);
    }

    @Override
    public void restore(SeriesId series, List<RunEvent> events) throws IOException {
      store.append(series, events);
    }

    @Override
    public void close() {
      store.close();
      if (lock != null) {
        lock.close();
      }
    }
  }
}
