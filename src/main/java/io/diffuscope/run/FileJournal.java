package io.diffuscope.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A journal in a file, {@code <folder>/<run id>/<probe id>-<source>.jsonl}: a first line that says
 * whose it is, then one line of JSON for each batch of events. A batch is written and forced to the
 * disk at once, so that a process that is killed leaves whole batches and at most one torn line at
 * the end, which is cut off when the journal is read.
 *
 * <p>Another probe is another series and has a file of its own; so has another source, since
 * checkpoints are known by their paths.
 */
public final class FileJournal implements RunJournal {
  private static final Logger log = LoggerFactory.getLogger(FileJournal.class);
  private static final int FORMAT = 1;
  private static final int LONGEST_LINE = 256 << 20;
  private static final String SUFFIX = ".jsonl";

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .addModule(new JavaTimeModule())
          .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
          .build();

  /** The names in the file; nothing else is ever made of it. */
  private static final Map<String, Class<?>> EVENTS =
      Stream.of(RunEvent.class.getPermittedSubclasses())
          .collect(Collectors.toUnmodifiableMap(Class::getSimpleName, Function.identity()));

  /** The first line. */
  private record Header(int format, String run, String probe, String source) {}

  /** Opens the file for writing, so that what was written is on the disk when a write returns. */
  @FunctionalInterface
  interface Opener {
    SeekableByteChannel open(Path file) throws IOException;
  }

  private final Path file;
  private final Header header;
  private final Opener opener;
  private @Nullable SeekableByteChannel channel;

  /** Length of what is known to be whole; what lies behind it is overwritten. */
  private long length;

  private int line;

  private FileJournal(Path file, Header header, Opener opener) {
    this.file = file;
    this.header = header;
    this.opener = opener;
  }

  /**
   * The journal of a run.
   *
   * @param folder of all journals; need not exist
   * @param probe id of what is measured with
   * @param source where the run's checkpoints come from, as a text that stays the same
   */
  public static FileJournal in(Path folder, String run, String probe, String source) {
    return in(folder, run, probe, source, FileJournal::openSynchronous);
  }

  static FileJournal in(Path folder, String run, String probe, String source, Opener opener) {
    // Ids may be "." or "..", which are no names of folders; no id has a percent sign.
    String name = run.matches("\\.+") ? run.replace(".", "%2E") : run;
    CRC32C sum = new CRC32C();
    sum.update(source.getBytes(StandardCharsets.UTF_8));
    Path file = folder.resolve(name).resolve("%s-%08x%s".formatted(probe, sum.getValue(), SUFFIX));
    return new FileJournal(file, new Header(FORMAT, run, probe, source), opener);
  }

  private static SeekableByteChannel openSynchronous(Path file) throws IOException {
    return FileChannel.open(
        file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.DSYNC);
  }

  /** The file, which exists once something was appended. */
  public Path file() {
    return file;
  }

