package io.diffuscope.checkpoint;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.DirectoryListing.UnlistableException;
import io.diffuscope.tensorfile.Locations;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/**
 * A directory of checkpoints as a stream of {@link Sighting}s.
 *
 * <pre>{@code
 * DirectorySubscription.create(DirectorySettings.of(directory))
 *     .sightings()
 *     .viaMat(KillSwitches.single(), Keep.right())
 *     .to(Sink.foreach(System.out::println))
 *     .run(system);
 * }</pre>
 *
 * <p>The stream never completes by itself and does not fail when the directory is missing: that is
 * a {@link Sighting.Problem}. Each materialization starts afresh and reports what is already there,
 * in order of steps. Listings stop while downstream does not ask (at most one is made ahead), and
 * nothing is lost meanwhile, because a listing shows what is there, not what changed.
 */
public final class DirectorySubscription implements CheckpointSource {
  /**
   * Listing and stat may block for long on a network file system; then runs and the port still have
   * threads of their own.
   */
  public static final String DEFAULT_DISPATCHER = "diffuscope.source-dispatcher";

  private static final Duration LEAST_SILENCE = Duration.ofMinutes(2);
  private static final int POLLS_OF_SILENCE = 5;

  private final DirectorySettings settings;
  private final StructuralCheck check;
  private final String dispatcher;
  private final InstantSource clock;

  private DirectorySubscription(
      DirectorySettings settings, StructuralCheck check, String dispatcher, InstantSource clock) {
    this.settings = settings;
    this.check = check;
    this.dispatcher = dispatcher;
    this.clock = clock;
  }

  /** A subscription with the system clock, polling on {@link #DEFAULT_DISPATCHER}. */
  public static DirectorySubscription create(DirectorySettings settings) {
    return create(settings, StructuralCheck.weights());
  }

  /** As {@link #create(DirectorySettings)}, with a check of its own. */
  public static DirectorySubscription create(DirectorySettings settings, StructuralCheck check) {
    return new DirectorySubscription(settings, check, DEFAULT_DISPATCHER, InstantSource.system());
  }

  /** Polls on the dispatcher of this configuration path. */
  public DirectorySubscription withDispatcher(String path) {
    return new DirectorySubscription(settings, check, path, clock);
  }

  /** Takes the time from this clock. */
  public DirectorySubscription withClock(InstantSource newClock) {
    return new DirectorySubscription(settings, check, dispatcher, newClock);
  }

  /** The stream; may be materialized more than once. */
  @Override
  public Source<Sighting, NotUsed> sightings() {
    return Polling.every(
        settings.pollInterval(),
        dispatcher,
        () -> {
          DirectoryListing listing = new DirectoryListing(settings);
          SettleTracker tracker = new SettleTracker(settings, check);
          EndMarker marker =
              new EndMarker(settings.directory(), settings.endMarker(), settings.settleTimeout());
          return () -> poll(listing, tracker, marker);
        });
  }

  /** A listing of a large bucket takes minutes. */
  @Override
  public Duration longestSilence() {
    Duration polls = settings.pollInterval().multipliedBy(POLLS_OF_SILENCE);
    return polls.compareTo(LEAST_SILENCE) > 0 ? polls : LEAST_SILENCE;
  }

  /** A directory in a bucket may be told from a listing of what it lies in, up to so old. */
  private Sighting asOfItsListing(Sighting sighting) {
    return sighting instanceof Sighting.Listed(Instant at, int pending, var unmatched)
            && Locations.isElsewhere(settings.directory().toString())
        ? new Sighting.Listed(
            at.minus(settings.pollInterval().multipliedBy(3).dividedBy(2)), pending, unmatched)
        : sighting;
  }

  private List<Sighting> poll(DirectoryListing listing, SettleTracker tracker, EndMarker marker) {
    Instant now = clock.instant();
    try {
      DirectoryListing.Listing listed = listing.list();
      List<Sighting> sightings = new ArrayList<>(tracker.observe(now, listed));
      sightings.replaceAll(this::asOfItsListing);
      marker.look(listed.candidates()).ifPresent(sightings::add);
      return sightings;
    } catch (UnlistableException e) {
      return tracker.unlistable(e.problem());
    }
  }
}
