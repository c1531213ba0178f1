package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a journal gives back after every kind of end of the process that wrote it. */
class FileJournalTest {
  @TempDir private Path folder = Path.of("");

  /** Batches of a run with something of everything. */
  private static List<List<RunEvent>> batches() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    List<List<RunEvent>> batches = new ArrayList<>();
    int seen = 0;
    for (Runnable action :
        List.<Runnable>of(
            run::begin,
            () -> run.find(RunMachine.written(10, 1)),
            () -> run.complete(RunMachine.written(10, 1), RunMachine.copies(Double.NaN)),
            () -> run.find(RunMachine.checkpoint(null)),
            () -> run.passOver("/run/\u00fc \"cut\"\n"),
            () -> run.complete(RunMachine.checkpoint(null), RunMachine.copies(1e-300)),
            () -> run.find(RunMachine.written(20, 2)),
            () -> run.fail(20),
            run::end)) {
      action.run();
      batches.add(List.copyOf(run.events().subList(seen, run.events().size())));
      seen = run.events().size();
    }
    batches.removeIf(List::isEmpty);
    return batches;
  }

  private static List<RunEvent> flat(List<List<RunEvent>> batches) {
    return batches.stream().flatMap(List::stream).toList();
  }

  private FileJournal journal() {
    return FileJournal.in(folder, "run", "probe", "/run");
  }

  private FileJournal written(List<List<RunEvent>> batches) throws Exception {
    FileJournal journal = journal();
    assertThat(journal.read()).isEmpty();
    for (List<RunEvent> batch : batches) {
      journal.append(batch);
    }
    return journal;
  }

  @Test
  void givesBackWhatWasWritten() throws Exception {
    List<List<RunEvent>> batches = batches();
    FileJournal written = written(batches);
    assertThat(journal().read()).isEqualTo(flat(batches)).hasSizeGreaterThan(10);
    assertThat(Files.readString(written.file()).lines()).hasSize(batches.size() + 1);
  }

  /** What was being evaluated when the program was killed may still be held for it. */
  @Test
  void theEvaluationThatWasOpenAtTheEndIsNamed() throws Exception {
    assertThat(FileJournal.openEvaluations(folder.resolve("none"))).isEmpty();
    List<RunEvent> kept = new ArrayList<>();
    String open = null;
    for (List<RunEvent> batch : batches()) {
      for (RunEvent event : batch) {
        if (event instanceof RunEvent.EvaluationStarted started) {
          open = started.checkpoint().identity();
          kept.add(event);
          Files.deleteIfExists(journal().file());
          written(List.of(kept));
          assertThat(FileJournal.openEvaluations(folder)).containsExactly(open);
        } else if (event instanceof RunEvent.EvaluationCompleted
            || event instanceof RunEvent.EvaluationFailed) {
          kept.add(event);
          Files.deleteIfExists(journal().file());
          written(List.of(kept));
          assertThat(FileJournal.openEvaluations(folder)).isEmpty();
        } else {
          kept.add(event);
        }
      }
    }
    assertThat(open).isNotNull();
  }

  /** A process that is killed, or a machine that loses power, may stop the write anywhere. */
  @Test
  void aLastBatchThatWasCutAnywhereIsGoneAsAWholeAndTheNextOneIsWrittenInItsPlace()
      throws Exception {
    List<List<RunEvent>> batches = batches();
    int last = batches.size() - 1;
    Path file = written(batches.subList(0, last)).file();
    int before = (int) Files.size(file);
    journalAfter(batches.subList(0, last)).append(batches.get(last));
    byte[] whole = Files.readAllBytes(file);
    List<RunEvent> kept = flat(batches.subList(0, last));
    for (int length = before; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      FileJournal journal = journal();
      assertThat(journal.read()).as("cut at %d", length).isEqualTo(kept);
      journal.append(batches.get(last));
      assertThat(Files.readAllBytes(file)).isEqualTo(whole);
    }
    // A file system may give blocks that were never written as zeros.
    Files.write(file, Arrays.copyOf(Arrays.copyOf(whole, before + 9), whole.length));
    assertThat(journal().read()).isEqualTo(kept);
    byte[] hole = whole.clone();
    Arrays.fill(hole, before, whole.length - 9, (byte) 0);
    Files.write(file, hole);
    assertThat(journal().read()).isEqualTo(kept);
  }

  @Test
  void aFirstLineThatWasCutAnywhereBeginsAnew() throws Exception {
    List<List<RunEvent>> batches = batches();
    Path file = written(batches.subList(0, 1)).file();
    byte[] whole = Files.readAllBytes(file);
    int header = Files.readString(file).indexOf('\n');
    for (int length = 0; length <= header; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      FileJournal journal = journal();
      assertThat(journal.read()).isEmpty();
      journal.append(batches.getFirst());
      assertThat(Files.readAllBytes(file)).isEqualTo(whole);
    }
  }

  private FileJournal journalAfter(List<List<RunEvent>> batches) throws Exception {
    FileJournal journal = journal();
    assertThat(journal.read()).isEqualTo(flat(batches));
    return journal;
  }

  @Test
  void aDamagedLineInTheMiddleIsNamedAndNothingIsChanged() throws Exception {
    Path file = written(batches()).file();
    List<String> lines = Files.readAllLines(file);
    for (String damage :
        List.of(
            lines.get(2).substring(0, 20),
            "",
            "null",
            "{}",
            "[{}]",
            "[{\"java.lang.Runtime\":{}}]",
            "[{\"RunResumed\":null}]",
            "[{\"RunResumed\":{\"run\":\"another\",\"at\":\"2026-11-22T10:11:12Z\"}}]")) {
      List<String> damaged = new ArrayList<>(lines);
      damaged.set(2, damage);
      Files.write(file, damaged);
      byte[] before = Files.readAllBytes(file);
      assertThatThrownBy(() -> journal().read())
          .as(damage)
          .isInstanceOf(JournalDamagedException.class)
          .hasMessageContaining(file + ": line 3 ")
          .hasMessageContaining("move it away");
      assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }
  }

  @Test
  void aFileOfAnotherRunIsRefused() throws Exception {
    Path file = written(batches()).file();
    Files.writeString(
        file, Files.readString(file).replaceFirst("\"probe\":\"probe\"", "\"probe\":\"x\""));
    assertThatThrownBy(() -> journal().read())
        .isInstanceOf(JournalDamagedException.class)
        .hasMessageContaining("line 1 ");
  }

  @Test
  void anotherProbeOrSourceBeginsASeriesOfItsOwnAndSaysSo() throws Exception {
    List<List<RunEvent>> batches = batches();
    FileJournal first = journal();
    assertThat(first.news()).isNull();
    first.read();
    batches.forEach(batch -> append(first, batch));
    assertThat(journal().news()).as("goes on").isNull();

    FileJournal other = FileJournal.in(folder, "run", "probe-2", "/run");
    assertThat(other.news())
        .contains(
            "a new series begins", "probe probe-2", "was with probe", first.file().toString());
    assertThat(other.read()).isEmpty();
    FileJournal moved = FileJournal.in(folder, "run", "probe", "/moved");
    assertThat(moved.news()).contains("from /moved now", "came from /run");
    assertThat(moved.read()).isEmpty();
    assertThat(FileJournal.in(folder, "run-2", "probe", "/run").news()).isNull();
  }

  private static void append(RunJournal journal, List<RunEvent> batch) {
    try {
      journal.append(batch);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void noIdLeadsOutOfTheFolder() {
    for (String id : List.of(".", "..", "...", "a..b")) {
      Path file = FileJournal.in(folder, id, "probe", "/run").file();
      assertThat(file.normalize()).as(id).isEqualTo(file);
      assertThat(folder.relativize(file).getNameCount()).as(id).isEqualTo(2);
    }
  }

  /** A disk that is full after so many bytes, and takes the first part of what does not fit. */
  private static final class SmallDisk implements FileJournal.Opener {
    private long free;

    @Override
    public SeekableByteChannel open(Path file) throws IOException {
      FileChannel real =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      return new Small(real);
    }

    private final class Small implements SeekableByteChannel {
      private final FileChannel real;

      Small(FileChannel real) {
        this.real = real;
      }

      @Override
      public int write(ByteBuffer bytes) throws IOException {
        int fits = (int) Math.min(free, bytes.remaining());
        if (fits == 0) {
          throw new IOException("No space left on device");
        }
        ByteBuffer part = bytes.slice(bytes.position(), fits);
        int written = real.write(part);
        bytes.position(bytes.position() + written);
        free -= written;
        return written;
      }

      @Override
      public int read(ByteBuffer bytes) throws IOException {
        return real.read(bytes);
      }

      @Override
      public long position() throws IOException {
        return real.position();
      }

      @Override
      public SeekableByteChannel position(long position) throws IOException {
        real.position(position);
        return this;
      }

      @Override
      public long size() throws IOException {
        return real.size();
      }

      @Override
      public SeekableByteChannel truncate(long size) throws IOException {
        free += real.size() - size;
        real.truncate(size);
        return this;
      }

      @Override
      public boolean isOpen() {
        return real.isOpen();
      }

      @Override
      public void close() throws IOException {
        real.close();
      }
    }
  }

  @Test
  void aFullDiskIsToldOnceAndWhatWaitedIsWrittenWhenThereIsRoom() throws Exception {
    List<List<RunEvent>> batches = batches();
    long needed = Files.size(written(batches).file());
    byte[] whole = Files.readAllBytes(journal().file());
    for (long room = 0; room < needed; room += 97) {
      Files.delete(journal().file());
      SmallDisk disk = new SmallDisk();
      disk.free = room;
      FileJournal journal = FileJournal.in(folder, "run", "probe", "/run", disk);
      assertThat(journal.read()).isEmpty();
      List<JournalNews> told = new ArrayList<>();
      Recording recording = new Recording("run", journal, false, news -> hear(news, told));
      batches.forEach(recording::add);
      assertThat(told).singleElement().satisfies(news -> assertThat(news.problem()).isTrue());
      assertThat(told.getFirst().message()).contains("No space left on device", "make room");
      assertThat(recording.retry()).isFalse();
      assertThat(told).as("said once").hasSize(1);
      // Whoever reads it now finds whole batches, in order.
      List<RunEvent> kept = journal().read();
      assertThat(flat(batches).subList(0, kept.size())).isEqualTo(kept);

      disk.free = Long.MAX_VALUE / 2;
      assertThat(recording.retry()).isTrue();
      assertThat(told).hasSize(2);
      assertThat(told.getLast().problem()).isFalse();
      assertThat(Files.readAllBytes(journal().file())).isEqualTo(whole);
    }
  }

  private static void hear(RunNotification notification, List<JournalNews> told) {
    if (notification instanceof JournalNews news) {
      told.add(news);
    }
  }

  @Test
  void onlySoManyEventsWaitForAFullDiskAndTheJournalEndsWithThem() throws Exception {
    SmallDisk disk = new SmallDisk();
    FileJournal journal = FileJournal.in(folder, "run", "probe", "/run", disk);
    List<RunNotification> told = new ArrayList<>();
    Recording recording = new Recording("run", journal, false, told::add);
    List<RunEvent> events = new ArrayList<>();
    for (long step = 1; step <= Recording.MOST_PENDING + 50; step++) {
      events.add(new RunEvent.CheckpointFound("run", Instant.EPOCH, RunMachine.checkpoint(step)));
    }
    events.forEach(event -> recording.add(List.of(event)));

    assertThat(backlogs(told)).extracting(JournalBacklog::pending).isSorted();
    assertThat(backlogs(told).getLast().pending()).isEqualTo(Recording.MOST_PENDING);
    assertThat(backlogs(told).stream().mapToInt(JournalBacklog::lost).sum()).isEqualTo(50);
    assertThat(backlogs(told).stream().filter(JournalBacklog::failed))
        .as("what is lost is not tried")
        .hasSize(Recording.MOST_PENDING);
    assertThat(told)
        .filteredOn(JournalNews.class::isInstance)
        .extracting(news -> ((JournalNews) news).message())
        .satisfiesExactly(
            full -> assertThat(full).contains("No space left"),
            many -> assertThat(many).contains("more than 10000 events", "not kept", "make room"));

    disk.free = Long.MAX_VALUE / 2;
    assertThat(recording.retry()).isTrue();
    assertThat(backlogs(told).getLast().pending()).isZero();
    recording.add(List.of(events.getLast()));
    assertThat(journal().read())
        .as("no gap in it")
        .isEqualTo(events.subList(0, Recording.MOST_PENDING));
    assertThat(backlogs(told).getLast().lost()).isEqualTo(1);
  }

  private static List<JournalBacklog> backlogs(List<RunNotification> told) {
    return told.stream()
        .filter(JournalBacklog.class::isInstance)
        .map(JournalBacklog.class::cast)
        .toList();
  }

  @Test
  void aFolderThatIsAFileIsToldAndTriedAgain() throws Exception {
    Path blocked = Files.writeString(folder.resolve("blocked"), "");
    FileJournal journal = FileJournal.in(blocked, "run", "probe", "/run");
    List<JournalNews> told = new ArrayList<>();
    Recording recording = new Recording("run", journal, false, news -> hear(news, told));
    List<List<RunEvent>> batches = batches();
    batches.forEach(recording::add);
    assertThat(told).hasSize(1);
    Files.delete(blocked);
    assertThat(recording.retry()).isTrue();
    assertThat(FileJournal.in(blocked, "run", "probe", "/run").read()).isEqualTo(flat(batches));
  }

  @Test
  void aStartWithNothingNewLeavesNoTrace() throws Exception {
    List<List<RunEvent>> batches = batches();
    FileJournal journal = written(batches);
    String before = Files.readString(journal.file(), StandardCharsets.UTF_8);
    RunEvent ended = flat(batches).getLast();
    RunEvent resumed = new RunEvent.RunResumed("run", ended.at());
    RunEvent started = flat(batches).getFirst();
    Recording recording = new Recording("run", journal, true, news -> {});
    List.of(resumed, started, ended).forEach(event -> recording.add(List.of(event)));
    assertThat(journal.file()).hasContent(before);

    // The first event that is worth it brings the others along.
    Recording eventful = new Recording("run", journal, true, news -> {});
    List<RunEvent> more = new ArrayList<>(List.of(resumed, started));
    more.add(new RunEvent.CheckpointFound("run", ended.at(), RunMachine.checkpoint(99L)));
    more.add(ended);
    more.forEach(event -> eventful.add(List.of(event)));
    List<RunEvent> all = new ArrayList<>(flat(batches));
    all.addAll(more);
    assertThat(journal().read()).isEqualTo(all);
  }
}
