package io.diffuscope.web;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.publish.MetricsPublisher;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.EvidenceBooks;
import io.diffuscope.run.EvidenceSettings;
import io.diffuscope.run.EvidenceSettings.Mode;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.RunStore;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real requests over the loopback. */
class EvidenceRouteTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  @TempDir private static Path folder;
  private static URI pictures = URI.create("http://unset/");
  private static URI distances = URI.create("http://unset/");
  private static URI off = URI.create("http://unset/");

  @BeforeAll
  static void bind() throws Exception {
    EvidenceStore store = EvidenceStore.in(folder, settings(Mode.PICTURES));
    EvidenceBooks.keep(store, "r", 400);
    EvidenceBooks.keep(store, "r", 90);
    pictures = serve(store);
    distances = serve(EvidenceStore.in(folder, settings(Mode.DISTANCES)));
    off = serve(EvidenceStore.NONE);
  }

  private static EvidenceSettings settings(Mode mode) {
    return new EvidenceSettings(mode, 8, 10, 64 << 20);
  }

  private static URI serve(EvidenceStore store) throws Exception {
    RunBoard board = RunBoard.create();
    board.onEvent(RunEvents.started("r"));
    board.onEvent(RunEvents.started("young"));
    return HttpServer.bind(
            KIT.system(),
            WebSettings.loopback(0),
            MetricsPublisher.create(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1"),
            board,
            () -> new Readiness(List.of()),
            (run, announcement) -> CompletableFuture.failedFuture(new AssertionError("not asked")),
            store,
            RunStore.NONE,
            null,
            RecordChanges.NONE)
        .toCompletableFuture()
        .get(30, TimeUnit.SECONDS)
        .uri();
  }

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @Test
  void listsTheWorstSamplesInOrderOfSteps() throws Exception {
    JsonNode answer = json(get(pictures, "r/evidence"));
    assertThat(answer.path("run").asText()).isEqualTo("r");
    assertThat(answer.path("mode").asText()).isEqualTo("pictures");
    assertThat(answer.path("evidence")).hasSize(2);
    assertThat(answer.at("/evidence/0/step").asLong()).isEqualTo(90);
    JsonNode newest = answer.at("/evidence/1");
    assertThat(newest.path("step").asLong()).isEqualTo(400);
    assertThat(newest.path("sheet").asText()).isEqualTo("/api/v1/runs/r/evidence/400.png");
    JsonNode row = newest.at("/worst/0");
    assertThat(row.path("sample").asLong()).isEqualTo(7);
    assertThat(row.path("nearest_train").asInt()).isEqualTo(3);
    assertThat(row.path("d1").asDouble()).isEqualTo(.2);
    assertThat(row.path("d2").asDouble()).isEqualTo(1);
    assertThat(row.path("ratio").asDouble()).isEqualTo(.2);
    assertThat(row.path("group_size").asInt()).isEqualTo(2);
    assertThat(row.path("nearest_holdout").asInt()).isEqualTo(5);
    assertThat(row.path("holdout_distance").asDouble()).isEqualTo(.7);
    assertThat(newest.at("/worst/1/d2").isNull()).isTrue();
  }

  @Test
  void aSheetIsAPngWithTheHeadersOfThePage() throws Exception {
    HttpResponse<byte[]> sheet = get(pictures, "r/evidence/400.png");
    assertThat(sheet.statusCode()).isEqualTo(200);
    assertThat(sheet.headers().firstValue("Content-Type")).hasValue("image/png");
    assertThat(sheet.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
    assertThat(sheet.headers().firstValue("Cache-Control")).hasValue("no-store");
    assertThat(sheet.headers().firstValue("Content-Security-Policy").orElse(""))
        .contains("default-src 'none'", "img-src 'self'");
    assertThat(ImageIO.read(new ByteArrayInputStream(sheet.body()))).isNotNull();
  }

  @Test
  void withoutPicturesTheNumbersAreThereAndTheSheetsAreNot() throws Exception {
    JsonNode answer = json(get(distances, "r/evidence"));
    assertThat(answer.path("mode").asText()).isEqualTo("distances");
    assertThat(answer.at("/evidence/1/sheet").isNull()).isTrue();
    assertThat(answer.at("/evidence/1/worst/0/ratio").asDouble()).isEqualTo(.2);
    HttpResponse<byte[]> sheet = get(distances, "r/evidence/400.png");
    assertThat(sheet.statusCode()).isEqualTo(404);
    assertThat(json(sheet).path("error").asText()).contains("evidence.mode = pictures");
  }

  @Test
  void offIsSaid() throws Exception {
    JsonNode answer = json(get(off, "r/evidence"));
    assertThat(answer.path("mode").asText()).isEqualTo("off");
    assertThat(answer.path("evidence")).isEmpty();
    assertThat(get(off, "r/evidence/400.png").statusCode()).isEqualTo(404);
  }

  @Test
  void aRunWithoutEvidenceYetHasNoneAndAnUnknownOneIsNotFound() throws Exception {
    assertThat(json(get(pictures, "young/evidence")).path("evidence")).isEmpty();
    HttpResponse<byte[]> unknown = get(pictures, "nobody/evidence");
    assertThat(unknown.statusCode()).isEqualTo(404);
    assertThat(json(unknown).path("error").asText()).contains("no run of this name");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "r/evidence/401.png",
        "r/evidence/400",
        "r/evidence/400.json",
        "r/evidence/.png",
        "r/evidence/..%2F..%2Fsecret.png",
        "r/evidence/%2e%2e%2fsecret.png",
        "%2e%2e/evidence/secret.png",
        "..%2F..%2Fetc/evidence/passwd.png",
        "r%00/evidence/400.png",
        "r/evidence/400%00.png",
        "r/evidence/99999999999999999999999.png",
      })
  void namesThatAreNoneOfOursAreNotFound(String path) throws Exception {
    Files.write(folder.resolve("secret.png"), get(pictures, "r/evidence/400.png").body());
    assertThat(get(pictures, path).statusCode()).isIn(400, 404);
  }

  @Test
  void aDamagedSheetIsNotFound() throws Exception {
    EvidenceStore store = EvidenceStore.in(folder, settings(Mode.PICTURES));
    EvidenceBooks.keep(store, "damaged", 1);
    Files.writeString(folder.resolve("run-damaged").resolve("1.png"), "<svg onload=alert(1)>");
    HttpResponse<byte[]> sheet = get(pictures, "damaged/evidence/1.png");
    assertThat(sheet.statusCode()).isEqualTo(404);
    assertThat(json(sheet).path("error").asText()).contains("no such sheet");
    assertThat(json(get(pictures, "damaged/evidence")).path("evidence")).hasSize(1);
  }

  @Test
  void onlyAskedFor() throws Exception {
    HttpRequest post =
        HttpRequest.newBuilder(pictures.resolve("api/v1/runs/r/evidence"))
            .POST(HttpRequest.BodyPublishers.ofString("x"))
            .build();
    assertThat(CLIENT.send(post, BodyHandlers.ofString()).statusCode()).isEqualTo(405);
  }

  private static HttpResponse<byte[]> get(URI base, String path) throws Exception {
    return CLIENT.send(
        HttpRequest.newBuilder(base.resolve("api/v1/runs/" + path)).build(),
        BodyHandlers.ofByteArray());
  }

  private static JsonNode json(HttpResponse<byte[]> response) throws Exception {
    return new JsonMapper().readTree(new String(response.body(), StandardCharsets.UTF_8));
  }
}
