package io.diffuscope.run;

import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/**
 * What is recorded of runs, wherever it is kept. Its methods block.
 *
 * <pre>{@code
 * for (SeriesId series : records.series()) {
 *   records.forEach(series, event -> print(event));
 * }
 * }</pre>
 */
public interface RunRecords {
  /** All series, in the order in which they began; those of a run may be several. */
  List<SeriesId> series() throws IOException;

  /**
   * Tells the events of a series in their order.
   *
   * @throws JournalDamagedException if one cannot be understood
   * @throws IOException if they cannot be read
   */
  void forEach(SeriesId series, Consumer<RunEvent> told) throws IOException;

  /** Bytes that the events of a series take on the disk, about. */
  long bytes(SeriesId series) throws IOException;

  /** The series of one run, in the order in which they began. */
  default List<SeriesId> seriesOf(String run) throws IOException {
    return series().stream().filter(series -> series.run().equals(run)).toList();
  }
}
