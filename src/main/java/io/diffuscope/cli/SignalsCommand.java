package io.diffuscope.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.Config;
import io.diffuscope.run.RunNotes;
import io.diffuscope.run.SignalStanding;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.signal.SignalCatalogue;
import io.diffuscope.signal.SignalSchedule;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diffuscope signals}: every signal, what it is, what it needs and costs. */
@Command(
    name = "signals",
    description =
        "List every signal: what it is, what it needs, what it costs, where it comes from. With the"
            + " options of 'evaluate' also which of them are on, and why the others are off.",
    optionListHeading = "%nWhat would be measured, and with what:%n",
    footer = {
      "",
      "Examples:",
      "  diffuscope signals",
      "  diffuscope signals --template net.pt --train train.npy --signals 'rp=every 5'"
    })
final class SignalsCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int WIDTH = 100;

  /** How signals are listed. */
  enum Format {
    TABLE,
    JSON;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Mixin private MeasureOptions measure = new MeasureOptions();

  @Option(
      names = "--format",
      paramLabel = "table|json",
      description = "For people, or one JSON array (default: ${DEFAULT-VALUE}).")
  private Format format = Format.TABLE;

  @picocli.CommandLine.Spec
  private picocli.CommandLine.Model.CommandSpec spec =
      picocli.CommandLine.Model.CommandSpec.create();

  @Override
  public Integer call() throws Exception {
    Config config = measure.load(Map.of());
    SettingsReader reader = new SettingsReader(config);
    boolean configured =
        !config.getIsNull("diffuscope.template") || !config.getIsNull("diffuscope.train");
    List<SignalStanding> standings =
        configured ? configured(reader) : unconfigured(reader.signals());
    PrintWriter out = spec.commandLine().getOut();
    out.print(format == Format.JSON ? json(standings) : table(standings));
    out.flush();
    return ExitCode.OK;
  }

  private static List<SignalStanding> configured(SettingsReader reader) throws Exception {
    try (Probe probe = Probe.open(reader.probe())) {
      return RunNotes.standings(probe, GeometrySummary.withoutDuplicates(probe), reader.signals());
    }
  }

  /** Without data all that is switched on may be measured. */
  private static List<SignalStanding> unconfigured(SignalSchedule schedule) {
    return Arrays.stream(SignalCatalogue.values())
        .map(
            entry ->
                new SignalStanding(
                    entry, schedule.word(entry.signal()), schedule.isOn(entry.signal()), ""))
        .toList();
  }

  private static String json(List<SignalStanding> standings) throws Exception {
    List<Map<String, Object>> all = standings.stream().map(SignalsCommand::fields).toList();
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n";
  }

  private static Map<String, Object> fields(SignalStanding standing) {
    SignalCatalogue entry = standing.entry();
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("signal", entry.signal());
    fields.put("definition", entry.definition());
    fields.put("needs", entry.needs().stream().map(SignalCatalogue.Need::label).toList());
    fields.put("cost", entry.cost());
    fields.put("cost_formula", entry.costFormula());
    fields.put("source", entry.source());
    fields.put("default", entry.isOnByDefault() ? "on" : "off");
    fields.put("switch", standing.word());
    fields.put("measured", standing.measured());
    fields.put("why", standing.why());
    return fields;
  }

  private static String table(List<SignalStanding> standings) {
    StringBuilder text = new StringBuilder();
    int width = standings.stream().mapToInt(s -> s.entry().signal().length()).max().orElse(0);
    for (SignalStanding standing : standings) {
      SignalCatalogue entry = standing.entry();
      String state = standing.measured() ? standing.word() : "off";
      String why = standing.why().isEmpty() ? "" : ": " + standing.why();
      line(text, "%-" + width + "s  ", entry.signal(), state + why);
      line(text, "%" + (width + 2) + "s", "", entry.definition());
      line(
          text,
          "%" + (width + 2) + "s",
          "",
          "needs "
              + String.join(
                  ", ", entry.needs().stream().map(SignalCatalogue.Need::label).toList()));
      line(text, "%" + (width + 2) + "s", "", "costs " + entry.costFormula());
      line(text, "%" + (width + 2) + "s", "", "from  " + entry.source());
      text.append('\n');
    }
    return text.append(SignalCatalogue.LETTERS).append('\n').toString();
  }

  /** Words after a first column, wrapped under each other. */
  private static void line(StringBuilder text, String column, String first, String words) {
    String start = String.format(Locale.ROOT, column, first);
    StringBuilder line = new StringBuilder(start);
    for (String word : words.split(" ", -1)) {
      if (line.length() + word.length() > WIDTH && line.length() > start.length()) {
        text.append(line.toString().stripTrailing()).append('\n');
        line = new StringBuilder(" ".repeat(start.length()));
      }
      line.append(word).append(' ');
    }
    text.append(line.toString().stripTrailing()).append('\n');
  }
}
