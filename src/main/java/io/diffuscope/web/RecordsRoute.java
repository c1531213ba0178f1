package io.diffuscope.web;

import akka.http.javadsl.model.ContentType;
import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.server.AllDirectives;
import akka.http.javadsl.server.PathMatchers;
import akka.http.javadsl.server.Route;
import akka.stream.Materializer;
import akka.stream.OverflowStrategy;
import akka.stream.QueueOfferResult;
import akka.stream.javadsl.Framing;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.stream.javadsl.SourceQueueWithComplete;
import akka.util.ByteString;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.RunRecords;
import io.diffuscope.run.SeriesId;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is recorded: {@code GET /api/v1/series} lists it, {@code GET
 * /api/v1/runs/RUN/history?probe=P&source=S} gives the events of a series, one line of JSON each,
 * and, for who knows the token, {@code POST} of the same lines to the same address restores a
 * series, and {@code DELETE /api/v1/runs/RUN} removes a run.
 */
final class RecordsRoute extends AllDirectives {
  private static final Logger log = LoggerFactory.getLogger(RecordsRoute.class);

  /** That of a result with thousands of estimates. */
  private static final int LONGEST_LINE = 64 << 20;

  private static final ContentType LINES = ContentTypes.parse("application/x-ndjson");

  private final RunRecords records;
  private final @Nullable BearerToken token;
  private final RecordChanges changes;
  private final Executor blocking;

  /**
   * The route.
   *
   * @param token of who may remove and restore runs; null: nobody may
   */
  RecordsRoute(
      RunRecords records, @Nullable BearerToken token, RecordChanges changes, Executor blocking) {
    this.records = records;
    this.token = token;
    this.changes = changes;
    this.blocking = blocking;
  }

  Route create() {
    return concat(
        path(PathMatchers.segment("v1").slash("series"), () -> get(() -> answer(this::series))),
        path(
            PathMatchers.segment("v1").slash("runs").slash(PathMatchers.segment()).slash("history"),
            run ->
                parameter(
                    "probe",
                    probe ->
                        parameter("source", source -> series(new SeriesId(run, probe, source))))),
        path(
            PathMatchers.segment("v1").slash("runs").slash(PathMatchers.segment()),
            run ->
                delete(() -> extractRequest(request -> completeWithFuture(forget(run, request))))));
  }

  /** A long history takes its time both ways. */
  private Route series(SeriesId series) {
    return concat(
        get(() -> answer(() -> history(series))),
        post(
            () ->
                withoutRequestTimeout(
                    () ->
                        withoutSizeLimit(
                            () ->
                                extractMaterializer(
                                    materializer ->
                                        extractRequest(
                                            request ->
                                                completeWithFuture(
                                                    restore(series, request, materializer))))))));
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
    return JsonAnswers.error(500, String.valueOf(cause.getMessage()));
  }

  /** As it is read: a history may be longer than memory likes. */
  private HttpResponse history(SeriesId series) {
    try {
      if (!records.seriesOf(series.run()).contains(series)) {
        return JsonAnswers.error(
            404, "no such series is recorded; /api/v1/series lists those that there are");
      }
    } catch (IOException e) {
      return unreadable(e);
    }
    return HttpResponse.create()
        .withEntity(
            HttpEntities.create(
                LINES,
                Source.<ByteString>queue(1, OverflowStrategy.backpressure())
                    .mapMaterializedValue(
                        queue -> {
                          blocking.execute(() -> write(series, queue));
                          return queue;
                        })));
  }

  /**
   * The answer ends well only where all events are in it: one that is cut off must not look like a
   * whole one to a backup.
   */
  private void write(SeriesId series, SourceQueueWithComplete<ByteString> queue) {
    Chunks chunks = new Chunks(queue);
    try {
      records.forEach(series, event -> chunks.line(RunEventCodec.toJson(event)));
      chunks.flush();
      queue.complete();
    } catch (ReaderGoneException e) {
      log.debug("a history was not read to its end", e);
    } catch (IOException | RuntimeException e) {
      log.error("a history cannot be told to its end", e);
      queue.fail(e);
    }
  }

