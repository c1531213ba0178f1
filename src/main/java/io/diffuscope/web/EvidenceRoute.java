package io.diffuscope.web;

import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpResponse;
import akka.http.javadsl.model.MediaTypes;
import akka.http.javadsl.server.AllDirectives;
import akka.http.javadsl.server.PathMatchers;
import akka.http.javadsl.server.Route;
import io.diffuscope.run.Evidence;
import io.diffuscope.run.EvidenceSettings.Mode;
import io.diffuscope.run.EvidenceStore;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code GET /api/v1/runs/RUN/evidence}: the worst samples of each checkpoint as JSON, and {@code
 * .../evidence/NAME.png} their sheets. Sheets show training data, so they are served only where the
 * settings say {@code pictures}, whatever lies in the data directory.
 */
final class EvidenceRoute extends AllDirectives {
  private static final Logger log = LoggerFactory.getLogger(EvidenceRoute.class);

  private static final String PNG = ".png";

  private final EvidenceStore store;
  private final RunBoard board;
  private final Executor blocking;

  EvidenceRoute(EvidenceStore store, RunBoard board, Executor blocking) {
    this.store = store;
    this.board = board;
    this.blocking = blocking;
  }

  /** Evidence of one checkpoint as it is answered: {@code sheet} is null without pictures. */
  record View(
      @Nullable Long step,
      String checkpoint,
      int attempt,
      String at,
      String probe,
      @Nullable String sheet,
      List<Evidence.Row> worst) {}

  Route create() {
    return pathPrefix(
        PathMatchers.segment("v1").slash("runs").slash(PathMatchers.segment()).slash("evidence"),
        run ->
            get(
                () ->
                    concat(
                        pathEnd(() -> answer(() -> all(run))),
                        path(PathMatchers.segment(), file -> answer(() -> sheet(run, file))))));
  }

  private Route answer(Supplier<HttpResponse> response) {
    return completeWithFuture(CompletableFuture.supplyAsync(response, blocking));
  }

  private HttpResponse all(String run) {
    List<Evidence> kept;
    try {
      kept = store.of(run);
    } catch (IOException e) {
      log.error("the evidence of a run cannot be read", e);
      return JsonAnswers.error(500, "the evidence cannot be read; the log of the monitor says why");
    }
    if (kept.isEmpty() && board.run(run, 1).isEmpty()) {
      return JsonAnswers.error(404, "no run of this name is known");
    }
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("run", run);
    body.put("mode", store.mode().name().toLowerCase(Locale.ROOT));
    body.put("evidence", kept.stream().map(evidence -> view(run, evidence)).toList());
    return JsonAnswers.of(200, body);
  }

  private View view(String run, Evidence evidence) {
    boolean shown = evidence.pictured() && store.mode() == Mode.PICTURES;
    return new View(
        evidence.step(),
        evidence.checkpoint(),
        evidence.attempt(),
        evidence.at(),
        evidence.probe(),
        shown ? "/api/v1/runs/%s/evidence/%s%s".formatted(run, evidence.name(), PNG) : null,
        evidence.worst());
  }

  private HttpResponse sheet(String run, String file) {
    if (store.mode() != Mode.PICTURES) {
      return JsonAnswers.error(
          404,
          "this monitor shows no pictures of training data: diffuscope.evidence.mode = pictures"
              + " (--evidence pictures) keeps and shows them");
    }
    byte[] png =
        file.endsWith(PNG)
            ? store.sheet(run, file.substring(0, file.length() - PNG.length()))
            : null;
    return png == null
        ? JsonAnswers.error(
            404, "there is no such sheet; /api/v1/runs/RUN/evidence lists those that there are")
        : HttpResponse.create()
            .withEntity(HttpEntities.create(ContentTypes.create(MediaTypes.IMAGE_PNG), png));
  }
}
