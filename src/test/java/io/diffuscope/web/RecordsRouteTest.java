package io.diffuscope.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import io.diffuscope.publish.MetricsPublisher;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.RunRecords;
import io.diffuscope.run.SeriesId;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Histories asked for over the loopback: each is whole, or seen not to be. */
class RecordsRouteTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static final SeriesId SERIES = new SeriesId("r", "probe", "/c, d+e&f=\u00fc");
  private static final RunEvent LARGE = RunEvents.completed("r", 1L, true, RunEvents.everything());

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  /** So many large events, and then the end or a failure. */
  private record Told(int events, boolean fails) implements RunRecords {
    @Override
    public List<SeriesId> series() {
      return List.of(SERIES);
    }

    @Override
    public void forEach(SeriesId series, Consumer<RunEvent> told) throws IOException {
      for (int i = 0; i < events; i++) {
        told.accept(LARGE);
      }
      if (fails) {
        throw new IOException("event 7 is damaged");
      }
    }

    @Override
    public long bytes(SeriesId series) {
      return 0;
    }
  }

  private static HttpResponse<InputStream> history(RunRecords records) throws Exception {
    URI uri =
        HttpServer.bind(
                KIT.system(),
                WebSettings.loopback(0),
                MetricsPublisher.create(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1"),
                RunBoard.create(),
                () -> new Readiness(List.of()),
                (run, announcement) -> CompletableFuture.failedFuture(new AssertionError("no")),
                EvidenceStore.NONE,
                records,
                null,
                RecordChanges.NONE)
            .toCompletableFuture()
            .get(30, TimeUnit.SECONDS)
            .uri();
    URI history =
        uri.resolve(
            "api/v1/runs/r/history?probe=probe&source="
                + URLEncoder.encode(SERIES.source(), StandardCharsets.UTF_8));
    HttpResponse<InputStream> answer =
        CLIENT.send(HttpRequest.newBuilder(history).build(), BodyHandlers.ofInputStream());
    assertThat(answer.statusCode()).isEqualTo(200);
    return answer;
  }

  private static int lines(InputStream body) throws IOException {
    int count = 0;
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        assertThat(RunEventCodec.fromJson(line)).isEqualTo(LARGE);
        count++;
      }
    }
    return count;
  }

  @Test
  void aHistoryIsTold() throws Exception {
    assertThat(lines(history(new Told(0, false)).body())).isZero();
    assertThat(lines(history(new Told(300, false)).body())).isEqualTo(300);
  }

  /** Else a backup would lack events and nobody would know. */
  @Test
  void oneThatCannotBeReadToItsEndDoesNotEndWell() throws Exception {
    for (int events : List.of(0, 3, 300)) {
      assertThatThrownBy(() -> lines(history(new Told(events, true)).body()))
          .as("after %d", events)
          .isInstanceOf(IOException.class);
    }
  }

  /** A person who reads a page of it first. */
  @Test
  void whoReadsSlowlyGetsAllOfIt() throws Exception {
    InputStream body = history(new Told(3000, false)).body();
    TimeUnit.SECONDS.sleep(8);
    assertThat(lines(body)).isEqualTo(3000);
  }
}
