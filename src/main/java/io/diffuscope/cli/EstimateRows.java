package io.diffuscope.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.run.RunEvent;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.statistics.Estimate;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** All estimates of a checkpoint as text: a table for people, or one JSON object a line. */
final class EstimateRows {
  private static final ObjectMapper JSON = new ObjectMapper();

  private EstimateRows() {}

  /** How estimates are printed. */
  enum Format {
    TABLE,
    JSONL;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What the hold-out check took from signals that compare the sets. */
  static final String DIFFER =
      "train_affinity and denoising_gap are not to be trusted: train and hold-out differ";

  static String format(RunEvent.EvaluationCompleted event, Format format) {
    return switch (format) {
      case TABLE -> table(event);
      case JSONL ->
          event.estimates().stream()
              .map(estimate -> json(event, estimate))
              .collect(Collectors.joining("\n"));
    };
  }

  /** One estimate by the names of its columns, in their order; what does not apply is null. */
  static Map<String, @Nullable Object> columns(
      RunEvent.EvaluationCompleted event, SignalEstimate row) {
    Map<String, @Nullable Object> columns = new LinkedHashMap<>();
    columns.put("run", event.run());
    columns.put("step", event.checkpoint().step());
    columns.put("checkpoint", event.checkpoint().path());
    columns.put("probe", event.probe());
    columns.put("signal", row.signal());
    columns.put("reference", row.reference() == null ? null : row.reference().label());
    columns.put("statistic", row.statistic().label());
    columns.put("sigma", row.sigma());
    Estimate e = row.estimate();
    columns.put("value", e.value());
    columns.put("standard_error", e.standardError());
    columns.put("lower", e.lower());
    columns.put("upper", e.upper());
    columns.put("samples", e.samples());
    return columns;
  }

  private static String json(RunEvent.EvaluationCompleted event, SignalEstimate row) {
    Map<String, @Nullable Object> object = columns(event, row);
    // JSON has no word for them.
    object.replaceAll(
        (name, value) -> value instanceof Double d && !Double.isFinite(d) ? null : value);
    try {
      return JSON.writeValueAsString(object);
    } catch (JsonProcessingException impossible) {
      throw new IllegalStateException("numbers and words always have a JSON form", impossible);
    }
  }

  private static String table(RunEvent.EvaluationCompleted event) {
    Long step = event.checkpoint().step();
    StringBuilder text = new StringBuilder();
    text.append(
        "%s%s, probe %s%n"
            .formatted(
                event.checkpoint().name(), step == null ? "" : ", step " + step, event.probe()));
    text.append(
        String.format(
            "  %-15s %-9s %-22s %6s %12s %11s  %-25s %8s%n",
            "signal",
            "reference",
            "statistic",
            "sigma",
            "value",
            "std. error",
            "95 % interval",
            "samples"));
    for (SignalEstimate row : event.estimates()) {
      Estimate e = row.estimate();
      text.append(
          String.format(
              Locale.ROOT,
              "  %-15s %-9s %-22s %6s %12s %11s  %-25s %8d%n",
              row.signal(),
              row.reference() == null ? "" : row.reference().label(),
              row.statistic().label(),
              row.sigma() == null ? "" : String.valueOf(row.sigma()),
              number(e.value()),
              number(e.standardError()),
              Double.isNaN(e.lower())
                  ? ""
                  : "[%s, %s]".formatted(number(e.lower()), number(e.upper())),
              e.samples()));
    }
    return text.toString();
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "" : String.format(Locale.ROOT, "%.5g", value);
  }
}
