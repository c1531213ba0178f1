package io.diffuscope.publish;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The series that exist at the moment. Micrometer's own gauges hold what they show by a weak
 * reference, and a meter lives until it is removed; here a gauge owns its number and a series lives
 * as long as its row.
 */
final class MeterTable {
  private final MeterRegistry registry;
  private final Map<Series, Cell> gauges = new LinkedHashMap<>();
  private final Map<Series, Meter> others = new LinkedHashMap<>();

  MeterTable(MeterRegistry registry) {
    this.registry = registry;
  }

  /** Shows a number; NaN means that there is none, and the series vanishes. */
  void set(Series series, double value) {
    if (Double.isNaN(value)) {
      remove(series);
      return;
    }
    Cell cell = gauges.get(series);
    if (cell == null) {
      cell = new Cell();
      cell.value = value;
      cell.gauge = gauge(series, cell);
      gauges.put(series, cell);
    } else {
      cell.value = value;
    }
  }

  /** Takes a gauge away, if it is there. */
  void remove(Series series) {
    Cell cell = gauges.remove(series);
    if (cell != null && cell.gauge != null) {
      registry.remove(cell.gauge);
    }
  }

  /** The counter of a series, made with zero on the first call. */
  Counter counter(Series series) {
    Meter meter =
        others.computeIfAbsent(
            series,
            s ->
                Counter.builder(s.metric().meterName())
                    .description(s.metric().help())
                    .baseUnit(s.metric().unit())
                    .tags(s.tags())
                    .register(registry));
    return (Counter) meter;
  }

  /** The histogram of a series, made empty on the first call. */
  Timer histogram(Series series, Duration... buckets) {
    Meter meter =
        others.computeIfAbsent(
            series,
            s ->
                Timer.builder(s.metric().meterName())
                    .description(s.metric().help())
                    .serviceLevelObjectives(buckets)
                    .tags(s.tags())
                    .register(registry));
    return (Timer) meter;
  }

  /** Takes every series of a run away. */
  void removeRun(String run) {
    gauges.keySet().stream().filter(s -> s.isOfRun(run)).toList().forEach(this::remove);
    Iterator<Map.Entry<Series, Meter>> iterator = others.entrySet().iterator();
    while (iterator.hasNext()) {
      Map.Entry<Series, Meter> entry = iterator.next();
      if (entry.getKey().isOfRun(run)) {
        registry.remove(entry.getValue());
        iterator.remove();
      }
    }
  }

  private Gauge gauge(Series series, Cell cell) {
    Metric metric = series.metric();
    return Gauge.builder(metric.meterName(), cell, c -> c.value)
        .strongReference(true)
        .description(metric.help())
        .baseUnit(metric.unit())
        .tags(series.tags())
        .register(registry);
  }

  private static final class Cell {
    volatile double value;
    @Nullable Gauge gauge;
  }
}
