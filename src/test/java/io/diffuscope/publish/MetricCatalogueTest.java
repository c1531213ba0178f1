package io.diffuscope.publish;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.StepScale;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The catalogue against what is really scraped, and both against Prometheus' naming rules. */
class MetricCatalogueTest {
  private static final String BEGIN = "<!-- metrics:begin -->";
  private static final String END = "<!-- metrics:end -->";

  /** A state set is named like its label: OpenMetrics' own convention. */
  private static final Set<String> STATE_SETS = Set.of("diffuscope_flag", "diffuscope_flag_step");

  /** The info of a thing is named for it, as its other metrics' label is. */
  private static final Set<String> INFOS = Set.of("diffuscope_run_info");

  private static final Set<String> FORBIDDEN_UNITS =
      Set.of("ms", "millis", "milliseconds", "minutes", "hours", "percent", "kb", "mb");

  @Test
  void theCatalogueIsExactlyWhatIsScraped() {
    Exposition scraped = scrapeOfEverything();

    assertThat(scraped.type().keySet())
        .containsExactlyInAnyOrderElementsOf(
            MetricCatalogue.all().stream().map(Metric::name).toList());
    Map<String, Set<String>> labels = scraped.labels();
    for (Metric metric : MetricCatalogue.all()) {
      assertThat(scraped.help()).containsEntry(metric.name(), metric.help());
      assertThat(scraped.type())
          .containsEntry(metric.name(), metric.kind().name().toLowerCase(Locale.ROOT));
      String sample =
          metric.kind() == Metric.Kind.HISTOGRAM ? metric.name() + "_count" : metric.name();
      assertThat(labels).containsEntry(sample, new TreeSet<>(metric.labels()));
    }
  }

  @Test
  void namesAreUnique() {
    assertThat(MetricCatalogue.all()).extracting(Metric::name).doesNotHaveDuplicates();
  }

  @Test
  void namesFollowTheRulesOfPrometheus() {
    for (Metric metric : MetricCatalogue.all()) {
      String name = metric.name();
      List<String> words = Arrays.asList(name.split("_"));
      assertThat(name).matches("diffuscope(_[a-z0-9]+)+");
      assertThat(name.endsWith("_total"))
          .as("%s: _total on counters alone", name)
          .isEqualTo(metric.kind() == Metric.Kind.COUNTER);
      assertThat(name).doesNotMatch(".*_(count|sum|bucket)");
      assertThat(words).doesNotContain("gauge", "counter", "histogram", "summary", "metric");
      assertThat(words).doesNotContainAnyElementsOf(FORBIDDEN_UNITS);
      assertThat(metric.help()).isNotBlank().endsWith(".");
      assertThat(metric.labels()).doesNotContain("le", "quantile", "job", "instance", "type");
      assertThat(metric.labels()).allMatch(label -> label.matches("[a-z]+(_[a-z]+)*"));
      if (!STATE_SETS.contains(name) && !INFOS.contains(name)) {
        assertThat(words)
            .as("label in the name of %s", name)
            .doesNotContainAnyElementsOf(metric.labels());
      }
      if (words.contains("timestamp") || words.contains("duration")) {
        assertThat(words).as(name).contains("seconds");
      }
    }
  }

  @Test
  void estimatesSayThatTheyAreCached() {
    assertThat(MetricCatalogue.all())
        .filteredOn(metric -> metric.name().startsWith("diffuscope_train_affinity"))
        .isNotEmpty()
        .allMatch(metric -> metric.help().contains("Cached from the last sampled checkpoint"));
    assertThat(MetricCatalogue.all())
        .filteredOn(metric -> metric.name().startsWith("diffuscope_denoising_gap"))
        .isNotEmpty()
        .allMatch(metric -> metric.help().contains("Cached from the last evaluated checkpoint"));
  }

  @ParameterizedTest
  @CsvSource({
    "0.3, 0.3",
    "2, 2",
    "80, 80",
    "0.002, 0.002",
    "1.3894954943731375, 1.3895",
    "1e-7, 0.0000001"
  })
  void aSigmaIsAPlainNumber(double sigma, String label) {
    assertThat(MetricCatalogue.sigmaLabel(sigma)).isEqualTo(label);
  }

  @Test
  void theTableNamesEveryMetricOnceAndItsErrorsInOnePhrase() {
    String table = MetricCatalogue.markdown();
    Set<String> named =
        table
            .lines()
            .skip(2)
            .map(
                line ->
                    line.substring(line.indexOf('`') + 1, line.indexOf('`', line.indexOf('`') + 1)))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> values =
        MetricCatalogue.all().stream()
            .map(Metric::name)
            .filter(name -> !name.matches(".*_(standard_error)"))
            .filter(name -> !MetricCatalogueTest.isCompanion(name))
            .collect(Collectors.toCollection(TreeSet::new));

    assertThat(named).isEqualTo(values);
    assertThat(table).contains("With `_standard_error`, `_lower`, `_upper`.");
  }

  @Test
  void theReadmeShowsTheCatalogueAsItIs() throws IOException {
    Path readme = Path.of("README.md");
    assertThat(readme).as("README.md with the table of metrics").exists();
    String text = Files.readString(readme);
    int begin = text.indexOf(BEGIN);
    int end = text.indexOf(END);
    assertThat(begin >= 0 && end > begin)
        .as("README.md has the table of metrics between the lines %s and %s", BEGIN, END)
        .isTrue();

    assertThat(text.substring(begin + BEGIN.length(), end).strip())
        .as("the table of metrics in README.md is out of date; replace it by this one")
        .isEqualTo(MetricCatalogue.markdown().strip());
  }

  private static boolean isCompanion(String name) {
    return MetricCatalogue.all().stream()
        .anyMatch(
            metric ->
                name.equals(metric.name() + "_lower") || name.equals(metric.name() + "_upper"));
  }

  private static Exposition scrapeOfEverything() {
    MetricsPublisher metrics =
        MetricsPublisher.create(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1.2.3");
    List<RunEvent> events =
        List.of(
            RunEvents.started("r"),
            RunEvents.found("r", 1L),
            RunEvents.evaluating("r", 1L),
            RunEvents.completed("r", 1L, true, RunEvents.everything()),
            RunEvents.flag("r", Flag.MEMORIZATION, true, 1),
            RunEvents.ended("r", Verdict.State.MEMORIZING, 1L),
            RunEvents.evaluating("r", 2L),
            RunEvents.started("s", new StepScale(StepUnit.KIMG, null, null)),
            RunEvents.completed("s", 1L, true),
            RunEvents.found("s", 2L));
    events.forEach(metrics::onEvent);
    metrics.onProgress(RunEvents.progress("r", 2L, 1, 2));
    return Exposition.parse(new String(metrics.scrape(MetricsPublisher.TEXT), UTF_8));
  }
}
