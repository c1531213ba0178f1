package io.diffuscope.run;

import akka.Done;
import akka.stream.Materializer;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import io.diffuscope.sampling.WorstSample;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Measures again what evidence was found damaged, where its checkpoint is still there: the noise is
 * the same, so the samples are. A result that is recorded stays as it is.
 */
final class EvidenceRepair {
  private static final Logger LOG = LoggerFactory.getLogger(EvidenceRepair.class);

  private final EvidenceStore store;
  private final Evaluation evaluation;
  private final Executor blocking;
  private final Materializer materializer;

  /**
   * For one run.
   *
   * @param blocking where files are written
   */
  EvidenceRepair(
      EvidenceStore store, Evaluation evaluation, Executor blocking, Materializer materializer) {
    this.store = store;
    this.evaluation = evaluation;
    this.blocking = blocking;
    this.materializer = materializer;
  }

  /**
   * One after the other; what cannot be mended is told of in the log and left as it is, so that the
   * stage never fails.
   *
   * @param damaged results that are recorded, whose evidence is damaged
   * @param blocks of samples
   * @param bestStep of the run's verdict; null where there is none
   * @param told how many are done, each time that one is
   */
  CompletionStage<Done> repair(
      List<RunEvent.EvaluationCompleted> damaged,
      int blocks,
      @Nullable Long bestStep,
      IntConsumer told) {
    return Source.from(damaged)
        .mapAsync(1, event -> repair(event, blocks, bestStep))
        .zipWithIndex()
        .runForeach(done -> told.accept(Math.toIntExact(done.second()) + 1), materializer);
  }

  private CompletionStage<Done> repair(
      RunEvent.EvaluationCompleted event, int blocks, @Nullable Long bestStep) {
    return evaluation
        .worst(event.checkpoint(), blocks)
        .runWith(Sink.last(), materializer)
        .thenAcceptAsync(update -> keep(event, update.worst(), bestStep), blocking)
        .handle(
            (ignored, failure) -> {
              if (failure != null) {
                LOG.warn(
                    "run {}: the evidence of {} is damaged and cannot be measured again ({}); its"
                        + " numbers stay",
                    event.run(),
                    event.checkpoint().name(),
                    reason(failure));
              } else {
                LOG.info(
                    "run {}: the evidence of {} was damaged, and is measured again",
                    event.run(),
                    event.checkpoint().name());
              }
              return Done.getInstance();
            });
  }

  private void keep(
      RunEvent.EvaluationCompleted event, List<WorstSample> worst, @Nullable Long bestStep) {
    try {
      store.draft(event.run(), event.probe(), event.checkpoint(), worst);
      store.keep(event, bestStep);
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  private static String reason(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return String.valueOf(cause.getMessage());
  }
}
