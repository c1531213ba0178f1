package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The journal's file: what is in it, and what becomes of one that is not as it should be. */
class H2RunStoreTest {
  private static final SeriesId SERIES = new SeriesId("run", "probe", "/run");
  private static final SeriesId LATER = new SeriesId("run", "other", "/run");
  private static final SeriesId FOREIGN = new SeriesId("run.", "probe", "/run");
  private static final Instant AT = Instant.parse("2026-11-24T10:11:12Z");

  @TempDir private Path folder = Path.of("");

  private static List<RunEvent> read(RunRecords records, SeriesId series) throws Exception {
    List<RunEvent> events = new ArrayList<>();
    records.forEach(series, events::add);
    return events;
  }

  @Test
  void givesBackWhatWasKeptAndForgetsARunAlone() throws Exception {
    List<RunEvent> all = OneOfEachEvent.events();
    try (H2RunStore store = H2RunStore.in(folder)) {
      assertThat(store.series()).isEmpty();
      store.append(SERIES, all.subList(0, 4));
      store.append(SERIES, all.subList(4, all.size()));
      store.append(LATER, all.subList(0, 1));
      store.append(FOREIGN, all.subList(1, 2));
      store.begin(new SeriesId("begun", "probe", "/run"), "rules");
      store.keepDistances(SERIES, "id", Map.of());
    }
    try (H2RunStore store = H2RunStore.in(folder)) {
      assertThat(store.series()).containsExactly(SERIES, LATER, FOREIGN);
      assertThat(store.seriesOf("run")).containsExactly(SERIES, LATER);
      assertThat(read(store, SERIES)).isEqualTo(all);
      long bytes = 0;
      for (RunEvent event : all) {
        bytes += RunEventCodec.encode(event).length;
      }
      assertThat(store.bytes(SERIES)).isEqualTo(bytes);
      store.forget("run");
      assertThat(store.series()).containsExactly(FOREIGN);
      assertThat(read(store, SERIES)).isEmpty();
      store.append(SERIES, all.subList(2, 3));
      assertThat(read(store, SERIES)).isEqualTo(all.subList(2, 3));
    }
  }

  @Test
  void theEvaluationsThatAreOpenAreNamed() throws Exception {
    Checkpoint first = Checkpoint.ofFile("id-1", "/run/1", 1L);
    Checkpoint second = Checkpoint.ofFile("id-2", "/run/2", 2L);
    try (H2RunStore store = H2RunStore.in(folder)) {
      assertThat(store.openEvaluations()).isEmpty();
      store.append(SERIES, List.of(new RunEvent.EvaluationStarted("run", AT, first, true)));
      store.append(FOREIGN, List.of(new RunEvent.EvaluationStarted("run.", AT, second, true)));
      assertThat(store.openEvaluations()).containsExactlyInAnyOrder("id-1", "id-2");
      store.append(SERIES, List.of(new RunEvent.CheckpointFound("run", AT, second)));
      assertThat(store.openEvaluations()).contains("id-1");
      store.append(SERIES, List.of(new RunEvent.EvaluationFailed("run", AT, first, "a", "b")));
      assertThat(store.openEvaluations()).containsExactly("id-2");
    }
  }

  @Test
  void aFileOfANewerVersionIsRefused() throws Exception {
    try (H2RunStore store = H2RunStore.in(folder);
        Connection connection = DriverManager.getConnection(store.url());
        Statement statement = connection.createStatement()) {
      statement.execute("UPDATE \"format\" SET \"version\" = 2");
    }
    assertThatThrownBy(() -> H2RunStore.in(folder))
        .isInstanceOf(RunStoreException.class)
        .hasMessageContaining("journal.mv.db was written by a newer version")
        .hasMessageContaining("format 2");
  }

  @Test
  void anEventOfANewerVersionIsRefusedWithItsPlace() throws Exception {
    try (H2RunStore store = H2RunStore.in(folder);
        Connection connection = DriverManager.getConnection(store.url());
        Statement statement = connection.createStatement()) {
      store.append(SERIES, OneOfEachEvent.events().subList(0, 3));
      statement.execute(
          "UPDATE \"event_journal\" SET \"event_ser_manifest\" = 'RunPaused/1' WHERE"
              + " \"sequence_number\" = 2");
      assertThatThrownBy(() -> read(store, SERIES))
          .isInstanceOf(JournalDamagedException.class)
          .hasMessageContaining("event 2 of run run: no event is called \"RunPaused/1\"")
          .hasMessageContaining("newer version");
    }
  }

