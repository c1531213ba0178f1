package io.diffuscope.checkpoint;

import akka.NotUsed;
import akka.stream.Materializer;
import akka.stream.javadsl.Source;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/** Streams of what one looks at again and again, on threads that may be kept waiting. */
final class Polling {
  private Polling() {}

  /**
   * A stream of what each look brings, one look at a time and none while nobody asks.
   *
   * @param dispatcher configuration path of the threads that look
   * @param fresh makes what looks, once for each materialization; it is used by one thread at a
   *     time
   */
  static <T> Source<T, NotUsed> every(
      Duration interval, String dispatcher, Supplier<Supplier<List<T>>> fresh) {
    return Source.fromMaterializer(
            (materializer, attributes) -> {
              Executor executor = executor(materializer, dispatcher);
              Supplier<List<T>> look = fresh.get();
              // A tick that nobody waits for is lost, and the first one must not be.
              return Source.single(NotUsed.getInstance())
                  .concat(Source.tick(interval, interval, NotUsed.getInstance()))
                  .mapAsync(1, tick -> CompletableFuture.supplyAsync(look, executor))
                  .mapConcat(found -> found);
            })
        .mapMaterializedValue(ignored -> NotUsed.getInstance());
  }

  static Executor executor(Materializer materializer, String dispatcher) {
    return materializer.system().dispatchers().lookup(dispatcher);
  }
}
