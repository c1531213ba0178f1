package io.diffuscope.web;

import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.MediaRange;
import akka.http.javadsl.model.MediaTypes;
import akka.http.javadsl.model.StatusCodes;
import akka.http.javadsl.model.headers.Accept;
import akka.http.javadsl.model.headers.RawHeader;
import akka.http.javadsl.server.AllDirectives;
import akka.http.javadsl.server.ExceptionHandler;
import akka.http.javadsl.server.PathMatchers;
import akka.http.javadsl.server.RejectionHandler;
import akka.http.javadsl.server.Route;
import akka.http.javadsl.unmarshalling.StringUnmarshallers;
import io.diffuscope.publish.MetricsPublisher;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is served: metrics, health, the runs, their evidence and history, and the page by GET alone;
 * announcements by POST, and the removal of a run by DELETE.
 */
final class Routes extends AllDirectives {
  private static final Logger log = LoggerFactory.getLogger(Routes.class);

  private static final ContentType TEXT = ContentTypes.parse(MetricsPublisher.TEXT);
  private static final ContentType OPEN_METRICS = ContentTypes.parse(MetricsPublisher.OPEN_METRICS);

  /** The page loads its own script, style and pictures, and talks to its own host; nothing else. */
  private static final List<HttpHeader> HEADERS =
      List.of(
          RawHeader.create(
              "Content-Security-Policy",
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
                  + " connect-src 'self';"
                  + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
          RawHeader.create("X-Content-Type-Options", "nosniff"),
          RawHeader.create("Referrer-Policy", "no-referrer"),
          RawHeader.create("Cache-Control", "no-store"));

  private final MetricsPublisher metrics;
  private final RunBoard board;
  private final Supplier<Readiness> readiness;
  private final AnnounceRoute announce;
  private final EvidenceRoute evidence;
  private final RecordsRoute records;
  private final Executor executor;

  Routes(
      MetricsPublisher metrics,
      RunBoard board,
      Supplier<Readiness> readiness,
      AnnounceRoute announce,
      EvidenceRoute evidence,
      RecordsRoute records,
      Executor executor) {
    this.metrics = metrics;
    this.board = board;
    this.readiness = readiness;
    this.announce = announce;
    this.evidence = evidence;
    this.records = records;
    this.executor = executor;
  }

  Route create() {
    Route page = resource("index.html", ContentTypes.TEXT_HTML_UTF8);
    Route script = resource("page.js", ContentTypes.parse("text/javascript; charset=UTF-8"));
    Route style = resource("page.css", ContentTypes.parse("text/css; charset=UTF-8"));
    return respondWithDefaultHeaders(
        HEADERS,
        () ->
            handleExceptions(
                failures(),
                () ->
                    handleRejections(
                        RejectionHandler.defaultHandler(),
                        () ->
                            encodeResponse(
                                () ->
                                    concat(
                                        pathSingleSlash(() -> get(() -> page)),
                                        path("page.js", () -> get(() -> script)),
                                        path("page.css", () -> get(() -> style)),
                                        path("metrics", () -> get(this::scrape)),
                                        pathPrefix("health", this::health),
                                        pathPrefix("api", this::api))))));
  }

  private Route scrape() {
    return extractRequest(
        request -> {
          boolean openMetrics = prefersOpenMetrics(request);
          CompletionStage<HttpResponse> response =
              CompletableFuture.supplyAsync(
                  () ->
                      HttpResponse.create()
                          .withEntity(
                              HttpEntities.create(
                                  openMetrics ? OPEN_METRICS : TEXT,
                                  metrics.scrape(
                                      openMetrics
                                          ? MetricsPublisher.OPEN_METRICS
                                          : MetricsPublisher.TEXT))),
                  executor);
          return completeWithFuture(response);
        });
  }

  private Route health() {
    return concat(
        path("live", () -> get(() -> complete(JsonAnswers.of(200, Map.of("status", "alive"))))),
        path("ready", () -> get(this::ready)));
  }

  private Route ready() {
    Readiness now = readiness.get();
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("ready", now.ready());
    body.put("not_ready", now.notReady());
    body.put("conditions", now.conditions());
    return complete(JsonAnswers.of(now.ready() ? 200 : 503, body));
  }

  private Route api() {
    return concat(runs(), announce.create(), evidence.create(), records.create());
  }

  private Route runs() {
    return path(
        PathMatchers.segment("v1").slash("runs"),
        () ->
            get(
                () ->
                    parameterOptional(
                        StringUnmarshallers.INTEGER,
                        "points",
                        points ->
                            completeWithFuture(
                                CompletableFuture.supplyAsync(
                                    () ->
                                        JsonAnswers.of(
                                            200,
                                            Map.of(
                                                "runs",
                                                board.runs(
                                                    Math.clamp(
                                                        points.orElse(RunBoard.POINTS),
                                                        1,
                                                        RunBoard.POINTS)))),
                                    executor)))));
  }

  /** OpenMetrics only for those who name it, at least as gladly as plain text. */
  static boolean prefersOpenMetrics(HttpRequest request) {
    float openMetrics = 0;
    float text = 0;
    for (MediaRange range :
        request.getHeader(Accept.class).map(Accept::getMediaRanges).orElse(List.of())) {
      boolean wildcard =
          range.matches(MediaTypes.APPLICATION_OCTET_STREAM) || range.matches(MediaTypes.TEXT_CSV);
      if (!wildcard && names(range, "application", "openmetrics-text")) {
        openMetrics = Math.max(openMetrics, range.qValue());
      }
      if (!wildcard && names(range, "text", "plain")) {
        text = Math.max(text, range.qValue());
      }
    }
    return openMetrics > 0 && openMetrics >= text;
  }

  /** Whether a range is for this type, whatever its parameters: ranges match with theirs alone. */
  private static boolean names(MediaRange range, String type, String subtype) {
    return range.matches(MediaTypes.customWithOpenCharset(type, subtype, range.getParams(), false));
  }

  private Route resource(String name, ContentType type) {
    try (InputStream stream = Routes.class.getResourceAsStream(name)) {
      if (stream == null) {
        throw new IllegalStateException("the build lacks the resource " + name);
      }
      return complete(
          HttpResponse.create().withEntity(HttpEntities.create(type, stream.readAllBytes())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ExceptionHandler failures() {
    return ExceptionHandler.newBuilder()
        .matchAny(
            failure -> {
              log.error("a request failed", failure);
              return complete(
                  StatusCodes.INTERNAL_SERVER_ERROR,
                  "The request failed; the log of the monitor says why.\n");
            })
        .build();
  }
}