  /** Whatever bytes are lost, the message names the file and what to do, and changes nothing. */
  @Test
  void aDamagedFileIsNamed() throws Exception {
    Path file = H2RunStore.file(folder);
    Files.writeString(file, "this is no database, whatever its name says\n".repeat(400));
    byte[] before = Files.readAllBytes(file);
    assertThatThrownBy(() -> H2RunStore.in(folder))
        .isInstanceOf(RunStoreException.class)
        .hasMessageStartingWith(file + " is damaged")
        .hasMessageContaining("restore it from a backup");
    assertThat(Files.readAllBytes(file)).isEqualTo(before);

    Files.delete(file);
    try (H2RunStore store = H2RunStore.in(folder)) {
      for (int i = 0; i < 50; i++) {
        store.append(SERIES, OneOfEachEvent.events());
      }
    }
    byte[] whole = Files.readAllBytes(file);
    Arrays.fill(whole, 0, whole.length / 2, (byte) 7);
    Files.write(file, whole);
    assertThatThrownBy(() -> H2RunStore.in(folder))
        .isInstanceOf(RunStoreException.class)
        .hasMessageStartingWith(file + " is damaged");
  }

  /** The database calls it an error of its own, as it calls a damaged file. */
  @Test
  void aFullDiskIsNoDamage() throws Exception {
    FullDisk.register();
    String base = FullDisk.SCHEME + ":" + folder.resolve("journal");
    try (H2RunStore store = H2RunStore.at(base)) {
      store.begin(SERIES, "rules");
      FullDisk.setFull(true);
      for (int i = 0; i < 4; i++) {
        assertThatThrownBy(
                () ->
                    store.keepDistances(SERIES, "id", Map.of(Reference.TRAIN, new double[4 << 10])))
            .isInstanceOf(RunStoreException.class)
            .hasMessageContaining("No space left on device")
            .hasMessageContaining("make room")
            .hasMessageNotContaining("damaged");
      }
    } finally {
      FullDisk.setFull(false);
    }
  }

  @Test
  void aFileThatCannotBeWrittenIsNamed() throws Exception {
    H2RunStore.in(folder).close();
    Path file = H2RunStore.file(folder);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
    if (Files.isWritable(file)) {
      return; // the superuser may
    }
    assertThatThrownBy(() -> H2RunStore.in(folder))
        .isInstanceOf(RunStoreException.class)
        .hasMessageStartingWith(file + " cannot be written");
  }

  @Test
  void aPlaceThatH2CannotNameIsRefused() {
    assertThatThrownBy(() -> H2RunStore.in(folder.resolve("a;TRACE_LEVEL_FILE=4")))
        .isInstanceOf(RunStoreException.class)
        .hasMessageContaining("semicolon");
  }

  @Test
  void whatWasOverwrittenIsRemovedWhenItIsOpenedAgain() throws Exception {
    Path killed = Files.createDirectory(folder.resolve("killed"));
    List<RunEvent> all = OneOfEachEvent.events();
    try (H2RunStore store = H2RunStore.in(folder)) {
      store.append(SERIES, all);
      double[] values = new SplittableRandom(1).doubles(1 << 17).toArray();
      for (int i = 0; i < 40; i++) {
        store.keepDistances(SERIES, "id", Map.of(Reference.TRAIN, values));
      }
      // As a process leaves it that is killed: closing tidies up as far as it is quick.
      Files.copy(H2RunStore.file(folder), H2RunStore.file(killed));
    }
    Path file = H2RunStore.file(killed);
    long before = Files.size(file);
    try (H2RunStore store = H2RunStore.in(killed)) {
      assertThat(read(store, SERIES)).isEqualTo(all);
      assertThat(store.distances(SERIES, "id").get(Reference.TRAIN)).hasSize(1 << 17);
    }
    assertThat(before).isGreaterThan(20 << 20);
    assertThat(Files.size(file)).isLessThan(8 << 20);
  }

  /** A start that was killed while it made the tables. */
  @Test
  void halfMadeTablesAreMadeAnew() throws Exception {
    try (H2RunStore store = H2RunStore.in(folder);
        Connection connection = DriverManager.getConnection(store.url());
        Statement statement = connection.createStatement()) {
      statement.execute("DROP TABLE \"format\"");
      statement.execute("DROP TABLE \"snapshot\"");
    }
    try (H2RunStore store = H2RunStore.in(folder)) {
      store.append(SERIES, OneOfEachEvent.events());
      assertThat(read(store, SERIES)).hasSameSizeAs(OneOfEachEvent.events());
    }
  }
}
