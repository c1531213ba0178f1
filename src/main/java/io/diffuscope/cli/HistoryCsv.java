package io.diffuscope.cli;

import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SeriesId;
import io.diffuscope.signal.SignalEstimate;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * All estimates of a run as a table of comma-separated values (RFC 4180): the columns of {@code
 * evaluate --format jsonl}, and what a history has besides. What does not apply is empty; doubles
 * have all of their digits, {@code NaN} and {@code Infinity} as Java and Python write them.
 */
final class HistoryCsv {
  static final String HEADER =
      "run,step,checkpoint,probe,signal,reference,statistic,sigma,value,standard_error,lower,upper,samples,attempt,standing,at,source";

  private HistoryCsv() {}

  /** One line for each estimate, without the line break of the last. */
  static String lines(SeriesId series, RunEvent.EvaluationCompleted event) {
    return event.estimates().stream()
        .map(estimate -> line(series, event, estimate))
        .collect(Collectors.joining("\n"));
  }

  private static String line(
      SeriesId series, RunEvent.EvaluationCompleted event, SignalEstimate row) {
    List<@Nullable Object> cells = new ArrayList<>(EstimateRows.columns(event, row).values());
    cells.add(event.attempt());
    cells.add(event.standing().label());
    cells.add(event.at());
    cells.add(series.source());
    return cells.stream().map(cell -> quoted(text(cell))).collect(Collectors.joining(","));
  }

  private static String text(@Nullable Object value) {
    return value == null ? "" : value.toString();
  }

  private static String quoted(String cell) {
    return cell.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
        ? '"' + cell.replace("\"", "\"\"") + '"'
        : cell;
  }
}
