package io.diffuscope.checkpoint;

import akka.NotUsed;
import akka.stream.BoundedSourceQueue;
import akka.stream.QueueOfferResult;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Announcement.Outcome;
import io.diffuscope.checkpoint.Announcement.Refusal;
import io.diffuscope.checkpoint.Announcement.RefusedException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checkpoints that the training job announces, beside those of a directory or alone.
 *
 * <pre>{@code
 * AnnouncedCheckpoints source =
 *     AnnouncedCheckpoints.beside(settings, DirectorySubscription.create(settings), roots);
 * source.sightings().runForeach(System.out::println, system);
 * source.announce(new Announcement("/runs/7/step-1200.safetensors", null));
 * }</pre>
 *
 * <p>An announced checkpoint is looked at in its turn, on the dispatcher of directories, and needs
 * no quiet period and no marker. It has the identity that the directory's own sighting has, and
 * each content is reported once, whoever comes first.
 */
public final class AnnouncedCheckpoints implements CheckpointSource {
  /** More announcements than this do not wait: a trainer writes slower than files are opened. */
  public static final int MOST_WAITING = 64;

  private static final Logger log = LoggerFactory.getLogger(AnnouncedCheckpoints.class);

  private final AnnouncedFiles files;
  private final CheckpointSource others;
  private final Set<Request> waiting;
  private volatile @Nullable BoundedSourceQueue<Request> queue;

  private AnnouncedCheckpoints(
      AnnouncedFiles files, CheckpointSource others, Set<Request> waiting) {
    this.files = files;
    this.others = others;
    this.waiting = waiting;
  }

  /**
   * Announcements beside a directory.
   *
   * @param source of the same directory
   */
  public static AnnouncedCheckpoints beside(
      DirectorySettings directory, CheckpointSource source, AnnounceRoots roots) {
    return beside(directory, source, roots, StructuralCheck.weights());
  }

  static AnnouncedCheckpoints beside(
      DirectorySettings directory,
      CheckpointSource source,
      AnnounceRoots roots,
      StructuralCheck check) {
    return new AnnouncedCheckpoints(
        new AnnouncedFiles(
            roots,
            new AnnouncedEntry(directory, Folder.Lister.FILES),
            directory.layout().weights(),
            check),
        source,
        ConcurrentHashMap.newKeySet());
  }

  /**
   * Announcements alone.
   *
   * @param weights which copy is read: {@code auto}, {@code ema}, {@code raw}, or the name of one
   * @param interval between two {@linkplain Sighting.Listed reports} of how many wait
   */
  public static AnnouncedCheckpoints alone(AnnounceRoots roots, String weights, Duration interval) {
    return new AnnouncedCheckpoints(
        new AnnouncedFiles(roots, null, weights, StructuralCheck.weights()),
        () ->
            Source.tick(Duration.ZERO, interval, NotUsed.getInstance())
                .<Sighting>map(tick -> new Sighting.Listed(Instant.now(), 0))
                .mapMaterializedValue(cancellable -> NotUsed.getInstance()),
        ConcurrentHashMap.newKeySet());
  }

  /** What a directory says of a checkpoint that it still waits for. */
  private static final Set<Sighting.Reason> UNFINISHED =
      EnumSet.of(Sighting.Reason.VANISHED, Sighting.Reason.INCOMPLETE);

  /** An announcement until it is answered; equal to itself alone. */
  private static final class Request {
    final Announcement announcement;
    final CompletableFuture<Outcome> answer = new CompletableFuture<>();

    Request(Announcement announcement) {
      this.announcement = announcement;
    }
  }

  /** What reaches the run's line of sightings. */
  private sealed interface Item {}

  private record Seen(Sighting sighting) implements Item {}

  private record Examined(AnnouncedFiles.Found found, Request request) implements Item {}

  /**
   * Takes an announcement. The stage never fails; it completes when the file was looked at. Refused
   * while no stream runs.
   */
  public CompletionStage<Outcome> announce(Announcement announcement) {
    BoundedSourceQueue<Request> open = queue;
    if (open == null) {
      return CompletableFuture.completedFuture(
          new Outcome.Refused(
              Refusal.BUSY, "the run has not begun; announce it again in a moment"));
    }
    Request request = new Request(announcement);
    waiting.add(request);
    QueueOfferResult offered = open.offer(request);
    if (offered instanceof QueueOfferResult.Dropped$) {
      answer(
          request,
          new Outcome.Refused(
              Refusal.BUSY,
              "%d announcements wait already; announce it again later".formatted(MOST_WAITING)));
    } else if (!offered.isEnqueued()) {
      answer(request, over());
    }
    return request.answer;
  }

  private void answer(Request request, Outcome outcome) {
    waiting.remove(request);
    request.answer.complete(outcome);
  }

  private static Outcome over() {
    return new Outcome.Refused(Refusal.OVER, "the run takes no more checkpoints: it has ended");
  }

  /** That of the directory. */
  @Override
  public @Nullable Duration longestSilence() {
    return others.longestSilence();
  }

