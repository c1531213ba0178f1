package io.diffuscope.web;

import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.MediaType;
import akka.http.javadsl.model.headers.Allow;
import akka.http.javadsl.model.headers.RetryAfter;
import akka.http.javadsl.server.AllDirectives;
import akka.http.javadsl.server.PathMatchers;
import akka.http.javadsl.server.Route;
import akka.http.scaladsl.model.EntityStreamSizeException;
import akka.stream.Materializer;
import io.diffuscope.checkpoint.Announcement;
import io.diffuscope.checkpoint.Announcement.Outcome;
import io.diffuscope.checkpoint.Checkpoint;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code POST /api/v1/runs/RUN/checkpoints}: a training job says that a checkpoint is written.
 *
 * <p>The one route that changes anything. A page of another site that is open in somebody's browser
 * can send requests here, too: it cannot know the token, and without being allowed to, which nobody
 * here does, it can send neither this content type nor this header. The token is asked for before
 * anything is told, also before whether there is such a run.
 */
final class AnnounceRoute extends AllDirectives {
  private static final Logger log = LoggerFactory.getLogger(AnnounceRoute.class);

  private static final int LONGEST_BODY = 16_384;
  private static final Duration BODY_PATIENCE = Duration.ofSeconds(5);
  private static final long RETRY_AFTER_SECONDS = 5;

  private final @Nullable BearerToken token;
  private final Announcements announcements;
  private final Duration bodyPatience;

  /**
   * The route.
   *
   * @param token null lets nobody announce
   */
  AnnounceRoute(@Nullable BearerToken token, Announcements announcements) {
    this(token, announcements, BODY_PATIENCE);
  }

  AnnounceRoute(@Nullable BearerToken token, Announcements announcements, Duration bodyPatience) {
    this.token = token;
    this.announcements = announcements;
    this.bodyPatience = bodyPatience;
  }

  Route create() {
    return path(
        PathMatchers.segment("v1").slash("runs").slash(PathMatchers.segment()).slash("checkpoints"),
        run ->
            extractMaterializer(
                materializer ->
                    extractRequest(
                        request -> completeWithFuture(answer(run, request, materializer)))));
  }

  private CompletionStage<HttpResponse> answer(
      String run, HttpRequest request, Materializer materializer) {
    HttpResponse refusal = refusal(request);
    if (refusal != null) {
      request.discardEntityBytes(materializer);
      return CompletableFuture.completedFuture(refusal);
    }
    return request
        .entity()
        .withSizeLimit(LONGEST_BODY)
        .toStrict(bodyPatience.toMillis(), materializer)
        .thenApply(entity -> entity.getData().toArray())
        .thenApply(AnnouncementBody::read)
        .handle(
            (announcement, failure) ->
                failure == null
                    ? announced(run, announcement)
                    : CompletableFuture.completedFuture(unread(failure)))
        .thenCompose(response -> response);
  }

  private CompletionStage<HttpResponse> announced(String run, Announcement announcement) {
    return announcements
        .announce(run, announcement)
        .thenApply(outcome -> response(run, outcome))
        .exceptionally(this::failure);
  }

  /** What the head of a request is refused for; null where its body may be read. */
  private @Nullable HttpResponse refusal(HttpRequest request) {
    if (!request.method().equals(HttpMethods.POST)) {
      return JsonAnswers.error(405, "checkpoints are announced by POST")
          .addHeader(Allow.create(HttpMethods.POST));
    }
    BearerToken wanted = token;
    if (wanted == null) {
      return JsonAnswers.error(
          403,
          "announcements need a token, and this monitor was started without one: set the"
              + " environment variable DIFFUSCOPE_TOKEN, or diffuscope.web.token-file in its"
              + " configuration, and start it again");
    }
    String shown = BearerToken.shownBy(request);
    if (shown == null || !wanted.matches(shown)) {
      return JsonAnswers.error(
              401,
              shown == null
                  ? "announcements need the header \"Authorization: Bearer TOKEN\""
                  : "this is not the token of this monitor")
          .addHeader(BearerToken.challenge());
    }
    MediaType type = request.entity().getContentType().mediaType();
    if (!type.isApplication() || !type.subType().equals("json")) {
      return JsonAnswers.error(415, "the body must be of the content type application/json");
    }
    if (request.entity().getContentLengthOption().orElse(0) > LONGEST_BODY) {
      return tooLong();
    }
    return null;
  }

  private HttpResponse response(String run, Outcome outcome) {
    return switch (outcome) {
      case Outcome.Accepted(Checkpoint checkpoint, String remark) -> {
        Map<String, Object> body = taken(run, checkpoint, "accepted");
        if (checkpoint.step() != null) {
          body.put("step", checkpoint.step());
        }
        if (remark != null) {
          body.put("remark", remark);
        }
        yield JsonAnswers.of(202, body);
      }
      case Outcome.Known(Checkpoint checkpoint) ->
          JsonAnswers.of(202, taken(run, checkpoint, "known"));
      case Outcome.Refused(Announcement.Refusal cause, String message) ->
          switch (cause) {
            case MALFORMED -> JsonAnswers.error(400, message);
            case FORBIDDEN -> JsonAnswers.error(403, message);
            case UNKNOWN_RUN -> JsonAnswers.error(404, message);
            case INCOMPLETE, CONTRADICTORY -> JsonAnswers.error(409, message);
            case OVER -> JsonAnswers.error(410, message);
            case UNUSABLE -> JsonAnswers.error(422, message);
            case BUSY -> busy(message);
          };
    };
  }

  private static Map<String, Object> taken(String run, Checkpoint checkpoint, String status) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("run", run);
    body.put("checkpoint", checkpoint.path());
    body.put("status", status);
    return body;
  }

  /** There is no announcement, so nobody was asked. */
  private HttpResponse unread(Throwable failure) {
    Throwable cause = StageFailures.unwrapped(failure);
    return switch (cause) {
      case IllegalArgumentException e -> JsonAnswers.error(400, String.valueOf(e.getMessage()));
      case EntityStreamSizeException e -> tooLong();
      case TimeoutException e ->
          JsonAnswers.error(
              408,
              "the body was not here within %d s; send the announcement again"
                  .formatted(Math.max(1, bodyPatience.toSeconds())));
      default -> failed(cause);
    };
  }

  private HttpResponse failure(Throwable failure) {
    Throwable cause = StageFailures.unwrapped(failure);
    return cause instanceof TimeoutException
        ? busy(
            "the checkpoint was not looked at in time and may still be taken; announcing it again"
                + " later does no harm")
        : failed(cause);
  }

  private HttpResponse failed(Throwable cause) {
    log.error("an announcement failed", cause);
    return JsonAnswers.error(500, "the announcement failed; the log of the monitor says why");
  }

  private HttpResponse tooLong() {
    return JsonAnswers.error(413, "the body is longer than %d bytes".formatted(LONGEST_BODY));
  }

  private HttpResponse busy(String message) {
    HttpHeader later = RetryAfter.create(RETRY_AFTER_SECONDS);
    return JsonAnswers.error(503, message).addHeader(later);
  }
}
