package io.diffuscope.run;

import akka.Done;
import akka.NotUsed;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.DispatcherSelector;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Hold;
import io.diffuscope.checkpoint.HoldRequest;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.tensorfile.BadInputException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Holds each checkpoint of a run for as long as a stream works on it: from before its first element
 * until it ends, fails or is cancelled. Files are linked, copied and removed on the blocking
 * dispatcher; who waits for room among the holds of other runs keeps no thread.
 */
final class Holding {
  private final String run;
  private final Holds holds;
  private final Executor blocking;
  private final Duration patience;
  private final Consumer<HoldNews> news;
  private final Set<Hold.Obstacle> told = EnumSet.noneOf(Hold.Obstacle.class);
  private CompletionStage<Done> released = CompletableFuture.completedFuture(Done.getInstance());

  /**
   * For one run.
   *
   * @param patience how long a hold may take to be made once there is room; a file system that does
   *     not answer must not keep the run, and its turn on the device, for ever
   * @param news told of each checkpoint that should be held and is not; called on any thread
   */
  Holding(
      String run, ActorSystem<?> system, Holds holds, Duration patience, Consumer<HoldNews> news) {
    this.run = run;
    this.holds = holds;
    this.blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
    this.patience = patience;
    this.news = news;
  }

  /**
   * A stream of work on a checkpoint, which is held meanwhile; fails with an {@link
   * EvaluationException} where the checkpoint is not what was found any more.
   *
   * @param work makes the stream from the checkpoint as it is held
   */
  <T> Source<T, NotUsed> during(Checkpoint checkpoint, Function<Checkpoint, Source<T, ?>> work) {
    return holds.isOn()
        ? Source.lazySource(() -> held(checkpoint, work))
            .mapMaterializedValue(ignored -> NotUsed.getInstance())
        : work.apply(checkpoint).mapMaterializedValue(ignored -> NotUsed.getInstance());
  }

  private synchronized <T> Source<T, ?> held(
      Checkpoint checkpoint, Function<Checkpoint, Source<T, ?>> work) {
    // Not before the run's last one is gone: it must not wait for itself.
    CompletionStage<HoldRequest> asked =
        released.thenApplyAsync(before -> ask(checkpoint), blocking);
    CompletionStage<Hold> taken =
        asked.thenCompose(HoldRequest::room).thenApplyAsync(this::take, blocking);
    CompletableFuture<Done> gone = new CompletableFuture<>();
    released = gone;
    // The file system must answer in time; room comes when another run's evaluation is over.
    CompletionStage<Hold> ready =
        inTime(asked).thenCompose(HoldRequest::room).thenCompose(request -> inTime(taken));
    return Source.completionStage(ready)
        .mapError(TimeoutException.class, late -> tooLate(checkpoint))
        .flatMapConcat(hold -> work.apply(hold.checkpoint()))
        .watchTermination(
            (ignored, end) -> {
              // A stream may be cancelled before the hold is taken.
              end.whenComplete((done, failure) -> letGo(asked, taken, gone));
              return ignored;
            });
  }

  /** The same, or a failure after a while; the stage itself goes on. */
  private <T> CompletionStage<T> inTime(CompletionStage<T> stage) {
    return stage
        .thenApply(Function.<T>identity())
        .toCompletableFuture()
        .orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS);
  }

  private EvaluationException tooLate(Checkpoint checkpoint) {
    return new EvaluationException(
        FailureReason.TIMEOUT.label(),
        "%s could not be held within %d seconds: is its file system there?"
            .formatted(checkpoint.path(), patience.toSeconds()));
  }

  private HoldRequest ask(Checkpoint checkpoint) {
    try {
      return holds.request(checkpoint);
    } catch (BadInputException e) {
      throw new EvaluationException(e.reason().label(), String.valueOf(e.getMessage()));
    }
  }

  private Hold take(HoldRequest request) {
    try {
      Hold hold = request.take();
      Hold.InPlace inPlace = hold.inPlace();
      if (inPlace != null) {
        news.accept(
            new HoldNews(
                run, inPlace.obstacle().label(), isFirst(inPlace.obstacle()), inPlace.message()));
      }
      return hold;
    } catch (BadInputException e) {
      throw new EvaluationException(e.reason().label(), String.valueOf(e.getMessage()));
    }
  }

  private synchronized boolean isFirst(Hold.Obstacle obstacle) {
    return told.add(obstacle);
  }

  private void letGo(
      CompletionStage<HoldRequest> asked,
      CompletionStage<Hold> taken,
      CompletableFuture<Done> gone) {
    asked.whenCompleteAsync(
        (request, refused) -> {
          if (request == null || request.giveUp()) {
            gone.complete(Done.getInstance());
          } else {
            taken.whenCompleteAsync((hold, failure) -> release(hold, gone), blocking);
          }
        },
        blocking);
  }

  private static void release(@Nullable Hold hold, CompletableFuture<Done> gone) {
    try {
      if (hold != null) {
        hold.close();
      }
    } finally {
      gone.complete(Done.getInstance());
    }
  }
}
