package io.diffuscope.cli;

import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SeriesId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a data directory has of a run, whether a monitor has it or not. */
final class Recorded {
  private Recorded() {}

  /** The events of all series of a run; none where a monitor cannot be asked yet. */
  static List<RunEvent> of(Path dataDirectory, String run) throws IOException {
    List<RunEvent> events = new ArrayList<>();
    try (OpenRecords records = Records.open(dataDirectory)) {
      for (SeriesId series : records.seriesOf(run)) {
        records.forEach(series, events::add);
      }
    } catch (CannotServeException e) {
      events.clear(); // it has just begun, or just ended
    }
    return events;
  }

  static <E extends RunEvent> List<E> ofKind(List<RunEvent> events, Class<E> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }
}
