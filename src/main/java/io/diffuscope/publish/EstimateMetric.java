package io.diffuscope.publish;

import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The gauges of one statistic of one signal: its value and, where it has an error, the standard
 * error and both ends of the 95 % interval.
 *
 * @param signal name of the signal
 * @param statistic which number of the signal
 * @param main whether it is the statistic that carries the signal's own name
 * @param value gauge of the point estimate
 * @param errors gauges of standard error, lower and upper end; empty for exact numbers
 */
record EstimateMetric(
    String signal, Statistic statistic, boolean main, Metric value, List<Metric> errors) {

  EstimateMetric {
    errors = List.copyOf(errors);
  }

  static EstimateMetric create(
      String signal,
      Statistic statistic,
      boolean main,
      boolean withError,
      String help,
      List<String> labels) {
    String name = "diffuscope_" + signal + (main ? "" : "_" + statistic.label());
    Metric value = new Metric(name, Metric.Kind.GAUGE, null, help + cached(signal), labels);
    List<Metric> errors = new ArrayList<>();
    if (withError) {
      String cached = cached(signal);
      errors.add(companion(value, "standard_error", "Standard error", cached));
      errors.add(companion(value, "lower", "Lower end of the 95 % interval", cached));
      errors.add(companion(value, "upper", "Upper end of the 95 % interval", cached));
    }
    return new EstimateMetric(signal, statistic, main, value, errors);
  }

  private static String cached(String signal) {
    return " Cached from the last %s checkpoint; not measured on scrape."
        .formatted(isOfSamples(signal) ? "sampled" : "evaluated");
  }

  /** The denoising gap is measured of every checkpoint, the others of those that are sampled. */
  static boolean isOfSamples(String signal) {
    return !signal.equals(SignalNames.DENOISING_GAP);
  }

  /** The help of the value without the words on caching. */
  String plainHelp() {
    return value.help().replace(cached(signal), "");
  }

  private static Metric companion(Metric value, String suffix, String what, String cached) {
    return new Metric(
        value.baseName() + "_" + suffix,
        Metric.Kind.GAUGE,
        null,
        what + " of " + value.name() + "." + cached,
        value.labels());
  }

  List<Metric> metrics() {
    List<Metric> all = new ArrayList<>();
    all.add(value);
    all.addAll(errors);
    return all;
  }

  /**
   * The numbers of an estimate by metric; NaN stands for what does not apply. Empty where the
   * estimate lacks a coordinate that is a label of this metric.
   */
  Optional<Map<Series, Double>> series(String run, SignalEstimate of) {
    List<String> values = new ArrayList<>();
    for (String label : value.labels()) {
      switch (label) {
        case MetricCatalogue.RUN -> values.add(run);
        case MetricCatalogue.REFERENCE -> {
          if (of.reference() == null) {
            return Optional.empty();
          }
          values.add(of.reference().label());
        }
        case MetricCatalogue.SIGMA -> {
          if (of.sigma() == null) {
            return Optional.empty();
          }
          values.add(MetricCatalogue.sigmaLabel(of.sigma()));
        }
        default -> throw new IllegalStateException("no value for label " + label);
      }
    }
    Estimate estimate = of.estimate();
    double[] numbers = {
      estimate.value(), estimate.standardError(), estimate.lower(), estimate.upper()
    };
    Map<Series, Double> series = new LinkedHashMap<>();
    List<Metric> metrics = metrics();
    for (int i = 0; i < metrics.size(); i++) {
      series.put(new Series(metrics.get(i), values), numbers[i]);
    }
    return Optional.of(series);
  }
}
