package io.diffuscope.cli;

import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunRecords;
import io.diffuscope.run.SeriesId;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/** The records of a data directory, for one command. */
interface OpenRecords extends RunRecords, AutoCloseable {
  /** Ids of the runs that a monitor has before it now. */
  Set<String> watched() throws IOException;

  /** Removes a run everywhere. */
  void forget(String run) throws IOException;

  /** Adds a series that is not recorded, all of it or nothing. */
  void restore(SeriesId series, List<RunEvent> events) throws IOException;

  @Override
  void close();
}