  /** Nobody reads an answer any more. */
  private static final class ReaderGoneException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ReaderGoneException(@Nullable Throwable cause) {
      super(cause);
    }
  }

  /** Lines, given away many at a time, as fast as they are read: the server ends idle ones. */
  private static final class Chunks {
    private static final int BYTES = 1 << 16;

    private final SourceQueueWithComplete<ByteString> queue;
    private final ByteArrayOutputStream chunk = new ByteArrayOutputStream(2 * BYTES);

    Chunks(SourceQueueWithComplete<ByteString> queue) {
      this.queue = queue;
    }

    void line(String text) {
      chunk.writeBytes(text.getBytes(StandardCharsets.UTF_8));
      chunk.write('\n');
      if (chunk.size() >= BYTES) {
        flush();
      }
    }

    void flush() {
      if (chunk.size() == 0) {
        return;
      }
      QueueOfferResult result;
      try {
        result =
            queue.offer(ByteString.fromArray(chunk.toByteArray())).toCompletableFuture().join();
      } catch (CompletionException e) {
        throw new ReaderGoneException(e);
      }
      if (!result.isEnqueued()) {
        throw new ReaderGoneException(null);
      }
      chunk.reset();
    }
  }

  private boolean mayChange(HttpRequest request) {
    String shown = BearerToken.shownBy(request);
    return token != null && shown != null && token.matches(shown);
  }

  private static CompletionStage<HttpResponse> unauthorized(String sentence) {
    return CompletableFuture.completedFuture(
        JsonAnswers.error(401, sentence).addHeader(BearerToken.challenge()));
  }

  private CompletionStage<HttpResponse> restore(
      SeriesId series, HttpRequest request, Materializer materializer) {
    if (!mayChange(request)) {
      request.discardEntityBytes(materializer);
      return unauthorized(
          "only the user of the monitor may restore a run: use diffuscope restore FILE");
    }
    return request
        .entity()
        .getDataBytes()
        .via(Framing.delimiter(ByteString.fromString("\n"), LONGEST_LINE))
        .map(line -> RunEventCodec.fromJson(line.utf8String()))
        .runWith(Sink.seq(), materializer)
        .handle(
            (events, failure) ->
                failure == null
                    ? restore(series, events)
                    : CompletableFuture.completedFuture(
                        JsonAnswers.error(
                            400,
                            "no whole history: " + StageFailures.unwrapped(failure).getMessage())))
        .thenCompose(answer -> answer);
  }

  private CompletionStage<HttpResponse> restore(SeriesId series, List<RunEvent> events) {
    if (!events.stream().allMatch(event -> event.run().equals(series.run()))) {
      return CompletableFuture.completedFuture(
          JsonAnswers.error(400, "no whole history: an event of another run is among them"));
    }
    return told(changes.restore(series, events), series.run(), "restored");
  }

  private CompletionStage<HttpResponse> forget(String run, HttpRequest request) {
    return mayChange(request)
        ? told(changes.forget(run), run, "forgotten")
        : unauthorized("only the user of the monitor may remove a run: use diffuscope forget RUN");
  }

  private static CompletionStage<HttpResponse> told(
      CompletionStage<RecordChanges.Outcome> change, String run, String status) {
    return change
        .thenApply(
            outcome ->
                switch (outcome) {
                  case RecordChanges.Outcome.Done done ->
                      JsonAnswers.of(200, Map.of("run", run, "status", status));
                  case RecordChanges.Outcome.Refused(String message) ->
                      JsonAnswers.error(409, message);
                })
        .exceptionally(
            failure -> {
              log.error("run {} could not be {}", run, status, failure);
              return JsonAnswers.error(
                  500,
                  "the run could not be %s; the log of the monitor says why".formatted(status));
            });
  }
}
