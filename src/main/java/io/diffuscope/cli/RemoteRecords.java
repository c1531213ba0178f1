package io.diffuscope.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.run.JournalDamagedException;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.SeriesId;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** The records of a data directory that a running monitor has, asked of it. */
final class RemoteRecords implements OpenRecords {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Duration LONG_PATIENCE = Duration.ofMinutes(10);
  private static final int OK = 200;

  private final DataDirectory.Owner owner;
  private final HttpClient client = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
  private final Map<SeriesId, Long> bytes = new HashMap<>();

  RemoteRecords(DataDirectory.Owner owner) {
    this.owner = owner;
  }

  @Override
  public List<SeriesId> series() throws IOException {
    List<SeriesId> all = new ArrayList<>();
    try (InputStream body = send(request("api/v1/series").GET().build())) {
      for (JsonNode entry : JSON.readTree(body).path("series")) {
        SeriesId series =
            new SeriesId(
                entry.path("run").asText(),
                entry.path("probe").asText(),
                entry.path("source").asText());
        all.add(series);
        bytes.put(series, entry.path("bytes").asLong());
      }
    }
    return all;
  }

  @Override
  public void forEach(SeriesId series, Consumer<RunEvent> told) throws IOException {
    // All of it is taken before any of it is told: a person may look at the first page for an hour,
    // and the monitor does not wait so long.
    try (TemporaryFolder folder = TemporaryFolder.create("diffuscope-history-")) {
      Path taken = folder.path().resolve("events.jsonl");
      take(series, send(request(historyOf(series)).GET().build()), taken);
      int number = 0;
      try (BufferedReader lines = Files.newBufferedReader(taken)) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          number++;
          told.accept(event(series, number, line));
        }
      }
    }
  }

  private static String historyOf(SeriesId series) {
    return "api/v1/runs/%s/history?probe=%s&source=%s"
        .formatted(series.run(), quoted(series.probe()), quoted(series.source()));
  }

  private void take(SeriesId series, InputStream body, Path target) throws CannotServeException {
    try (body) {
      Files.copy(body, target);
    } catch (IOException e) {
      throw new CannotServeException(
          "what the monitor at %s tells of run %s could not be taken to its end (%s): ask again; its log may say more"
              .formatted(owner.uri(), series.run(), e),
          e);
    }
  }

  private RunEvent event(SeriesId series, int number, String line) throws IOException {
    try {
      return RunEventCodec.fromJson(line);
    } catch (IOException e) {
      throw new JournalDamagedException(
          "event %d of run %s, as the monitor at %s tells it: %s"
              .formatted(number, series.run(), owner.uri(), e.getMessage()),
          e);
    }
  }

  @Override
  public long bytes(SeriesId series) {
    return bytes.getOrDefault(series, 0L);
  }

  @Override
  public Set<String> watched() throws IOException {
    Set<String> ids = new HashSet<>();
    try (InputStream body = send(request("api/v1/runs?points=1").GET().build())) {
      JSON.readTree(body).path("runs").forEach(run -> ids.add(run.path("run").asText()));
    }
    return ids;
  }

  @Override
  public void forget(String run) throws IOException {
    send(authorized("api/v1/runs/" + run).DELETE().build()).close();
  }

  @Override
  public void restore(SeriesId series, List<RunEvent> events) throws IOException {
    try (TemporaryFolder folder = TemporaryFolder.create("diffuscope-restore-")) {
      Path lines = folder.path().resolve("events.jsonl");
      try (BufferedWriter out = Files.newBufferedWriter(lines)) {
        for (RunEvent event : events) {
          out.write(RunEventCodec.toJson(event));
          out.write('\n');
        }
      }
      HttpRequest request =
          authorized(historyOf(series))
              .timeout(LONG_PATIENCE)
              .POST(HttpRequest.BodyPublishers.ofFile(lines))
              .build();
      send(request).close();
    }
  }

  private HttpRequest.Builder authorized(String path) {
    return request(path).header("Authorization", "Bearer " + owner.token());
  }

  private static String quoted(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(owner.uri() + path)).timeout(PATIENCE);
  }

  private InputStream send(HttpRequest request) throws IOException {
    HttpResponse<InputStream> response;
    try {
      response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (IOException e) {
      throw new CannotServeException(
          "the monitor that has the data directory (%s) does not answer at %s: %s"
              .formatted(owner.text(), owner.uri(), e),
          e);
    }
    if (response.statusCode() != OK) {
      try (InputStream body = response.body()) {
        throw new CannotServeException(
            "the monitor at %s refused: %s"
                .formatted(owner.uri(), reason(body, response.statusCode())));
      }
    }
    return response.body();
  }

  /** Its own sentence, where the answer is this program's. */
  private static String reason(InputStream body, int status) throws IOException {
    try {
      JsonNode error = JSON.readTree(body).path("error");
      return error.isTextual() ? error.asText() : "status " + status;
    } catch (JsonProcessingException e) {
      return "status " + status;
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
