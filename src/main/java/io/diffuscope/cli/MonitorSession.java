package io.diffuscope.cli;

import akka.Done;
import akka.actor.CoordinatedShutdown;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.AskPattern;
import com.typesafe.config.Config;
import io.diffuscope.checkpoint.Announcement;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.publish.LogPublisher;
import io.diffuscope.publish.MetricsPublisher;
import io.diffuscope.publish.RunListener;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.History;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunRemoval;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.RunState;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.SeriesId;
import io.diffuscope.run.SourceNews;
import io.diffuscope.sampling.Probe;
import io.diffuscope.web.BearerToken;
import io.diffuscope.web.HttpServer;
import io.diffuscope.web.Readiness;
import io.diffuscope.web.RecordChanges;
import io.diffuscope.web.RunBoard;
import io.diffuscope.web.WebSettings;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A running monitor as a command sees it: start it, wait for its end, stop it. */
final class MonitorSession implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** The records of a long run are written. */
  private static final Duration LONG_PATIENCE = Duration.ofMinutes(10);

  /** Less than the phase of the shutdown has in which it is asked. */
  private static final Duration SHORT_PATIENCE = Duration.ofSeconds(4);

  private final ActorSystem<Monitor.Command> system;
  private final RunSources runs;
  private final Probe probe;
  private final CompletableFuture<Done> ended;
  private final Progress progress;
  private @Nullable HttpServer server;

  private MonitorSession(
      ActorSystem<Monitor.Command> system,
      RunSources runs,
      Probe probe,
      CompletableFuture<Done> ended,
      Progress progress) {
    this.system = system;
    this.runs = runs;
    this.probe = probe;
    this.ended = ended;
    this.progress = progress;
  }

  /** Where runs stand, for readiness and for waiting. */
  private static final class Progress implements RunListener {
    private final boolean severalRuns;
    private final SourceHealth sources;
    private volatile boolean started;
    private volatile @Nullable PreparationProgress preparation;

    Progress(RunSources runs) {
      this.severalRuns = runs instanceof RunSources.Many;
      this.sources = new SourceHealth(severalRuns);
    }

    @Override
    public void onSourceNews(SourceNews news) {
      sources.onSourceNews(news);
    }

    @Override
    public void onEvent(RunEvent event) {
      sources.onEvent(event);
      if (event instanceof RunEvent.RunStarted) {
        started = true;
      }
    }

    @Override
    public void onPreparation(PreparationProgress progress) {
      preparation = progress;
    }

    /** What another process had prepared is not ready in this one. */
    @Override
    public void onHistory(History history) {}

    Readiness readiness() {
      return new Readiness(
          List.of(
              new Readiness.Condition("references", started, references()), sources.condition()));
    }

    private String references() {
      PreparationProgress far = preparation;
      if (started) {
        return "the reference flows are ready";
      }
      if (far != null) {
        return "the reference flows are still being computed: " + far.text();
      }
      return severalRuns
          ? "the reference flows are computed with the first run's first checkpoint"
          : "the reference flows are still being computed";
    }
  }

  /**
   * Starts a monitor.
   *
   * @param probe opened from the settings; closed with this session
   * @param holds hold checkpoints while they are evaluated; closed with this session
   * @param evidence keeps the worst samples of checkpoints
   * @param store keeps what happens to the runs; not to be closed before this session
   * @param removal removes what is kept of a run
   * @param control token of who may remove runs; null: nobody may
   * @param web where to serve; null serves nothing
   * @throws CannotServeException if the port cannot be had
   */
  static MonitorSession start(
      Config config,
      RunSources runs,
      Probe probe,
      Holds holds,
      int samplers,
      List<? extends RunListener> listeners,
      EvidenceStore evidence,
      RunStore store,
      RunRemoval removal,
      @Nullable String control,
      @Nullable WebSettings web)
      throws CannotServeException {
    CompletableFuture<Done> ended = new CompletableFuture<>();
    Progress progress = new Progress(runs);
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    MetricsPublisher metrics = MetricsPublisher.create(registry, Version.current());
    RunBoard board = RunBoard.create();
    List<RunListener> all = new ArrayList<>(listeners);
    if (web != null) {
      all.add(metrics);
      all.add(board);
      all.add(LogPublisher.create());
    }
    all.add(progress);
    ActorSystem<Monitor.Command> system =
        ActorSystem.create(
            Monitor.create(
                new Monitor.Plan(
                    runs,
                    probe,
                    holds,
                    samplers,
                    all,
                    ended::completeExceptionally,
                    () -> ended.complete(Done.getInstance()),
                    evidence,
                    store,
                    removal)),
            "diffuscope",
            store.config().withFallback(config));
    // Also when a person interrupts; not before, or an evaluation would miss its files.
    Adapter.toClassic(system).registerOnTermination(holds::close);
    MonitorSession session = new MonitorSession(system, runs, probe, ended, progress);
    if (web != null) {
      try {
        session.server = session.bind(web, metrics, board, evidence, store, control);
      } catch (CannotServeException e) {
        session.close();
        throw e;
      }
    }
    return session;
  }

  private HttpServer bind(
      WebSettings web,
      MetricsPublisher metrics,
      RunBoard board,
      EvidenceStore evidence,
      RunStore store,
      @Nullable String control)
      throws CannotServeException {
    try {
      return HttpServer.bind(
              system,
              web,
              metrics,
              board,
              progress::readiness,
              this::announce,
              evidence,
              store,
              control == null ? null : BearerToken.of(control),
              changes())
          .toCompletableFuture()
          .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new CannotServeException(String.valueOf(cause.getMessage()), cause);
    } catch (TimeoutException e) {
      throw new CannotServeException("%s:%d did not answer".formatted(web.host(), web.port()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CannotServeException("interrupted", e);
    }
  }

  private CompletionStage<Announcement.Outcome> announce(String run, Announcement announcement) {
    return AskPattern.<Monitor.Command, Monitor.Announced>ask(
            system,
            replyTo -> new Monitor.Announce(run, announcement, replyTo),
            PATIENCE,
            system.scheduler())
        .thenApply(Monitor.Announced::outcome);
  }

  private RecordChanges changes() {
    return new RecordChanges() {
      @Override
      public CompletionStage<Outcome> forget(String run) {
        return ask(PATIENCE, replyTo -> new Monitor.Forget(run, replyTo));
      }

      @Override
      public CompletionStage<Outcome> restore(SeriesId series, List<RunEvent> events) {
        return ask(LONG_PATIENCE, replyTo -> new Monitor.Restore(series, events, replyTo));
      }

      private CompletionStage<Outcome> ask(
          Duration patience, Function<ActorRef<Monitor.Changed>, Monitor.Command> question) {
        return AskPattern.<Monitor.Command, Monitor.Changed>ask(
                system, question::apply, patience, system.scheduler())
            .thenApply(Monitor.Changed::outcome);
      }
    };
  }

  /** Where it serves; null if it does not. */
  @Nullable URI uri() {
    return server == null ? null : server.uri();
  }

  /** Ends the run once training is over and everything written before that was dealt with. */
  void endsWith(CompletionStage<String> training) {
    training.thenAccept(
        cause -> {
          // A training that ends because everything is being stopped is no end of the run.
          if (CoordinatedShutdown.get(system).getShutdownReason().isEmpty()) {
            system.tell(new Monitor.TrainingEnded(cause, Instant.now()));
          }
        });
  }

  /** Runs something when the process is asked to stop (Ctrl-C), while the actors still answer. */
  void beforeInterrupt(Runnable action) {
    CoordinatedShutdown.get(system)
        .addTask(
            CoordinatedShutdown.PhaseBeforeServiceUnbind(),
            "tell",
            () ->
                CompletableFuture.supplyAsync(
                    () -> {
                      action.run();
                      return Done.getInstance();
                    }));
  }

  /**
   * The states of runs.
   *
   * @param known in the order in which the runs were found
   * @param unanswered names of runs that were too busy to tell
   */
  record States(Map<RunSettings, RunState> known, List<String> unanswered) {}

  /** The states of the runs now: of several those that have started, a single one in any case. */
  States startedStates() {
    Monitor.Runs live =
        AskPattern.<Monitor.Command, Monitor.Runs>ask(
                system, Monitor.GetRuns::new, SHORT_PATIENCE, system.scheduler())
            .toCompletableFuture()
            .join();
    Map<RunSettings, CompletableFuture<RunState>> asked = new LinkedHashMap<>();
    for (Monitor.LiveRun run : live.all()) {
      asked.put(
          run.settings(),
          AskPattern.<RunSupervisor.Command, RunState>ask(
                  run.supervisor(), RunSupervisor.GetState::new, SHORT_PATIENCE, system.scheduler())
              .toCompletableFuture());
    }
    Map<RunSettings, RunState> states = new LinkedHashMap<>();
    if (runs instanceof RunSources.One one) {
      // There is one even before it was begun.
      states.put(one.run().settings(), RunState.EMPTY);
    }
    List<String> unanswered = new ArrayList<>();
    asked.forEach(
        (settings, asking) -> {
          RunState state = asking.exceptionally(failure -> null).join();
          if (state == null) {
            unanswered.add(settings.displayName());
          } else if (runs instanceof RunSources.One || state.started() != null) {
            states.put(settings, state);
          }
        });
    return new States(states, unanswered);
  }

  boolean hasEnded() {
    return ended.isDone();
  }

  /** Waits for the end of all that it was started for; an exception if that cannot go on. */
  void await() throws MonitorFailedException {
    try {
      ended.join();
    } catch (CompletionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new MonitorFailedException(String.valueOf(cause.getMessage()), cause);
    }
  }

  /** The end of all actors. */
  CompletionStage<Done> terminated() {
    return system.getWhenTerminated();
  }

  /** Waits until the process is asked to stop. */
  void awaitTermination() {
    terminated().toCompletableFuture().join();
  }

  @Override
  public void close() {
    if (server != null) {
      // When a person interrupts, the actor system takes the port down at the same time: fine, too.
      server
          .stop(Duration.ofSeconds(2))
          .handle((done, alreadyDown) -> Done.getInstance())
          .toCompletableFuture()
          .join();
    }
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().join();
    probe.close();
  }
}
