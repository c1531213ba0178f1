package io.diffuscope.checkpoint;

import akka.NotUsed;
import akka.event.Logging;
import akka.japi.pf.PFBuilder;
import akka.stream.RestartSettings;
import akka.stream.javadsl.RestartSource;
import akka.stream.javadsl.Source;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * A source that goes on after it failed: it is started again with exponential back-off, for ever.
 *
 * <pre>{@code
 * new RetriedSource("runs/7", DirectorySubscription.create(settings)).sightings()
 * }</pre>
 *
 * <p>A failure is told as a {@link Sighting.Problem}, once until its cause changes, and the first
 * thing seen after it as a {@link Sighting.Recovered}. A source that is started again reports
 * checkpoints again; runs know them by their identity. What was passed over before is then left out
 * once; without a failure nothing is. An {@link Error} is a fault of this program and fails the
 * stream.
 */
public final class RetriedSource implements CheckpointSource {
  private static final Duration LEAST = Duration.ofSeconds(1);
  private static final Duration MOST = Duration.ofMinutes(1);
  private static final double JITTER = .2;

  /** Passed-over paths that are remembered; of one forgotten it may be told again. */
  private static final int REMEMBERED = 10_000;

  private final String name;
  private final CheckpointSource source;
  private final RestartSettings backOff;

  /**
   * A source with waits of 1 second to 1 minute between its starts.
   *
   * @param name of the place that it looks at, for people
   */
  public RetriedSource(String name, CheckpointSource source) {
    this(name, source, LEAST, MOST);
  }

  RetriedSource(String name, CheckpointSource source, Duration least, Duration most) {
    this.name = name;
    this.source = source;
    this.backOff =
        RestartSettings.create(least, most, JITTER)
            // One that lives shorter than the longest wait has not recovered for good.
            .withMaxRestarts(Integer.MAX_VALUE, most)
            .withLogSettings(RestartSettings.createLogSettings(Logging.DebugLevel()));
  }

  /** What one start of the source comes to. */
  private sealed interface Step {
    record Seen(Sighting sighting) implements Step {}

    record Failed(Throwable cause) implements Step {}

    record Completed() implements Step {}
  }

  @Override
  public Source<Sighting, NotUsed> sightings() {
    return RestartSource.withBackoff(backOff, this::start)
        .takeWhile(step -> !(step instanceof Step.Completed))
        .statefulMapConcat(
            () -> {
              Told told = new Told();
              return told::after;
            });
  }

  @Override
  public @Nullable Duration longestSilence() {
    Duration own = source.longestSilence();
    return own == null ? null : own.plus(Duration.ofNanos(backOff.maxBackoff().toNanos()));
  }

  /** A start never fails: its end is its last element. */
  private Source<Step, NotUsed> start() {
    Source<Sighting, NotUsed> started;
    try {
      started = source.sightings();
    } catch (RuntimeException e) {
      started = Source.failed(e);
    }
    return started
        .<Step>map(Step.Seen::new)
        .concat(Source.single(new Step.Completed()))
        .recover(new PFBuilder<Throwable, Step>().matchAny(Step.Failed::new).build());
  }

  /** What one materialization has told. */
  private final class Told {
    private final Map<String, Sighting.Reason> passedOver = new Remembered();

    /** What was told before the source was started again, and may be repeated by that. */
    private final Map<String, Sighting.Reason> before = new Remembered();

    private @Nullable String failure;

    List<Sighting> after(Step step) {
      return switch (step) {
        case Step.Failed(Throwable cause) -> failed(cause);
        case Step.Seen(Sighting sighting) -> seen(sighting);
        case Step.Completed completed -> List.of();
      };
    }

    private List<Sighting> failed(Throwable failed) {
      before.putAll(passedOver);
      Throwable cause = unwrapped(failed);
      if (cause instanceof Error error) {
        throw error;
      }
      String sentence = "%s: checkpoints cannot be looked for (%s)".formatted(name, cause);
      if (sentence.equals(failure)) {
        return List.of();
      }
      failure = sentence;
      return List.of(new Sighting.Problem(sentence, "trying again"));
    }

    /** Futures wrap what went wrong in them. */
    private Throwable unwrapped(Throwable failed) {
      boolean wraps = failed instanceof CompletionException || failed instanceof ExecutionException;
      return wraps && failed.getCause() != null ? unwrapped(failed.getCause()) : failed;
    }

    private List<Sighting> seen(Sighting sighting) {
      if (isRepeated(sighting)) {
        return recovered(List.of());
      }
      return switch (sighting) {
        // The source itself says how it is.
        case Sighting.Problem problem -> {
          failure = null;
          yield List.of(problem);
        }
        case Sighting.Recovered recovered -> {
          failure = null;
          yield List.of(recovered);
        }
        default -> recovered(List.of(sighting));
      };
    }

    private List<Sighting> recovered(List<Sighting> news) {
      if (failure == null) {
        return news;
      }
      failure = null;
      Sighting recovered = new Sighting.Recovered(name + ": checkpoints can be looked for again");
      return news.isEmpty() ? List.of(recovered) : List.of(recovered, news.getFirst());
    }

    private boolean isRepeated(Sighting sighting) {
      return switch (sighting) {
        case Sighting.PassedOver s -> {
          passedOver.put(s.path(), s.reason());
          yield before.remove(s.path()) == s.reason();
        }
        case Sighting.Settled s -> {
          passedOver.remove(s.checkpoint().path());
          before.remove(s.checkpoint().path());
          if (s.passedOverAs() != null) {
            passedOver.remove(s.passedOverAs());
            before.remove(s.passedOverAs());
          }
          yield false;
        }
        default -> false;
      };
    }
  }

  private static final class Remembered extends LinkedHashMap<String, Sighting.Reason> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Sighting.Reason> eldest) {
      return size() > REMEMBERED;
    }
  }
}
