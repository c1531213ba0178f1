package io.diffuscope.web;

import akka.Done;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.http.javadsl.Http;
import akka.http.javadsl.ServerBinding;
import akka.http.javadsl.settings.ServerSettings;
import io.diffuscope.publish.MetricsPublisher;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.RunRecords;
import io.diffuscope.run.RunStore;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one HTTP port: {@code /metrics}, {@code /health/live}, {@code /health/ready}, {@code
 * /api/v1/runs}, {@code /api/v1/runs/RUN/checkpoints}, {@code /api/v1/runs/RUN/evidence}, {@code
 * /api/v1/series}, {@code /api/v1/runs/RUN/history} and the page at {@code /}.
 *
 * <pre>{@code
 * HttpServer.bind(system, WebSettings.loopback(0), metrics, board, readiness, announcements)
 *     .thenAccept(server -> System.out.println(server.uri()));
 * }</pre>
 */
public final class HttpServer {
  private final String host;
  private final ServerBinding binding;

  private HttpServer(String host, ServerBinding binding) {
    this.host = host;
    this.binding = binding;
  }

  /**
   * Listens. The stage fails with a {@link BindFailure} where it cannot.
   *
   * @param readiness asked on every request to {@code /health/ready}; quick and thread-safe
   * @param announcements told of the checkpoints that a training job announces
   */
  public static CompletionStage<HttpServer> bind(
      ActorSystem<?> system,
      WebSettings settings,
      MetricsPublisher metrics,
      RunBoard board,
      Supplier<Readiness> readiness,
      Announcements announcements) {
    return bind(
        system,
        settings,
        metrics,
        board,
        readiness,
        announcements,
        EvidenceStore.NONE,
        RunStore.NONE,
        null,
        RecordChanges.NONE);
  }

  /**
   * As above, with the evidence of runs and what is recorded of them.
   *
   * @param evidence read on the blocking dispatcher
   * @param records read on the blocking dispatcher
   * @param control token of who may remove and restore runs; null: nobody may
   */
  public static CompletionStage<HttpServer> bind(
      ActorSystem<?> system,
      WebSettings settings,
      MetricsPublisher metrics,
      RunBoard board,
      Supplier<Readiness> readiness,
      Announcements announcements,
      EvidenceStore evidence,
      RunRecords records,
      @Nullable BearerToken control,
      RecordChanges changes) {
    Executor blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
    Routes routes =
        new Routes(
            metrics,
            board,
            readiness,
            new AnnounceRoute(settings.token(), announcements),
            new EvidenceRoute(evidence, board, blocking),
            new RecordsRoute(records, control, changes, blocking),
            blocking);
    return Http.get(system)
        .newServerAt(settings.host(), settings.port())
        .adaptSettings(HttpServer::restricted)
        .bind(routes.create())
        .handle(
            (binding, failure) ->
                failure == null
                    ? CompletableFuture.completedFuture(new HttpServer(settings.host(), binding))
                    : CompletableFuture.<HttpServer>failedFuture(BindFailure.of(settings, failure)))
        .thenCompose(stage -> stage);
  }

  /** Where it listens: with the real port, also when any free one was asked for. */
  public InetSocketAddress address() {
    return binding.localAddress();
  }

  /** The address to open in a browser. */
  public URI uri() {
    boolean everywhere = address().getAddress().isAnyLocalAddress();
    String name = everywhere ? "localhost" : host;
    return URI.create(
        "http://%s:%d/"
            .formatted(name.contains(":") ? "[" + name + "]" : name, address().getPort()));
  }

  /** Stops listening, lets requests under way end until the deadline, then cuts them off. */
  public CompletionStage<Done> stop(Duration deadline) {
    return binding.terminate(deadline).thenApply(terminated -> Done.getInstance());
  }

  /** No request here is large: whatever is, is not meant for this server. */
  private static ServerSettings restricted(ServerSettings settings) {
    return settings
        .withServerHeader(Optional.empty())
        .withMaxConnections(128)
        .withParserSettings(
            settings
                .getParserSettings()
                .withMaxUriLength(2_048)
                .withMaxHeaderValueLength(4_096)
                .withMaxHeaderCount(48)
                .withMaxContentLength(16_384));
  }
}
