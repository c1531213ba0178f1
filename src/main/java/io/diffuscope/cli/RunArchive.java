package io.diffuscope.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.RunRecords;
import io.diffuscope.run.SeriesId;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * A backup: what {@code history --format jsonl} prints of every run, compressed by gzip. It depends
 * on no database, and is whole where its last line says so.
 */
final class RunArchive {
  private static final ObjectMapper JSON = new ObjectMapper();

  private RunArchive() {}

  /** The line before the events of a series. */
  static String headerOf(SeriesId series) {
    Map<String, String> object = new LinkedHashMap<>();
    object.put("run", series.run());
    object.put("probe", series.probe());
    object.put("source", series.source());
    try {
      return JSON.writeValueAsString(Map.of("series", object));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("texts always have a JSON form", e);
    }
  }

  /**
   * Writes all records to a stream, which stays open.
   *
   * @return how many series there are
   */
  static int write(RunRecords records, OutputStream stream) throws IOException {
    int written = 0;
    GZIPOutputStream gzip = new GZIPOutputStream(stream);
    BufferedWriter out = new BufferedWriter(new OutputStreamWriter(gzip, StandardCharsets.UTF_8));
    try {
      for (SeriesId series : records.series()) {
        line(out, headerOf(series));
        records.forEach(series, event -> line(out, RunEventCodec.toJson(event)));
        written++;
      }
      line(out, "{\"end\":%d}".formatted(written));
    } catch (UncheckedIOException e) {
      throw e.getCause() == null ? new IOException(e) : e.getCause();
    }
    out.flush();
    gzip.finish();
    return written;
  }

  private static void line(BufferedWriter out, String text) {
    try {
      out.write(text);
      out.write('\n');
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What became of a backup. */
  record Restored(List<String> added, List<String> left) {}

  /** A series under way from the archive into a store. */
  private record Part(SeriesId series, List<RunEvent> events) {}

  /**
   * Adds the runs that are not recorded; those that are stay as they are. Nothing is added of a
   * backup that is not whole.
   *
   * @throws BadInputException if it is no backup, or not to its end
   */
  static Restored restore(Path file, OpenRecords records) throws IOException {
    Set<String> known = new HashSet<>(records.watched());
    records.series().forEach(series -> known.add(series.run()));
    List<String> added = new ArrayList<>();
    List<String> left = new ArrayList<>();
    each(file, part -> {});
    each(
        file,
        part -> {
          String run = part.series.run();
          if (known.contains(run)) {
            left.add(run);
          } else {
            records.restore(part.series, part.events);
            added.add(run);
          }
        });
    return new Restored(added.stream().distinct().toList(), left.stream().distinct().toList());
  }

  private interface Told {
    void of(Part part) throws IOException;
  }

  private static void each(Path file, Told told) throws IOException {
    int line = 0;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      @Nullable Part part = null;
      int parts = 0;
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        line++;
        if (text.startsWith("{\"series\"") || text.startsWith("{\"end\"")) {
          if (part != null) {
            told.of(part);
            parts++;
          }
          JsonNode entry = JSON.readTree(text);
          if (entry.has("end")) {
            if (entry.path("end").asInt(-1) != parts) {
              throw new IOException("series are missing");
            }
            return;
          }
          JsonNode series = entry.path("series");
          part =
              new Part(
                  new SeriesId(
                      series.path("run").asText(),
                      series.path("probe").asText(),
                      series.path("source").asText()),
                  new ArrayList<>());
        } else {
          if (part == null) {
            throw new IOException("an event before any series");
          }
          part.events.add(RunEventCodec.fromJson(text));
        }
      }
      throw new IOException("it ends too early");
    } catch (NoSuchFileException e) {
      throw new BadInputException(file, Reason.VANISHED, "there is no such file");
    } catch (IOException e) {
      if (Records.failed(e)) {
        throw e;
      }
      throw new BadInputException(
          file,
          Reason.MALFORMED,
          "no whole backup of diffuscope (line %d: %s)".formatted(line, e.getMessage()));
    }
  }
}