  @Override
  public Source<Sighting, NotUsed> sightings() {
    return Source.fromMaterializer(
            (materializer, attributes) -> {
              Executor executor =
                  Polling.executor(materializer, DirectorySubscription.DEFAULT_DISPATCHER);
              Source<Item, NotUsed> announced =
                  Source.<Request>queue(MOST_WAITING)
                      .mapMaterializedValue(
                          opened -> {
                            queue = opened;
                            return NotUsed.getInstance();
                          })
                      .mapAsync(
                          1,
                          request ->
                              CompletableFuture.supplyAsync(() -> examine(request), executor))
                      .mapConcat(examined -> examined.map(List::of).orElse(List.of()));
              Source<Item, NotUsed> seen = others.sightings().map(Seen::new);
              return announced
                  .merge(seen, true)
                  .statefulMapConcat(
                      () -> {
                        Line line = new Line();
                        return line::next;
                      });
            })
        .watchTermination(
            (ignored, done) -> {
              done.whenComplete(
                  (end, failure) -> waiting.forEach(request -> answer(request, over())));
              return NotUsed.getInstance();
            });
  }

  /** Empty where it was refused. */
  private Optional<Item> examine(Request request) {
    try {
      return Optional.of(new Examined(files.find(request.announcement), request));
    } catch (RefusedException e) {
      answer(request, e.outcome());
    } catch (RuntimeException e) {
      log.error("the announced checkpoint {} cannot be read", request.announcement.path(), e);
      answer(
          request,
          new Outcome.Refused(
              Refusal.UNUSABLE,
              "%s: cannot be read; the log of the monitor says why"
                  .formatted(request.announcement.path())));
    }
    return Optional.empty();
  }

  /** One materialization's memory of what it reported. */
  private final class Line {
    private final Reported reported = new Reported();

    /** Paths that were announced and not settled by the directory since, the oldest forgotten. */
    private final Map<String, Boolean> announcedPaths = new Bounded<>();

    private boolean saidWhichStepCounts;

    /** Whether the source cannot see checkpoints now. */
    private boolean lost;

    Iterable<Sighting> next(Item item) {
      return switch (item) {
        case Seen(Sighting.Settled settled) -> {
          files.reported(settled.checkpoint());
          announcedPaths.remove(settled.checkpoint().path());
          if (reported.has(settled.checkpoint())) {
            yield List.of();
          }
          reported.put(settled.checkpoint());
          yield List.of(settled);
        }
        case Seen(Sighting.PassedOver passedOver) -> {
          // The job that announced it did not wait for what the directory waits for: the run has
          // it, and how it ends is told by its evaluation.
          boolean taken =
              UNFINISHED.contains(passedOver.reason())
                  && announcedPaths.remove(passedOver.path()) != null;
          yield taken ? List.of() : List.of(passedOver);
        }
        // Announcements that wait are pending, too.
        case Seen(Sighting.Listed(Instant at, int pending, var unmatched)) ->
            List.of(new Sighting.Listed(at, pending + waiting.size(), unmatched));
        case Seen(Sighting sighting) -> {
          lost = sighting instanceof Sighting.Problem || (lost && !isSeenAgain(sighting));
          yield List.of(sighting);
        }
        case Examined(AnnouncedFiles.Found found, Request request) -> announced(found, request);
      };
    }

    private static boolean isSeenAgain(Sighting sighting) {
      return sighting instanceof Sighting.Recovered || sighting instanceof Sighting.Recognised;
    }

    private List<Sighting> announced(AnnouncedFiles.Found found, Request request) {
      Checkpoint checkpoint = found.checkpoint();
      if (reported.has(checkpoint)) {
        return again(checkpoint, request);
      }
      reported.put(checkpoint);
      announcedPaths.put(checkpoint.path(), true);
      List<Sighting> sightings = new ArrayList<>();
      String remark = found.remark();
      // Whoever announced it is told in any case; what is recognised would say that all is well
      // again.
      if (remark != null && !saidWhichStepCounts && !lost) {
        saidWhichStepCounts = true;
        sightings.add(new Sighting.Recognised(remark));
      }
      sightings.add(new Sighting.Settled(checkpoint));
      answer(request, new Outcome.Accepted(checkpoint, remark));
      return sightings;
    }

    /**
     * The run has this content. A step that is announced now counts where it had none; another one
     * would come too late, because the run may have judged it.
     */
    private List<Sighting> again(Checkpoint checkpoint, Request request) {
      Checkpoint known = Objects.requireNonNull(reported.get(checkpoint));
      Long told = request.announcement.step();
      if (told == null || told.equals(known.step())) {
        answer(request, new Outcome.Known(known));
        return List.of();
      }
      if (known.step() != null) {
        answer(
            request,
            new Outcome.Refused(
                Refusal.CONTRADICTORY,
                "%s: step %d is announced, but the run already has this content under step %d, which stays; announce a checkpoint as soon as it is written, or without its step"
                    .formatted(known.path(), told, known.step())));
        return List.of();
      }
      Checkpoint stepped = known.withStepTold(told);
      reported.put(stepped);
      answer(request, new Outcome.Accepted(stepped, null));
      return List.of(new Sighting.Settled(stepped));
    }
  }

  /** Forgets its oldest entries. */
  private static final class Bounded<V> extends LinkedHashMap<String, V> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
      return size() > SettleTracker.REMEMBERED;
    }
  }

  /**
   * Checkpoints by identity; the oldest are forgotten, and then the run's own ledger still knows
   * them.
   */
  private static final class Reported {
    private final Map<String, Checkpoint> newest = new Bounded<>();

    boolean has(Checkpoint checkpoint) {
      return newest.containsKey(checkpoint.contentIdentity());
    }

    void put(Checkpoint checkpoint) {
      newest.put(checkpoint.contentIdentity(), checkpoint);
    }

    @Nullable Checkpoint get(Checkpoint checkpoint) {
      return newest.get(checkpoint.contentIdentity());
    }
  }
}
