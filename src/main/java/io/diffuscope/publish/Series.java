package io.diffuscope.publish;

import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;

/**
 * A metric with the values of its labels.
 *
 * @param labelValues in the order of the metric's label names
 */
record Series(Metric metric, List<String> labelValues) {
  Series {
    labelValues = List.copyOf(labelValues);
    if (labelValues.size() != metric.labels().size()) {
      throw new IllegalArgumentException(
          metric.name() + " has labels " + metric.labels() + ", not values " + labelValues);
    }
  }

  static Series of(Metric metric, String... labelValues) {
    return new Series(metric, List.of(labelValues));
  }

  boolean isOfRun(String run) {
    int index = metric.labels().indexOf(MetricCatalogue.RUN);
    return index >= 0 && labelValues.get(index).equals(run);
  }

  Tags tags() {
    List<Tag> tags = new ArrayList<>();
    for (int i = 0; i < labelValues.size(); i++) {
      tags.add(Tag.of(metric.labels().get(i), labelValues.get(i)));
    }
    return Tags.of(tags);
  }
}
