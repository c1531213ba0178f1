package io.diffuscope.web;

import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.headers.HttpChallenge;
import akka.http.javadsl.model.headers.WWWAuthenticate;
import akka.http.javadsl.server.AllDirectives;
import akka.http.javadsl.server.PathMatchers;
import akka.http.javadsl.server.Route;
import akka.stream.javadsl.StreamConverters;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.RunRecords;
import io.diffuscope.run.SeriesId;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is recorded: {@code GET /api/v1/series} lists it, {@code GET
 * /api/v1/runs/RUN/history?probe=P&source=S} gives the events of a series, one line of JSON each,
 * and {@code DELETE /api/v1/runs/RUN} removes a run, for who knows the token.
 */
final class RecordsRoute extends AllDirectives {
  private static final Logger log = LoggerFactory.getLogger(RecordsRoute.class);

  private static final ContentType LINES = ContentTypes.parse("application/x-ndjson");

  private final RunRecords records;
  private final @Nullable BearerToken token;
  private final Forgetting forgetting;
  private final Executor blocking;

  /**
   * The route.
   *
   * @param token of who may remove runs; null: nobody may
   */
  RecordsRoute(
      RunRecords records, @Nullable BearerToken token, Forgetting forgetting, Executor blocking) {
    this.records = records;
    this.token = token;
    this.forgetting = forgetting;
    this.blocking = blocking;
  }

  Route create() {
    return concat(
        path(PathMatchers.segment("v1").slash("series"), () -> get(() -> answer(this::series))),
        path(
            PathMatchers.segment("v1").slash("runs").slash(PathMatchers.segment()).slash("history"),
            run ->
                get(
                    () ->
                        parameter(
                            "probe",
                            probe ->
                                parameter(
                                    "source",
                                    source ->
                                        answer(() -> history(new SeriesId(run, probe, source))))))),
        path(
            PathMatchers.segment("v1").slash("runs").slash(PathMatchers.segment()),
            run ->
                delete(
                    () ->
                        optionalHeaderValueByName(
                            "Authorization", shown -> completeWithFuture(forget(run, shown))))));
  }

  private Route answer(Supplier<HttpResponse> response) {
    return completeWithFuture(CompletableFuture.supplyAsync(response, blocking));
  }

  private HttpResponse series() {
    try {
      List<Map<String, Object>> all = new ArrayList<>();
      for (SeriesId series : records.series()) {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("run", series.run());
        entry.put("probe", series.probe());
        entry.put("source", series.source());
        entry.put("bytes", records.bytes(series));
        all.add(entry);
      }
      return JsonAnswers.of(200, Map.of("series", all));
    } catch (IOException e) {
      return unreadable(e);
    }
  }

  private static HttpResponse unreadable(IOException cause) {
    log.error("what is recorded cannot be read", cause);
    return error(500, String.valueOf(cause.getMessage()));
  }

  /** As it is read: a history may be longer than memory likes. */
  private HttpResponse history(SeriesId series) {
    try {
      if (!records.seriesOf(series.run()).contains(series)) {
        return error(404, "no such series is recorded; /api/v1/series lists those that there are");
      }
    } catch (IOException e) {
      return unreadable(e);
    }
    return HttpResponse.create()
        .withEntity(
            HttpEntities.create(
                LINES,
                StreamConverters.asOutputStream()
                    .mapMaterializedValue(
                        out -> {
                          blocking.execute(() -> write(series, out));
                          return out;
                        })));
  }

  private void write(SeriesId series, OutputStream stream) {
    try (OutputStream out = new BufferedOutputStream(stream, 1 << 16)) {
      records.forEach(
          series,
          event -> {
            try {
              out.write(RunEventCodec.toJson(event).getBytes(StandardCharsets.UTF_8));
              out.write('\n');
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    } catch (IOException | UncheckedIOException e) {
      log.debug("a history was not read to its end", e);
    }
  }

  private CompletionStage<HttpResponse> forget(String run, Optional<String> shown) {
    BearerToken wanted = token;
    boolean knows =
        wanted != null
            && shown.isPresent()
            && shown.get().startsWith("Bearer ")
            && wanted.matches(shown.get().substring("Bearer ".length()));
    if (!knows) {
      HttpHeader challenge = WWWAuthenticate.create(HttpChallenge.createOAuth2("diffuscope"));
      return CompletableFuture.completedFuture(
          error(401, "only the user of the monitor may remove a run: use diffuscope forget RUN")
              .addHeader(challenge));
    }
    return forgetting
        .forget(run)
        .thenApply(
            outcome ->
                switch (outcome) {
                  case Forgetting.Outcome.Forgotten f ->
                      JsonAnswers.of(200, Map.of("run", run, "status", "forgotten"));
                  case Forgetting.Outcome.Refused(String message) -> error(409, message);
                })
        .exceptionally(
            failure -> {
              log.error("a run could not be forgotten", failure);
              return error(500, "the run could not be removed; the log of the monitor says why");
            });
  }

  private static HttpResponse error(int status, String sentence) {
    return JsonAnswers.of(status, Map.of("error", sentence));
  }
}
