package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import io.diffuscope.publish.MetricsPublisher;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.H2RunStore;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.SeriesId;
import io.diffuscope.web.BearerToken;
import io.diffuscope.web.HttpServer;
import io.diffuscope.web.Readiness;
import io.diffuscope.web.RecordChanges;
import io.diffuscope.web.RunBoard;
import io.diffuscope.web.WebSettings;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is recorded, asked of a monitor over HTTP. */
class RemoteRecordsTest {
  private static final String TOKEN = "0123456789abcdef0123456789abcdef";
  private static final SeriesId SERIES = new SeriesId("7", "probe", "/a b&c=d/\u00fc?#%");
  private static final List<RunEvent> EVENTS =
      List.of(
          RunEvents.started("7"),
          RunEvents.found("7", 10L),
          RunEvents.completed("7", 10L, true, RunEvents.everything()));

  @TempDir private Path folder = Path.of("");
  private final ActorTestKit kit = ActorTestKit.create();
  private final List<String> forgotten = new ArrayList<>();
  private final Map<SeriesId, List<RunEvent>> restored = new HashMap<>();
  private final RunBoard board = RunBoard.create();
  private URI uri = URI.create("http://localhost/");
  private RunStore store = RunStore.NONE;

  @BeforeEach
  void serve() throws Exception {
    store = H2RunStore.in(folder);
    store.append(SERIES, EVENTS);
    uri =
        HttpServer.bind(
                kit.system(),
                WebSettings.loopback(0),
                MetricsPublisher.create(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1"),
                board,
                () -> new Readiness(List.of()),
                (run, told) -> CompletableFuture.failedFuture(new AssertionError("not asked")),
                EvidenceStore.NONE,
                store,
                BearerToken.of(TOKEN),
                new Changes())
            .toCompletableFuture()
            .get(30, TimeUnit.SECONDS)
            .uri();
  }

  /** In place of the monitor's. */
  private final class Changes implements RecordChanges {
    @Override
    public CompletableFuture<Outcome> forget(String run) {
      forgotten.add(run);
      return CompletableFuture.completedFuture(
          run.equals("live")
              ? new Outcome.Refused("run \"live\" is being watched")
              : new Outcome.Done());
    }

    @Override
    public CompletableFuture<Outcome> restore(SeriesId series, List<RunEvent> events) {
      restored.put(series, events);
      return CompletableFuture.completedFuture(
          series.run().equals("live")
              ? new Outcome.Refused("run \"live\" is before the monitor")
              : new Outcome.Done());
    }
  }

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
    store.close();
  }

  private RemoteRecords records(String token) {
    return new RemoteRecords(new DataDirectory.Owner("process 7", uri, token));
  }

  @Test
  void theSameIsReadAsFromTheDatabase() throws Exception {
    try (RemoteRecords records = records(TOKEN)) {
      assertThat(records.series()).containsExactly(SERIES);
      assertThat(records.bytes(SERIES)).isEqualTo(store.bytes(SERIES));
      List<RunEvent> read = new ArrayList<>();
      records.forEach(SERIES, read::add);
      assertThat(read).isEqualTo(EVENTS);
      assertThatThrownBy(() -> records.forEach(new SeriesId("7", "probe", "/elsewhere"), read::add))
          .isInstanceOf(CannotServeException.class)
          .hasMessageContaining("no such series is recorded");
    }
  }

  @Test
  void whatTheMonitorHasBeforeItNowIsWatched() throws Exception {
    try (RemoteRecords records = records(TOKEN)) {
      assertThat(records.watched()).isEmpty();
      board.onEvent(RunEvents.started("7"));
      board.onEvent(RunEvents.found("9", 10L));
      assertThat(records.watched()).containsExactlyInAnyOrder("7", "9");
    }
  }

  @Test
  void onlyWhoKnowsTheTokenForgets() throws Exception {
    for (String wrong : List.of("", "wrong", TOKEN + "0")) {
      try (RemoteRecords records = records(wrong)) {
        assertThatThrownBy(() -> records.forget("7"))
            .isInstanceOf(CannotServeException.class)
            .hasMessageContaining("only the user of the monitor may remove a run");
      }
    }
    assertThat(forgotten).isEmpty();
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> bare =
          client.send(
              HttpRequest.newBuilder(uri.resolve("/api/v1/runs/7")).DELETE().build(),
              BodyHandlers.ofString());
      assertThat(bare.statusCode()).isEqualTo(401);
      assertThat(bare.headers().firstValue("WWW-Authenticate")).isPresent();
    }
    try (RemoteRecords records = records(TOKEN)) {
      records.forget("7");
      assertThatThrownBy(() -> records.forget("live")).hasMessageContaining("is being watched");
    }
    assertThat(forgotten).containsExactly("7", "live");
  }

  @Test
  void onlyWhoKnowsTheTokenRestores() throws Exception {
    SeriesId other = new SeriesId("7", "another probe", "/elsewhere?&");
    try (RemoteRecords records = records("wrong")) {
      assertThatThrownBy(() -> records.restore(other, EVENTS))
          .isInstanceOf(CannotServeException.class)
          .hasMessageContaining("only the user of the monitor may restore a run");
    }
    assertThat(restored).isEmpty();
    try (RemoteRecords records = records(TOKEN)) {
      records.restore(other, EVENTS);
      assertThatThrownBy(
              () ->
                  records.restore(
                      new SeriesId("live", "p", "s"), List.of(RunEvents.started("live"))))
          .isInstanceOf(CannotServeException.class)
          .hasMessageContaining("is before the monitor");
      assertThatThrownBy(() -> records.restore(new SeriesId("8", "p", "s"), EVENTS))
          .hasMessageContaining("an event of another run");
    }
    assertThat(restored).containsEntry(other, EVENTS).hasSize(2);
  }

  /** What is cut off, or is no history, must not be recorded as a whole one. */
  @Test
  void whatIsNoHistoryIsNotRestored() throws Exception {
    String line = RunEventCodec.toJson(EVENTS.getFirst());
    try (HttpClient client = HttpClient.newHttpClient()) {
      for (String body : List.of("{}\n", "no JSON\n", line + "\n" + line)) {
        HttpResponse<String> response =
            client.send(
                HttpRequest.newBuilder(uri.resolve("/api/v1/runs/7/history?probe=p&source=s"))
                    .header("Authorization", "Bearer " + TOKEN)
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build(),
                BodyHandlers.ofString());
        assertThat(response.statusCode()).as(body).isEqualTo(400);
        assertThat(response.body()).contains("no whole history");
      }
    }
    assertThat(restored).isEmpty();
  }

  @Test
  void aMonitorThatIsGoneIsNamed() {
    kit.shutdownTestKit();
    try (RemoteRecords records = records(TOKEN)) {
      assertThatThrownBy(records::series)
          .isInstanceOf(CannotServeException.class)
          .hasMessageContaining("process 7")
          .hasMessageContaining("does not answer at " + uri);
    }
  }
}
