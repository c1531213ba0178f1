package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.H2RunStore;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.SeriesId;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is recorded of a run, as people and programs read it. */
class HistoryCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final SeriesId SERIES = new SeriesId("7", "p", "/daten, \"\u00fc\"\n");

  /** A path with all that a form may trip over, and numbers that are none. */
  private static final RunEvent.EvaluationCompleted ODD =
      new RunEvent.EvaluationCompleted(
          "7",
          RunEvents.AT,
          Checkpoint.ofFile("id", "/c/\u00fc, \"a\"\r\n\u001b[31mb.pt", null),
          "p",
          List.of(
              SignalEstimate.of(
                  SignalNames.PFD,
                  Reference.HOLDOUT,
                  Statistic.RMS,
                  new Estimate(.1 + .2, Double.NaN, Double.NEGATIVE_INFINITY, 1e-300, 9)),
              new SignalEstimate(
                  SignalNames.DENOISING_GAP, null, Statistic.GAP, .5, Estimate.exact(2, 1))),
          RunEvent.Standing.SUPERSEDED,
          1.25,
          2,
          null,
          true);

  @TempDir private Path folder = Path.of("");

  private void write(SeriesId series, RunEvent... events) throws Exception {
    try (RunStore store = H2RunStore.in(folder)) {
      store.append(series, List.of(events));
    }
  }

  private Outcome of(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--data-dir", folder.toString()));
    return Outcome.ofMain(all.toArray(String[]::new));
  }

  private String ok(String... arguments) {
    Outcome outcome = of(arguments);
    assertThat(outcome.exit()).as(outcome.errors()).isZero();
    return outcome.output();
  }

  @Test
  void aReaderOfCommaSeparatedValuesGetsBackWhatWasRecorded() throws Exception {
    write(SERIES, RunEvents.started("7"), ODD);
    List<List<String>> rows = Rfc4180.read(ok("history", "7", "--format", "csv"));
    assertThat(rows)
        .containsExactly(
            List.of(
                "run,step,checkpoint,probe,signal,reference,statistic,sigma,value,standard_error,lower,upper,samples,attempt,standing,at,source"
                    .split(",")),
            List.of(
                "7",
                "",
                "/c/\u00fc, \"a\"\r\n\u001b[31mb.pt",
                "p",
                "pfd",
                "holdout",
                "rms",
                "",
                "0.30000000000000004",
                "NaN",
                "-Infinity",
                "1.0E-300",
                "9",
                "2",
                "superseded",
                "2027-01-15T08:00:00Z",
                "/daten, \"\u00fc\"\n"),
            List.of(
                "7",
                "",
                "/c/\u00fc, \"a\"\r\n\u001b[31mb.pt",
                "p",
                "denoising_gap",
                "",
                "gap",
                "0.5",
                "2.0",
                "NaN",
                "NaN",
                "NaN",
                "1",
                "2",
                "superseded",
                "2027-01-15T08:00:00Z",
                "/daten, \"\u00fc\"\n"));
  }

  @Test
  void aLineOfJsonHoldsAllOfAnEvent() throws Exception {
    SeriesId other = new SeriesId("7", "q", "/c");
    write(SERIES, RunEvents.started("7"), ODD);
    write(other, RunEvents.started("7", "q"));
    List<String> lines = ok("history", "7", "--format", "jsonl").lines().toList();
    assertThat(lines).hasSize(5);
    JsonNode series = JSON.readTree(lines.get(0)).path("series");
    assertThat(series.path("source").asText()).isEqualTo(SERIES.source());
    assertThat(RunEventCodec.fromJson(lines.get(2))).isEqualTo(ODD);
    assertThat(JSON.readTree(lines.get(2)).at("/EvaluationCompleted/checkpoint/path").asText())
        .isEqualTo(ODD.checkpoint().path());
    assertThat(JSON.readTree(lines.get(3)).at("/series/probe").asText()).isEqualTo("q");
  }

  /** Where no language is set, as in many containers, Java writes "?" for what is not ASCII. */
  @Test
  void namesOfOtherAlphabetsReachPrograms() throws Exception {
    write(SERIES, RunEvents.started("7"), ODD);
    PrintStream before = System.out;
    for (String format : List.of("csv", "jsonl")) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try {
        System.setOut(new PrintStream(bytes, true, StandardCharsets.US_ASCII));
        assertThat(
                Main.execute("history", "7", "--format", format, "--data-dir", folder.toString()))
            .isZero();
      } finally {
        System.setOut(before);
      }
      assertThat(bytes.toString(StandardCharsets.UTF_8)).contains("/c/\u00fc, ");
    }
  }

  @Test
  void aLineForPeopleIsOneLineWithoutControls() throws Exception {
    HistoryText text = new HistoryText(ZoneOffset.UTC);
    assertThat(text.heading(SERIES))
        .isEqualTo("run 7, checkpoints from /daten, \"\u00fc\" , probe p");
    assertThat(text.closing()).isEqualTo("  nothing happened");
    assertThat(text.line(RunEvents.started("7")))
        .hasValue("  2027-01-15 08:00:00                  started");
    assertThat(text.line(RunEvents.found("7", 10L))).isEmpty();
    assertThat(text.line(ODD))
        .hasValue(
            "  2027-01-15 08:00:00                  \u00fc, \"a\" \ufffd[31mb.pt evaluated in 1.3 s"
                + " (superseded): pfd to holdout 0.3000");
    assertThat(text.line(RunEvents.skipped("7", 10L, "backlog")))
        .hasValue("  2027-01-15 08:00:02  step 10         step-10.safetensors skipped: backlog");
    assertThat(text.closing())
        .isEqualTo("  1 evaluated, 1 skipped, 0 failed, 0 passed over, 0 waiting");
  }

  @Test
  void eachSeriesIsCountedForItself() throws Exception {
    write(SERIES, RunEvents.started("7"), RunEvents.found("7", 10L));
    write(new SeriesId("7", "q", "/c"), RunEvents.started("7"), RunEvents.failed("7", 10L, "x"));
    assertThat(ok("history", "7").lines().filter(line -> line.contains(" evaluated, ")))
        .containsExactly(
            "  0 evaluated, 0 skipped, 0 failed, 0 passed over, 1 waiting",
            "  0 evaluated, 0 skipped, 1 failed, 0 passed over, 0 waiting");
  }

  @Test
  void whatCannotBeReadIsNotBlamedOnTheFileThatIsWritten() throws Exception {
    write(SERIES, RunEvents.started("7"), RunEvents.found("7", 10L));
    try (Connection connection =
            DriverManager.getConnection("jdbc:h2:file:" + folder.resolve("journal"));
        Statement statement = connection.createStatement()) {
      statement.execute(
          "UPDATE \"event_journal\" SET \"event_ser_manifest\" = 'RunPaused/1'"
              + " WHERE \"sequence_number\" = 2");
    }
    Path file = folder.resolve("out");
    Outcome printed = of("history", "7");
    printed.refuses(ExitCode.BAD_INPUT, "event 2 of run 7", "newer version");
    assertThat(printed.output()).as("what comes before it").contains("started");
    of("history", "7", "--output", file.toString())
        .refuses(ExitCode.BAD_INPUT, "event 2 of run 7", "newer version");
    of("backup", file.toString()).refuses(ExitCode.BAD_INPUT, "event 2 of run 7");
    try (var left = Files.list(folder)) {
      assertThat(left.map(path -> String.valueOf(path.getFileName())))
          .noneMatch(name -> name.startsWith("out"));
    }
    Outcome unwritten = of("history", "7", "--output", folder.resolve("no/such/folder").toString());
    assertThat(unwritten.exit()).isEqualTo(ExitCode.CANNOT_SERVE);
    assertThat(unwritten.errors()).contains("no/such/folder cannot be written", "--output");
  }

  /** The reader of the other end of a pipe has what it wants. */
  @Test
  void aClosedPipeIsNoFailure() throws Exception {
    write(SERIES, RunEvents.started("7"), ODD);
    PrintStream before = System.out;
    OutputStream closed = OutputStream.nullOutputStream();
    closed.close();
    for (String format : List.of("table", "csv", "jsonl")) {
      try {
        System.setOut(new PrintStream(closed, true, StandardCharsets.UTF_8));
        assertThat(
                Main.execute("history", "7", "--format", format, "--data-dir", folder.toString()))
            .isZero();
      } finally {
        System.setOut(before);
      }
    }
  }

  /** Measured with one probe, then with another, then with the first again. */
  @Test
  void aRunStandsWhereSomethingHappenedLast() throws Exception {
    write(SERIES, RunEvents.started("7"), RunEvents.completed("7", 10L, true));
    write(
        new SeriesId("7", "q", "/c"),
        RunEvents.started("7"),
        RunEvents.ended("7", Verdict.State.UNKNOWN, null));
    write(
        SERIES,
        new RunEvent.CheckpointFound(
            "7", RunEvents.AT.plusSeconds(900), RunEvents.checkpoint(20L)));
    assertThat(ok("runs").lines())
        .anyMatch(line -> line.matches("7 +interrupted +step 10 +step 20 +1 +1 .*"));
  }

  /** A reader of RFC 4180 by its grammar: fields in quotes hold anything, with quotes twice. */
  private static final class Rfc4180 {
    static List<List<String>> read(String text) {
      List<List<String>> rows = new ArrayList<>();
      List<String> row = new ArrayList<>();
      int at = 0;
      while (at < text.length()) {
        StringBuilder field = new StringBuilder();
        if (text.charAt(at) == '"') {
          at++;
          while (text.charAt(at) != '"' || text.startsWith("\"\"", at)) {
            field.append(text.charAt(at));
            at += text.charAt(at) == '"' ? 2 : 1;
          }
          at++;
        } else {
          while (text.charAt(at) != ',' && text.charAt(at) != '\n') {
            field.append(text.charAt(at++));
          }
        }
        row.add(field.toString());
        assertThat(text.charAt(at)).as("at %d", at).isIn(',', '\n');
        if (text.charAt(at++) == '\n') {
          rows.add(row);
          row = new ArrayList<>();
        }
      }
      return rows;
    }
  }
}
