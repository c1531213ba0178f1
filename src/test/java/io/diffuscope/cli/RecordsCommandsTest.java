package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.H2RunStore;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.SeriesId;
import io.diffuscope.sampling.Reference;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that read, copy and remove what is recorded, where no monitor runs. */
class RecordsCommandsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final SeriesId SERIES = new SeriesId("7", "probe", "/a, \"b\"");
  private static final SeriesId LATER = new SeriesId("7", "other", "/a, \"b\"");
  private static final SeriesId ALONE = new SeriesId("8", "probe", "/c");
  private static final List<RunEvent> EVENTS =
      List.of(
          RunEvents.started("7"),
          RunEvents.found("7", 10L),
          RunEvents.found("7", 20L),
          RunEvents.found("7", 30L),
          RunEvents.found("7", 40L),
          RunEvents.completed("7", 10L, true, RunEvents.pfd(Reference.HOLDOUT, 2.5)),
          RunEvents.skipped("7", 20L, "spacing"),
          RunEvents.failed("7", 30L, "vanished"),
          RunEvents.flag("7", Flag.MEMORIZATION, true, 10),
          RunEvents.verdict("7", Verdict.State.MEMORIZING, 10L));

  @TempDir private Path folder = Path.of("");
  private String data = "";

  @BeforeEach
  void write() throws Exception {
    data = folder.resolve("data").toString();
    Files.createDirectories(Path.of(data));
    try (RunStore store = H2RunStore.in(Path.of(data))) {
      store.append(SERIES, EVENTS.subList(0, 2));
      store.append(LATER, EVENTS);
      store.append(
          ALONE,
          List.of(RunEvents.started("8"), RunEvents.ended("8", Verdict.State.UNKNOWN, null)));
    }
  }

  private static String ok(String... arguments) {
    Outcome outcome = Outcome.ofMain(arguments);
    assertThat(outcome.exit()).as(outcome.errors()).isZero();
    return outcome.output();
  }

  @Test
  void runsAreListedWithWhereTheyStand() throws Exception {
    assertThat(ok("runs", "--data-dir", data).lines().toList())
        .hasSize(3)
        .anyMatch(
            line -> line.matches("7 +interrupted +step 10 +step 40 +1 +1 +memorizing +\\d+ KiB"))
        .anyMatch(line -> line.matches("8 +ended +- +- +0 +0 +unknown +1 KiB"));
    JsonNode row =
        JSON.readTree(ok("runs", "--format", "jsonl", "--data-dir", data).lines().toList().get(0));
    assertThat(row.path("run").asText()).isEqualTo("7");
    assertThat(row.path("state").asText()).isEqualTo("interrupted");
    assertThat(row.path("waiting").asInt()).isEqualTo(1);
    assertThat(row.path("skipped").asInt()).isEqualTo(1);
    assertThat(row.path("failed").asInt()).isEqualTo(1);
    assertThat(row.path("flags").get(0).asText()).isEqualTo("memorization");
    assertThat(row.path("bytes").asLong()).isPositive();
    Path nowhere = folder.resolve("nowhere");
    assertThat(ok("runs", "--data-dir", nowhere.toString())).contains("no run is recorded in");
    assertThat(nowhere).doesNotExist();
  }

  @Test
  void aHistoryIsReadByPeopleAndPrograms() throws Exception {
    assertThat(ok("history", "7", "--data-dir", data))
        .contains("run 7, checkpoints from /a, \"b\", probe probe")
        .contains("step 10", "pfd to holdout 2.500 \u00b1 ", "skipped: spacing")
        .contains("flag memorization raised: ", "verdict: memorizing");
    List<String> csv = ok("history", "7", "--format", "csv", "--data-dir", data).lines().toList();
    assertThat(csv.get(0))
        .startsWith("run,step,checkpoint,probe,signal,reference,statistic,sigma,value");
    assertThat(csv).hasSize(2);
    assertThat(csv.get(1))
        .contains(",pfd,holdout,rms,,2.5,")
        .endsWith(",1,judged,%s,\"/a, \"\"b\"\"\"".formatted(RunEvents.AT.plusSeconds(3)));
    List<String> lines =
        ok("history", "7", "--format", "jsonl", "--data-dir", data).lines().toList();
    assertThat(lines).hasSize(2 + 2 + EVENTS.size());
    assertThat(JSON.readTree(lines.get(0)).path("series").path("source").asText())
        .isEqualTo(SERIES.source());
    for (String line : lines) {
      assertThat(JSON.readTree(line).size()).isEqualTo(1);
    }
    Path file = folder.resolve("7.csv");
    ok("history", "7", "--format", "csv", "--output", file.toString(), "--data-dir", data);
    assertThat(Files.readAllLines(file)).isEqualTo(csv);
  }

  @Test
  void aRunThatIsNotThereIsNamedBesideThoseThatAre() {
    for (String command : List.of("history", "forget")) {
      Outcome outcome = Outcome.ofMain(command, "9", "--data-dir", data);
      assertThat(outcome.exit()).isEqualTo(ExitCode.BAD_INPUT);
      assertThat(outcome.errors()).contains("no run \"9\" is recorded there: there are 7, 8");
    }
    Outcome export =
        Outcome.ofMain(
            "export", "9", "--output", folder.resolve("x").toString(), "--data-dir", data);
    assertThat(export.exit()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(folder.resolve("x")).doesNotExist();
  }

  @Test
  void whatIsBackedUpComesBackAndWhatIsThereStays() throws Exception {
    String backup = folder.resolve("b.gz").toString();
    assertThat(ok("backup", backup, "--data-dir", data)).startsWith("3 series, ");
    String before = ok("history", "7", "--format", "jsonl", "--data-dir", data);
    ok("forget", "7", "--data-dir", data);
    assertThat(ok("runs", "--data-dir", data)).doesNotContain("memorizing").contains("8  ");
    assertThat(ok("restore", backup, "--data-dir", data))
        .contains("restored: 7", "left as they are", ": 8");
    assertThat(ok("history", "7", "--format", "jsonl", "--data-dir", data)).isEqualTo(before);
    assertThat(ok("restore", backup, "--data-dir", data)).contains("restored: no run");

    // Cut anywhere, it adds nothing.
    byte[] plain;
    try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(Path.of(backup)))) {
      plain = in.readAllBytes();
    }
    for (int length : List.of(0, 20, plain.length / 2, plain.length - 8)) {
      ByteArrayOutputStream cut = new ByteArrayOutputStream();
      try (GZIPOutputStream out = new GZIPOutputStream(cut)) {
        new ByteArrayInputStream(plain, 0, length).transferTo(out);
      }
      Path file = Files.write(folder.resolve("cut.gz"), cut.toByteArray());
      String fresh = folder.resolve("fresh").toString();
      Outcome outcome = Outcome.ofMain("restore", file.toString(), "--data-dir", fresh);
      assertThat(outcome.exit()).as("cut at %d", length).isEqualTo(ExitCode.BAD_INPUT);
      assertThat(outcome.errors()).contains("no whole backup of diffuscope");
      assertThat(ok("runs", "--data-dir", fresh)).contains("no run is recorded");
    }
    Outcome missing = Outcome.ofMain("restore", "none.gz", "--data-dir", data);
    assertThat(missing.exit()).isEqualTo(ExitCode.BAD_INPUT);
    Outcome unwritten =
        Outcome.ofMain("backup", folder.resolve("no/such/folder").toString(), "--data-dir", data);
    assertThat(unwritten.exit()).isEqualTo(ExitCode.CANNOT_SERVE);
  }

  @Test
  void aJournalThatIsNoneIsOneSentence() throws Exception {
    Files.writeString(H2RunStore.file(Path.of(data)), "no database".repeat(1000));
    for (String[] command :
        new String[][] {
          {"runs"}, {"history", "7"}, {"backup", folder.resolve("b").toString()}, {"forget", "7"}
        }) {
      String[] all = Arrays.copyOf(command, command.length + 2);
      all[command.length] = "--data-dir";
      all[command.length + 1] = data;
      Outcome outcome = Outcome.ofMain(all);
      assertThat(outcome.exit()).isEqualTo(ExitCode.CANNOT_SERVE);
      assertThat(outcome.errors()).contains("journal.mv.db is damaged").doesNotContain("\tat ");
    }
  }
}