  @Override
  public List<RunEvent> read() throws IOException {
    length = 0;
    line = 0;
    List<RunEvent> events = new ArrayList<>();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int next = in.read(); next >= 0; next = in.read()) {
        if (next != '\n') {
          bytes.write(next);
          if (bytes.size() > LONGEST_LINE) {
            throw damaged(new IOException("the line is longer than any that was written"));
          }
          continue;
        }
        try {
          events.addAll(line == 0 ? header(bytes) : batch(bytes));
        } catch (IOException | IllegalArgumentException e) {
          in.mark(1);
          if (in.read() >= 0) {
            throw damaged(e);
          }
          break; // the last line, torn although its end is there
        }
        line++;
        length += bytes.size() + 1L;
        bytes.reset();
      }
    } catch (NoSuchFileException e) {
      return List.of();
    }
    long torn = Files.size(file) - length;
    if (torn > 0) {
      log.warn(
          "{}: the last line was not written to its end (the program or the machine was stopped);"
              + " its {} bytes are cut off",
          file,
          torn);
    }
    return events;
  }

  /**
   * Identities of the checkpoints whose evaluation was open when the journals of a folder ended:
   * what may still be held for them is not left over. A journal that cannot be read names none; its
   * run tells why.
   */
  public static Set<String> openEvaluations(Path folder) {
    Set<String> open = new HashSet<>();
    if (!Files.isDirectory(folder)) {
      return open; // nothing was kept yet
    }
    try (Stream<Path> files = Files.walk(folder, 2)) {
      files
          .filter(file -> file.toString().endsWith(SUFFIX))
          .forEach(file -> openEvaluation(file).ifPresent(open::add));
    } catch (IOException | UncheckedIOException e) {
      log.warn(
          "the journals in {} cannot be listed ({}): what is held for them is removed", folder, e);
    }
    return open;
  }

  private static Optional<String> openEvaluation(Path file) {
    try {
      String open = null;
      FileJournal journal = new FileJournal(file, headerOf(file), FileJournal::openSynchronous);
      for (RunEvent event : journal.read()) {
        open =
            switch (event) {
              case RunEvent.EvaluationStarted e -> e.checkpoint().identity();
              case RunEvent.EvaluationCompleted e -> null;
              case RunEvent.EvaluationFailed e -> null;
              case RunEvent.EvaluationPostponed e -> null;
              case RunEvent.RunEnded e -> null;
              default -> open;
            };
      }
      return Optional.ofNullable(open);
    } catch (IOException | UncheckedIOException e) {
      log.debug("{} cannot be read", file, e);
      return Optional.empty();
    }
  }

  /** The first line of a journal, whosever it is. */
  private static Header headerOf(Path file) throws IOException {
    try (Stream<String> lines = Files.lines(file)) {
      return JSON.readValue(lines.findFirst().orElse("{}"), Header.class);
    }
  }

  private List<RunEvent> header(ByteArrayOutputStream bytes) throws IOException {
    Header found = JSON.readValue(bytes.toByteArray(), Header.class);
    if (!header.equals(found)) {
      throw new IOException("it says %s, and not %s".formatted(found, header));
    }
    return List.of();
  }

  private List<RunEvent> batch(ByteArrayOutputStream bytes) throws IOException {
    JsonNode batch = JSON.readTree(bytes.toByteArray());
    if (batch == null || !batch.isArray()) {
      throw new IOException("no list of events");
    }
    List<RunEvent> events = new ArrayList<>();
    for (JsonNode entry : batch) {
      String name = entry.isObject() && entry.size() == 1 ? entry.fieldNames().next() : "";
      Class<?> type = EVENTS.get(name);
      if (type == null) {
        throw new IOException("no event is called \"%s\"".formatted(name));
      }
      if (!(JSON.treeToValue(entry.get(name), type) instanceof RunEvent event)
          || !header.run.equals(event.run())) {
        throw new IOException("an event of another run, or of none");
      }
      events.add(event);
    }
    return events;
  }

  private JournalDamagedException damaged(Exception cause) {
    String reason =
        cause instanceof JsonProcessingException e
            ? e.getOriginalMessage()
            : String.valueOf(cause.getMessage());
    return new JournalDamagedException(
        "%s: line %d of the run's journal is damaged (%s); restore the file from a backup, or move it away to evaluate the run anew"
            .formatted(file, line + 1, reason),
        cause);
  }

  @Override
  public void append(List<RunEvent> batch) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    if (length == 0) {
      bytes.write(JSON.writeValueAsBytes(header));
      bytes.write('\n');
    }
    ArrayNode line = JSON.createArrayNode();
    for (RunEvent event : batch) {
      line.addObject().set(event.getClass().getSimpleName(), JSON.valueToTree(event));
    }
    bytes.write(JSON.writeValueAsBytes(line));
    bytes.write('\n');
    write(ByteBuffer.wrap(bytes.toByteArray()));
  }

  private void write(ByteBuffer bytes) throws IOException {
    int size = bytes.remaining();
    try {
      SeekableByteChannel open = opened();
      if (open.size() > length) {
        open.truncate(length);
      }
      open.position(length);
      while (bytes.hasRemaining()) {
        open.write(bytes);
      }
      length += size;
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  private SeekableByteChannel opened() throws IOException {
    SeekableByteChannel known = channel;
    if (known == null) {
      Path folder = file.toAbsolutePath().getParent();
      boolean isNew = !Files.exists(file);
      if (folder != null) {
        Files.createDirectories(folder);
      }
      known = opener.open(file);
      channel = known;
      if (isNew && folder != null) {
        force(folder);
      }
    }
    return known;
  }

  /** The name of a new file must survive as well as its content. */
  private static void force(Path folder) {
    try (FileChannel directory = FileChannel.open(folder, StandardOpenOption.READ)) {
      directory.force(true);
    } catch (IOException e) {
      log.debug("{} cannot be forced to the disk; its file system does so by itself", folder, e);
    }
  }

  @Override
  public void close() {
    SeekableByteChannel open = channel;
    channel = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        log.debug("{} did not close", file, e);
      }
    }
  }

  @Override
  public @Nullable String news() {
    Path folder = file.getParent();
    if (folder == null || Files.exists(file) || !Files.isDirectory(folder)) {
      return null;
    }
    try (Stream<Path> files = Files.list(folder)) {
      Optional<Path> latest =
          files
              .filter(other -> other.toString().endsWith(SUFFIX))
              .max(Comparator.comparingLong(other -> other.toFile().lastModified()));
      return latest.isPresent() ? change(latest.get()) : null;
    } catch (IOException e) {
      return null; // the same folder is about to be written to, which tells more
    }
  }

  private String change(Path other) throws IOException {
    Header before = headerOf(other);
    boolean moved = header.probe.equals(before.probe);
    return "a new series begins: %s; the earlier one stays in %s, and this one is not compared with it"
        .formatted(
            moved
                ? "the checkpoints come from %s now, and came from %s"
                    .formatted(header.source, before.source)
                : "it is measured with probe %s now (other data, network, samples or noise), and was with %s"
                    .formatted(header.probe, before.probe),
            other);
  }
}
