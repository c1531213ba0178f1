package io.diffuscope.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.publish.Exposition;
import io.diffuscope.publish.MetricsPublisher;
import io.diffuscope.publish.RunEvents;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Real requests over the loopback. */
class HttpServerTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final AtomicReference<Readiness> READINESS =
      new AtomicReference<>(new Readiness(List.of()));
  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static final MetricsPublisher METRICS =
      MetricsPublisher.create(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1.2.3");
  private static final RunBoard BOARD = RunBoard.create();
  private static final Readiness READY =
      new Readiness(List.of(new Readiness.Condition("sampler", true, "idle")));
  private static final Announcements NOBODY =
      (run, announcement) -> CompletableFuture.failedFuture(new AssertionError("not asked"));
  private static URI base = URI.create("http://unset/");

  @BeforeAll
  static void bind() throws Exception {
    base = await(bind(WebSettings.loopback(0))).uri();
    METRICS.onEvent(RunEvents.started("r"));
    BOARD.onEvent(RunEvents.started("r"));
    BOARD.onEvent(RunEvents.completed("r", 100L, true, RunEvents.share(.5)));
    BOARD.onEvent(RunEvents.completed("r", 200L, true, RunEvents.share(.6)));
  }

  @BeforeEach
  void ready() {
    READINESS.set(READY);
  }

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @Test
  void anyFreePortIsTakenAndTold() {
    assertThat(base.getHost()).isEqualTo("127.0.0.1");
    assertThat(base.getPort()).isPositive();
  }

  @Test
  void servesMetricsAsText() throws Exception {
    HttpResponse<String> response = get("metrics");

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(contentType(response)).isEqualToIgnoringCase(MetricsPublisher.TEXT);
    assertThat(Exposition.parse(response.body()).has("diffuscope_checkpoints_found_total"))
        .isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
            + " | true",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
            + " | true",
        "application/openmetrics-text | true",
        "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.2 | false",
        "application/openmetrics-text;q=0 | false",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8 | false",
        "*/* | false",
        "application/* | false",
      })
  void theFormatOfMetricsIsNegotiated(String accept, boolean openMetrics) throws Exception {
    HttpResponse<String> response = get("metrics", "Accept", accept);

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(contentType(response))
        .isEqualToIgnoringCase(openMetrics ? MetricsPublisher.OPEN_METRICS : MetricsPublisher.TEXT);
    assertThat(response.body().endsWith("# EOF\n")).isEqualTo(openMetrics);
  }

  @Test
  void compressesForThoseWhoAsk() throws Exception {
    HttpResponse<byte[]> response =
        CLIENT.send(
            HttpRequest.newBuilder(base.resolve("metrics"))
                .header("Accept-Encoding", "gzip")
                .build(),
            BodyHandlers.ofByteArray());

    assertThat(response.headers().firstValue("Content-Encoding")).hasValue("gzip");
    byte[] plain = new GZIPInputStream(new ByteArrayInputStream(response.body())).readAllBytes();
    assertThat(new String(plain, StandardCharsets.UTF_8)).contains("diffuscope_build_info");
  }

  @Test
  void isAliveWhateverIsReady() throws Exception {
    READINESS.set(new Readiness(List.of(new Readiness.Condition("sampler", false, "loading"))));
    HttpResponse<String> response = get("health/live");

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(json(response).path("status").asText()).isEqualTo("alive");
  }

  @Test
  void readinessNamesWhatIsNotReady() throws Exception {
    assertThat(get("health/ready").statusCode()).isEqualTo(200);
    READINESS.set(
        new Readiness(
            List.of(
                new Readiness.Condition("sampler", false, "loading the template"),
                new Readiness.Condition("subscription", true, "listed 2 files"))));
    HttpResponse<String> response = get("health/ready");

    assertThat(response.statusCode()).isEqualTo(503);
    JsonNode body = json(response);
    assertThat(body.path("ready").asBoolean(true)).isFalse();
    assertThat(body.path("not_ready").toString()).isEqualTo("[\"sampler\"]");
    assertThat(body.path("conditions").path(0).path("message").asText())
        .isEqualTo("loading the template");
  }

  @Test
  void servesTheRunsAsJson() throws Exception {
    HttpResponse<String> response = get("api/v1/runs");
    JsonNode run = json(response).path("runs").path(0);

    assertThat(contentType(response)).isEqualTo("application/json");
    assertThat(run.path("run").asText()).isEqualTo("r");
    assertThat(run.path("display_name").asText()).isEqualTo("The run r");
    assertThat(run.path("verdict").path("state").asText()).isEqualTo("unknown");
    assertThat(run.path("progress").isNull()).isTrue();
    JsonNode series = run.path("series").path(0);
    assertThat(series.path("signal").asText()).isEqualTo("train_affinity");
    assertThat(series.path("points").toString())
        .isEqualTo(
            "[{\"step\":100,\"value\":0.5,\"standard_error\":0.01,\"lower\":0.48,\"upper\":0.52},"
                + "{\"step\":200,\"value\":0.6,\"standard_error\":0.01,\"lower\":0.58,\"upper\":0.62}]");
  }

  @Test
  void fewerPointsCanBeAskedFor() throws Exception {
    JsonNode runs = json(get("api/v1/runs?points=1")).path("runs");

    assertThat(runs.path(0).path("series").path(0).path("points").findValuesAsText("step"))
        .containsExactly("200");
    assertThat(get("api/v1/runs?points=many").statusCode()).isEqualTo(400);
  }

  @Test
  void servesThePageAndWhatItLoadsAndNothingFromElsewhere() throws Exception {
    HttpResponse<String> page = get("");
    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(contentType(page)).isEqualToIgnoringCase("text/html; charset=UTF-8");

    Matcher links = Pattern.compile("(?:src|href)=\"([^\"]*)\"").matcher(page.body());
    int count = 0;
    while (links.find()) {
      assertThat(links.group(1)).doesNotContain(":").doesNotStartWith("/");
      assertThat(get(links.group(1)).statusCode()).as(links.group(1)).isEqualTo(200);
      count++;
    }
    assertThat(count).isGreaterThanOrEqualTo(6);
    assertThat(contentType(get("page.js"))).isEqualToIgnoringCase("text/javascript; charset=UTF-8");
    assertThat(get("page.js").body()).doesNotContain("innerHTML").doesNotContain("insertAdjacent");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "metrics", "health/live", "api/v1/runs", "nowhere"})
  void everyAnswerCarriesTheSecurityHeaders(String path) throws Exception {
    var headers = get(path).headers();

    assertThat(headers.firstValue("X-Content-Type-Options")).hasValue("nosniff");
    assertThat(headers.firstValue("Cache-Control")).hasValue("no-store");
    assertThat(headers.firstValue("Content-Security-Policy").orElse(""))
        .startsWith("default-src 'none'");
    assertThat(headers.firstValue("Server")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"nowhere", "metrics/", "api/v1", "api/v2/runs", "health", "../etc/passwd"})
  void unknownPathsAreNotFound(String path) throws Exception {
    assertThat(get(path).statusCode()).isEqualTo(404);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "metrics", "health/ready", "api/v1/runs", "page.js"})
  void onlyGetIsAllowed(String path) throws Exception {
    for (String method : List.of("POST", "PUT", "DELETE")) {
      HttpResponse<String> response =
          CLIENT.send(
              HttpRequest.newBuilder(base.resolve(path))
                  .method(method, BodyPublishers.ofString("{}"))
                  .build(),
              BodyHandlers.ofString());
      assertThat(response.statusCode()).isEqualTo(405);
      assertThat(response.headers().firstValue("Allow")).hasValue("GET");
    }
  }

  @Test
  void requestsThatAreTooLongAreRefused() throws Exception {
    assertThat(get("metrics?x=" + "a".repeat(3_000)).statusCode()).isEqualTo(414);
  }

  @Test
  void aReadinessThatFailsIsAServerErrorWithoutItsDetails() throws Exception {
    READINESS.set(new Readiness(List.of()));
    HttpServer server =
        await(
            HttpServer.bind(
                KIT.system(),
                WebSettings.loopback(0),
                METRICS,
                BOARD,
                () -> {
                  throw new IllegalStateException("a secret");
                },
                NOBODY));
    HttpResponse<String> response =
        CLIENT.send(
            HttpRequest.newBuilder(server.uri().resolve("health/ready")).build(),
            BodyHandlers.ofString());

    assertThat(response.statusCode()).isEqualTo(500);
    assertThat(response.body()).doesNotContain("secret");
    server.stop(Duration.ofSeconds(5)).toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  @Test
  void aBusyPortIsNamedWithItsRemedy() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      WebSettings settings = WebSettings.loopback(taken.getLocalPort());

      assertThatThrownBy(() -> await(bind(settings)))
          .isInstanceOf(BindFailure.class)
          .hasMessage(
              "port %d on 127.0.0.1 is in use: choose another with --port or 0 for any free one"
                  .formatted(taken.getLocalPort()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.1", "no-such-host.invalid"})
  void anAddressOfAnotherMachineIsRefusedClearly(String host) {
    assertThatThrownBy(() -> await(bind(new WebSettings(host, 0, null))))
        .isInstanceOf(BindFailure.class)
        .hasMessageStartingWith(host + " is not an address of this machine");
  }

  @Test
  void settingsThatCannotBeMeantAreRefused() {
    assertThatThrownBy(() -> WebSettings.loopback(65_536)).hasMessageContaining("65535");
    assertThatThrownBy(() -> WebSettings.loopback(-1)).hasMessageContaining("65535");
    assertThatThrownBy(() -> new WebSettings(" ", 0, null)).hasMessageContaining("host");
  }

  @Test
  void aStoppedServerAnswersNoMore() throws Exception {
    HttpServer server = await(bind(WebSettings.loopback(0)));
    server.stop(Duration.ofSeconds(5)).toCompletableFuture().get(30, TimeUnit.SECONDS);

    assertThatThrownBy(
            () ->
                CLIENT.send(HttpRequest.newBuilder(server.uri()).build(), BodyHandlers.ofString()))
        .isInstanceOf(IOException.class);
  }

  private static CompletionStage<HttpServer> bind(WebSettings settings) {
    return HttpServer.bind(KIT.system(), settings, METRICS, BOARD, READINESS::get, NOBODY);
  }

  private static HttpServer await(CompletionStage<HttpServer> stage) throws Exception {
    try {
      return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw e;
    }
  }

  private static HttpResponse<String> get(String path, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(base.resolve(path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return CLIENT.send(request.build(), BodyHandlers.ofString());
  }

  private static String contentType(HttpResponse<String> response) {
    return response.headers().firstValue("Content-Type").orElse("none");
  }

  private static JsonNode json(HttpResponse<String> response) throws IOException {
    return new JsonMapper().readTree(response.body());
  }
}
