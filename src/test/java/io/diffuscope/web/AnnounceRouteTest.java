package io.diffuscope.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.http.javadsl.Http;
import akka.http.javadsl.ServerBinding;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.checkpoint.Announcement;
import io.diffuscope.checkpoint.Announcement.Outcome;
import io.diffuscope.checkpoint.Announcement.Refusal;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.publish.MetricsPublisher;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Announcements by real requests over the loopback, by those who may and those who may not. */
class AnnounceRouteTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final String TOKEN = "0123456789abcdef-token";
  private static final String PATH = "api/v1/runs/run-7/checkpoints";
  private static final String BODY = "{\"path\": \"/runs/7/a.pt\", \"step\": 1200}";
  private static final Checkpoint CHECKPOINT =
      Checkpoint.ofFile("/runs/7/a.pt@1", "/runs/7/a.pt", 1_200L);
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private static final Queue<Asked> ASKED = new ConcurrentLinkedQueue<>();
  private static CompletionStage<Outcome> outcome = new CompletableFuture<>();
  private static URI base = URI.create("http://unset/");
  private static URI open = URI.create("http://unset/");

  private record Asked(String run, Announcement announcement) {}

  @BeforeAll
  static void bind() throws Exception {
    base = serve(WebSettings.loopback(0).withToken(BearerToken.of(TOKEN)));
    open = serve(WebSettings.loopback(0));
  }

  private static URI serve(WebSettings settings) throws Exception {
    return HttpServer.bind(
            KIT.system(),
            settings,
            MetricsPublisher.create(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), "1"),
            RunBoard.create(),
            () -> new Readiness(List.of()),
            (run, announcement) -> {
              ASKED.add(new Asked(run, announcement));
              return outcome;
            })
        .toCompletableFuture()
        .get(30, TimeUnit.SECONDS)
        .uri();
  }

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @BeforeEach
  void accepting() {
    ASKED.clear();
    outcome = CompletableFuture.completedFuture(new Outcome.Accepted(CHECKPOINT, null));
  }

  @Test
  void whatIsAcceptedIsTold() throws Exception {
    HttpResponse<String> response = announce(BODY);

    assertThat(response.statusCode()).isEqualTo(202);
    assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
    assertThat(response.body())
        .isEqualTo(
            "{\"run\":\"run-7\",\"checkpoint\":\"/runs/7/a.pt\",\"status\":\"accepted\",\"step\":1200}");
    assertThat(ASKED).containsExactly(new Asked("run-7", new Announcement("/runs/7/a.pt", 1_200L)));
  }

  @Test
  void whatIsKnownIsTold() throws Exception {
    outcome = CompletableFuture.completedFuture(new Outcome.Known(CHECKPOINT));

    HttpResponse<String> response = announce("{\"path\": \"/runs/7/a.pt\", \"step\": null}");
    assertThat(response.statusCode()).isEqualTo(202);
    assertThat(response.body())
        .isEqualTo("{\"run\":\"run-7\",\"checkpoint\":\"/runs/7/a.pt\",\"status\":\"known\"}");
    assertThat(ASKED).containsExactly(new Asked("run-7", new Announcement("/runs/7/a.pt", null)));
  }

  @Test
  void aStepThatDiffersIsRemarkedOn() throws Exception {
    outcome =
        CompletableFuture.completedFuture(new Outcome.Accepted(CHECKPOINT, "the name says 3"));

    assertThat(json(announce(BODY)).path("remark").asText()).isEqualTo("the name says 3");
  }

  @ParameterizedTest
  @EnumSource
  void everyRefusalHasAStatusAndItsSentence(Refusal refusal) throws Exception {
    outcome = CompletableFuture.completedFuture(new Outcome.Refused(refusal, "because \"so\""));
    int expected =
        switch (refusal) {
          case MALFORMED -> 400;
          case FORBIDDEN -> 403;
          case UNKNOWN_RUN -> 404;
          case INCOMPLETE, CONTRADICTORY -> 409;
          case OVER -> 410;
          case UNUSABLE -> 422;
          case BUSY -> 503;
        };

    HttpResponse<String> response = announce(BODY);
    assertThat(response.statusCode()).isEqualTo(expected);
    assertThat(response.body()).isEqualTo("{\"error\":\"because \\\"so\\\"\"}");
    assertThat(response.headers().firstValue("Retry-After").isPresent())
        .isEqualTo(refusal == Refusal.BUSY);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Bearer",
        "Bearer 0123456789abcdef-toke",
        "Bearer 0123456789abcdef-token2",
        "Bearer 0123456789ABCDEF-TOKEN",
        "Basic MDEyMzQ1Njc4OWFiY2RlZi10b2tlbjo=",
        "0123456789abcdef-token",
        "Token 0123456789abcdef-token",
      })
  void withoutTheTokenNothingIsTold(String shown) throws Exception {
    // Neither whether there is such a run nor what is wrong with the body.
    HttpRequest.Builder request = post("api/v1/runs/nobody/checkpoints", "{");
    if (!shown.isEmpty()) {
      request.header("Authorization", shown);
    }
    HttpResponse<String> response = send(request.header("Content-Type", "application/json"));

    assertThat(response.statusCode()).isEqualTo(401);
    assertThat(response.headers().firstValue("WWW-Authenticate").orElse("")).startsWith("Bearer ");
    assertThat(json(response).path("error").asText()).isNotEmpty();
    assertThat(response.body()).doesNotContain(TOKEN);
    assertThat(ASKED).isEmpty();
  }

  @Test
  void aMonitorWithoutATokenSaysHowToSetOne() throws Exception {
    HttpResponse<String> response =
        send(
            HttpRequest.newBuilder(open.resolve(PATH))
                .header("Content-Type", "application/json")
                .header("Authorization", "Bearer " + TOKEN)
                .POST(BodyPublishers.ofString(BODY)));

    assertThat(response.statusCode()).isEqualTo(403);
    assertThat(json(response).path("error").asText())
        .contains("DIFFUSCOPE_TOKEN", "diffuscope.web.token-file");
    assertThat(ASKED).isEmpty();
  }

  /** What a page of another site can send from somebody's browser without being asked first. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain"
      })
  void formsOfOtherSitesAreRefusedEvenWithTheToken(String type) throws Exception {
    String form = "path=" + URLEncoder.encode("/runs/7/a.pt", StandardCharsets.UTF_8);
    for (String body : List.of(form, BODY)) {
      HttpRequest.Builder request =
          post(PATH, body).header("Content-Type", type).header("Origin", "http://evil.example");
      assertThat(send(request).statusCode()).isEqualTo(401);
      HttpResponse<String> response = send(request.header("Authorization", "Bearer " + TOKEN));
      assertThat(response.statusCode()).isEqualTo(415);
      assertThat(json(response).path("error").asText()).contains("application/json");
    }
    assertThat(ASKED).isEmpty();
  }

  @Test
  void otherSitesAreNotAllowedToAskFirst() throws Exception {
    HttpResponse<String> response =
        send(
            HttpRequest.newBuilder(base.resolve(PATH))
                .header("Origin", "http://evil.example")
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization, content-type")
                .method("OPTIONS", BodyPublishers.noBody()));

    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(response.headers().map().keySet())
        .noneMatch(name -> name.toLowerCase(java.util.Locale.ROOT).startsWith("access-control"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "PUT", "DELETE", "PATCH"})
  void onlyPostIsAllowed(String method) throws Exception {
    HttpResponse<String> response =
        send(
            HttpRequest.newBuilder(base.resolve(PATH))
                .header("Authorization", "Bearer " + TOKEN)
                .method(method, BodyPublishers.noBody()));

    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(response.headers().firstValue("Allow")).hasValue("POST");
    assertThat(json(response).path("error").asText()).contains("POST");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | no JSON",
        "{ | no JSON",
        "[] | no JSON object",
        "\"/runs/7/a.pt\" | no JSON object",
        "{} | \"path\"",
        "{\"path\": 7} | \"path\"",
        "{\"path\": \"\"} | empty",
        "{\"path\": \"/a\\u0000b\"} | control characters",
        "{\"path\": \"/a\", \"stpe\": 3} | unknown key \"stpe\"",
        "{\"path\": \"/a\", \"path\": \"/b\"} | no JSON: Duplicate",
        "{\"path\": \"/a\"} {} | no JSON",
        "{\"path\": \"/a\", \"step\": \"3\"} | whole number",
        "{\"path\": \"/a\", \"step\": 1.5} | whole number",
        "{\"path\": \"/a\", \"step\": 1e400} | whole number",
        "{\"path\": \"/a\", \"step\": 99999999999999999999} | whole number",
        "{\"path\": \"/a\", \"step\": -1} | steps start at 0",
        "{\"path\": \"/a\", \"step\": NaN} | no JSON",
      })
  void bodiesThatAreNoneAreMalformed(String body, String message) throws Exception {
    HttpResponse<String> response = announce(body);

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(json(response).path("error").asText()).contains(message);
    assertThat(ASKED).isEmpty();
  }

  @Test
  void deepNestingIsMalformed() throws Exception {
    assertThat(announce("[".repeat(8_000)).statusCode()).isEqualTo(400);
    assertThat(announce("{\"path\":".repeat(1_500)).statusCode()).isEqualTo(400);
  }

  @Test
  void longBodiesAreRefusedWhetherTheirLengthIsToldOrNot() throws Exception {
    byte[] body = ("{\"path\": \"/a\"" + " ".repeat(16_384) + "}").getBytes(StandardCharsets.UTF_8);
    for (BodyPublisher publisher :
        List.of(
            BodyPublishers.ofByteArray(body),
            BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)))) {
      HttpResponse<String> response =
          send(
              HttpRequest.newBuilder(base.resolve(PATH))
                  .header("Content-Type", "application/json")
                  .header("Authorization", "Bearer " + TOKEN)
                  .POST(publisher));
      assertThat(response.statusCode()).isEqualTo(413);
      assertThat(json(response).path("error").asText()).contains("16384");
    }
    assertThat(ASKED).isEmpty();
  }

  @Test
  void namesOfRunsArePassedOnAsTheyAre() throws Exception {
    HttpResponse<String> response =
        send(authorized(post("api/v1/runs/..%2Fa%20b/checkpoints", BODY)));

    assertThat(response.statusCode()).isEqualTo(202);
    assertThat(ASKED).extracting(Asked::run).containsExactly("../a b");
    assertThat(send(authorized(post(PATH + "/", BODY))).statusCode()).isEqualTo(404);
    assertThat(send(authorized(post("api/v1/runs/a/b/checkpoints", BODY))).statusCode())
        .isEqualTo(404);
  }

  @Test
  void aBodyThatDoesNotComeIsNotACheckpointThatIsNotLookedAt() throws Exception {
    AnnounceRoute route =
        new AnnounceRoute(
            BearerToken.of(TOKEN),
            (run, announcement) -> CompletableFuture.failedFuture(new AssertionError(run)),
            Duration.ofMillis(100));
    ServerBinding binding =
        Http.get(KIT.system())
            .newServerAt("127.0.0.1", 0)
            .bind(route.create())
            .toCompletableFuture()
            .get(30, TimeUnit.SECONDS);
    try (Socket socket = new Socket()) {
      socket.connect(binding.localAddress());
      socket.setSoTimeout(30_000);
      socket
          .getOutputStream()
          .write(
              ("POST /v1/runs/7/checkpoints HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n"
                      + "Content-Type: application/json\r\nConnection: close\r\n"
                      + "Authorization: Bearer "
                      + TOKEN
                      + "\r\n\r\n{\"path\": ")
                  .getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).startsWith("HTTP/1.1 408 ").contains("the body was not here within");
    } finally {
      binding.unbind();
    }
  }

  @Test
  void whoeverAnswersTooLateIsBusy() throws Exception {
    outcome = CompletableFuture.failedFuture(new TimeoutException("a secret"));
    HttpResponse<String> late = announce(BODY);
    assertThat(late.statusCode()).isEqualTo(503);
    assertThat(json(late).path("error").asText()).contains("not looked at in time");
    assertThat(late.headers().firstValue("Retry-After")).isPresent();
    outcome = CompletableFuture.failedFuture(new IllegalStateException("a secret"));
    HttpResponse<String> broken = announce(BODY);
    assertThat(broken.statusCode()).isEqualTo(500);
    assertThat(late.body() + broken.body()).doesNotContain("secret");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "short", "0123456789 abcdef", "0123456789abcdéf", "0123456789abcdef\n"})
  void tokensThatCanBeGuessedOrNotSentAreRefused(String token) {
    assertThatThrownBy(() -> BearerToken.of(token))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("openssl rand -hex 32");
  }

  @Test
  void aTokenIsNotPrinted() {
    assertThat(WebSettings.loopback(0).withToken(BearerToken.of(TOKEN)).toString())
        .doesNotContain(TOKEN);
  }

  private static HttpResponse<String> announce(String body) throws Exception {
    return send(authorized(post(PATH, body)));
  }

  private static HttpRequest.Builder post(String path, String body) {
    return HttpRequest.newBuilder(base.resolve(path)).POST(BodyPublishers.ofString(body));
  }

  private static HttpRequest.Builder authorized(HttpRequest.Builder request) {
    return request
        .header("Content-Type", "application/json")
        .header("Authorization", "Bearer " + TOKEN);
  }

  private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return CLIENT.send(request.build(), BodyHandlers.ofString());
  }

  private static JsonNode json(HttpResponse<String> response) throws IOException {
    return new JsonMapper().readTree(response.body());
  }
}
