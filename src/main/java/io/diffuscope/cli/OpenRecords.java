package io.diffuscope.cli;

import io.diffuscope.run.RunRecords;
import java.io.IOException;

/** The records of a data directory, for one command. */
interface OpenRecords extends RunRecords, AutoCloseable {
  /** Removes a run everywhere. */
  void forget(String run) throws IOException;

  @Override
  void close();
}
