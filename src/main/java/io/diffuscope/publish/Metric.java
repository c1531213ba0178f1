package io.diffuscope.publish;

import io.micrometer.core.instrument.Meter;
import io.micrometer.prometheusmetrics.PrometheusNamingConvention;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One metric as data.
 *
 * @param baseName name without the suffixes that Prometheus' conventions demand ({@code _total},
 *     {@code _seconds}): the registry appends them
 * @param kind what it counts as
 * @param unit base unit; null where the number has none
 * @param help one sentence, also the HELP line of the exposition
 * @param labels label names, the same for every series of the metric
 */
public record Metric(
    String baseName, Kind kind, @Nullable String unit, String help, List<String> labels) {

  private static final PrometheusNamingConvention NAMING = new PrometheusNamingConvention();

  /** Types of the exposition format. */
  public enum Kind {
    GAUGE(Meter.Type.GAUGE),
    COUNTER(Meter.Type.COUNTER),
    HISTOGRAM(Meter.Type.TIMER);

    private final Meter.Type meterType;

    Kind(Meter.Type meterType) {
      this.meterType = meterType;
    }
  }

  public Metric {
    labels = List.copyOf(labels);
  }

  /** The name in Micrometer's dotted form. */
  String meterName() {
    return baseName.replace('_', '.');
  }

  /** The name that is scraped, for example {@code diffuscope_checkpoints_found_total}. */
  public String name() {
    String name = NAMING.name(meterName(), kind.meterType, unit);
    // The convention leaves these two to the writer of the exposition, which appends them.
    String suffix = kind == Kind.COUNTER ? "_total" : baseName.endsWith("_info") ? "_info" : "";
    return name.endsWith(suffix) ? name : name + suffix;
  }
}
