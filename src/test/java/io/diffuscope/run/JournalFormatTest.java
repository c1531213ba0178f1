package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A journal that the first version wrote is read by this one. The files of the first version,
 * {@code journal-1.*}, are never written again: a change that makes this test fail needs a new
 * version of an event's form, and code that reads the old one.
 */
class JournalFormatTest {
  private static final SeriesId SERIES = new SeriesId("r", "probe", "/run");
  private static final SeriesId LIVED = new SeriesId("run", "probe", "/run");

  @TempDir private Path folder = Path.of("");

  /** What wrote the files of the first version; see {@link #writes}. */
  private static void write(Path folder) throws Exception {
    RunMachine machine = lived();
    try (H2RunStore store = H2RunStore.in(folder)) {
      store.append(SERIES, OneOfEachEvent.events());
      store.append(LIVED, machine.events());
      try (Connection connection = DriverManager.getConnection(store.url());
          Statement statement = connection.createStatement()) {
        statement.execute("SHUTDOWN COMPACT");
      }
    }
  }

  private static RunMachine lived() {
    RunMachine machine = new RunMachine(Pace.Policy.ALL, 1000);
    machine.begin();
    for (int step = 10; step <= 30; step += 10) {
      machine.find(step);
      machine.complete(step);
    }
    machine.find(40);
    return machine;
  }

  private static List<String> lines(Path folder) throws Exception {
    List<String> lines = new ArrayList<>();
    try (H2RunStore store = H2RunStore.in(folder)) {
      for (SeriesId series : store.series()) {
        store.forEach(series, event -> lines.add(RunEventCodec.toJson(event)));
      }
    }
    return lines;
  }

  private Path firstVersion() throws Exception {
    try (InputStream file = resource("journal-1.mv.db")) {
      Files.copy(file, H2RunStore.file(folder));
    }
    return folder;
  }

  private static InputStream resource(String name) {
    return Objects.requireNonNull(JournalFormatTest.class.getResourceAsStream(name), name);
  }

  @Test
  void whatTheFirstVersionWroteIsRead() throws Exception {
    List<String> expected;
    try (InputStream text = resource("journal-1.jsonl")) {
      expected = new String(text.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
    assertThat(lines(firstVersion())).isEqualTo(expected).hasSizeGreaterThan(25);
    for (String line : expected) {
      assertThat(RunEventCodec.toJson(RunEventCodec.fromJson(line))).isEqualTo(line);
    }
  }

  @Test
  void aRunOfTheFirstVersionGoesOn() throws Exception {
    RunSettings settings = RunMachine.settings(Pace.all(1000), Ending.NEVER);
    try (EntityLife life = new EntityLife(H2RunStore.in(firstVersion()), LIVED, settings)) {
      assertThat(life.recovered().ledger()).isEqualTo(lived().state().ledger());
    }
  }

  /** This version's own, beside those of the first. */
  @Test
  void writes() throws Exception {
    write(folder);
    assertThat(lines(folder)).hasSizeGreaterThan(25);
    String target = System.getProperty("journal.fixture");
    if (target != null) {
      Files.copy(H2RunStore.file(folder), Path.of(target).resolve("journal-1.mv.db"));
      Files.write(Path.of(target).resolve("journal-1.jsonl"), lines(folder));
    }
  }
}
