package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.DirectoryListing.Listing;
import io.diffuscope.checkpoint.Sighting.PassedOver;
import io.diffuscope.checkpoint.Sighting.Reason;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Decides from successive listings of a directory which candidates are complete checkpoints, and
 * when to report them. It does no input or output of its own and reads no clock.
 *
 * <p>A candidate is <em>settled</em> when nothing is in its way, its version stayed the same for
 * the quiet period and the structural check accepts it. Settled ones are reported in the order of
 * their steps (those without a step: of their modification times). A candidate that is still
 * growing, or that its trainer has not marked as complete, holds back the ones after it, because a
 * run judges its checkpoints in order, but only until the settle timeout, so that nothing is ever
 * blocked by one that stays as it is. A quiet one that is structurally wrong holds back nothing.
 *
 * <p>Not thread-safe: one tracker belongs to one subscription.
 */
final class SettleTracker {
  /** Settled ones that are gone are remembered, so that a flickering listing repeats nothing. */
  static final int REMEMBERED = 10_000;

  private static final Comparator<Tracked> BY_STEP =
      Comparator.comparingLong(Tracked::stepOrZero).thenComparing(t -> t.listed.path());
  private static final Comparator<Tracked> BY_TIME =
      Comparator.<Tracked>comparingLong(t -> t.listed.version().modifiedNanos())
          .thenComparing(t -> t.listed.path());

  private final Duration quietPeriod;
  private final Duration settleTimeout;
  private final StructuralCheck check;
  private final Map<Path, Tracked> candidates = new TreeMap<>();
  private final Map<Path, ContentVersion> gone = new Remembered();
  private Sighting.@Nullable Problem problem;
  private String choice = "";

  SettleTracker(DirectorySettings settings, StructuralCheck check) {
    this.quietPeriod = settings.quietPeriod();
    this.settleTimeout = settings.settleTimeout();
    this.check = check;
  }

  /** Takes in a listing and tells what it decides, closing with {@link Sighting.Listed}. */
  List<Sighting> observe(Instant now, Listing listing) {
    List<Sighting> sightings = new ArrayList<>();
    recovered().ifPresent(sightings::add);
    sightings.addAll(listing.news());
    listing.candidates().forEach(candidate -> meet(now, candidate));
    dropVanished(listing, sightings);
    for (Tracked candidate : candidates.values()) {
      settle(now, candidate).ifPresent(sightings::add);
    }
    report(candidates.values().stream().filter(Tracked::hasStep).sorted(BY_STEP), sightings);
    report(candidates.values().stream().filter(t -> !t.hasStep()).sorted(BY_TIME), sightings);
    sightings.add(new Sighting.Listed(now, pending(now), listing.unmatched()));
    return sightings;
  }

  /** The directory could not be listed: said once; what is known of its files is kept. */
  List<Sighting> unlistable(Sighting.Problem cause) {
    if (cause.equals(problem)) {
      return List.of();
    }
    problem = cause;
    return List.of(cause);
  }

  /** Number of candidates that memory is held for. */
  int tracked() {
    return candidates.size() + gone.size();
  }

  private Optional<Sighting> recovered() {
    if (problem == null) {
      return Optional.empty();
    }
    problem = null;
    return Optional.of(new Sighting.Recovered("the checkpoint directory can be listed again"));
  }

  private void meet(Instant now, Candidate listed) {
    Tracked known = candidates.get(listed.key());
    if (known == null) {
      Tracked candidate = new Tracked(listed, now);
      if (listed.version().equals(gone.remove(listed.key()))) {
        candidate.state = State.REPORTED;
      }
      candidates.put(listed.key(), candidate);
    } else if (known.state != State.REPORTED || listed.weights() != null) {
      // Weights that were reported may be taken away; that is no new content.
      known.seen(now, listed);
    }
  }

  private void dropVanished(Listing listing, List<Sighting> sightings) {
    Set<Path> present = new HashSet<>();
    listing.candidates().forEach(candidate -> present.add(candidate.key()));
    Iterator<Tracked> iterator = candidates.values().iterator();
    while (iterator.hasNext()) {
      Tracked candidate = iterator.next();
      Path key = candidate.listed.key();
      if (present.contains(key)) {
        continue;
      }
      iterator.remove();
      if (candidate.state == State.REPORTED) {
        gone.put(key, candidate.listed.version());
      } else if (candidate.passedOver == null && !listing.setAside().contains(key)) {
        sightings.add(
            new PassedOver(
                candidate.listed.path().toString(),
                Reason.VANISHED,
                candidate.listed.path()
                    + ": gone before it was complete;"
                    + " let the trainer keep its checkpoints for longer"));
      }
    }
  }

  /** Moves a candidate on, if its time has come. */
  private Optional<Sighting> settle(Instant now, Tracked candidate) {
    if (candidate.state == State.READY || candidate.state == State.REPORTED) {
      return Optional.empty();
    }
    Obstacle obstacle = candidate.listed.obstacle();
    if (obstacle != null) {
      return obstructed(now, candidate, obstacle);
    }
    if (candidate.state == State.GROWING) {
      if (Duration.between(candidate.quietSince, now).compareTo(quietPeriod) >= 0) {
        return examine(now, candidate);
      }
      if (timedOut(now, candidate)) {
        return passOver(
            candidate,
            Reason.INCOMPLETE,
            "%s: still growing after %d s, so later checkpoints go first; it is taken when it is complete"
                .formatted(candidate.listed.path(), settleTimeout.toSeconds()));
      }
    } else if (candidate.passedOver == Reason.UNREADABLE) {
      // Permissions change without a trace in size, time or inode: so it is tried again.
      return examine(now, candidate);
    }
    return Optional.empty();
  }

  private Optional<Sighting> obstructed(Instant now, Tracked candidate, Obstacle obstacle) {
    if (obstacle.kind() == Obstacle.Kind.UNREADABLE) {
      candidate.state = State.REFUSED;
      return passOver(candidate, Reason.UNREADABLE, obstacle.sentence());
    }
    candidate.state = State.GROWING;
    return timedOut(now, candidate)
        ? passOver(
            candidate,
            Reason.INCOMPLETE,
            "%s; later checkpoints go first after %d s, and it is taken when that is there%s"
                .formatted(
                    obstacle.sentence(),
                    settleTimeout.toSeconds(),
                    obstacle.kind() == Obstacle.Kind.MARKER
                        ? " (at once with diffuscope.checkpoints.markers = ignored)"
                        : ""))
        : Optional.empty();
  }

  private Optional<Sighting> examine(Instant now, Tracked candidate) {
    WeightsLocation weights = candidate.listed.weights();
    if (weights == null) {
      return Optional.empty();
    }
    try {
      check.check(weights.file());
      candidate.state = State.READY;
      return Optional.empty();
    } catch (BadInputException e) {
      return refuse(now, candidate, e);
    } catch (NoSuchFileException e) {
      return Optional.empty(); // the next listing tells
    } catch (IOException e) {
      candidate.state = State.REFUSED;
      return passOver(
          candidate, Reason.UNREADABLE, candidate.listed.path() + ": cannot be read (" + e + ")");
    }
  }

  private Optional<Sighting> refuse(Instant now, Tracked candidate, BadInputException cause) {
    String message = String.valueOf(cause.getMessage());
    switch (cause.reason()) {
      case VANISHED -> {
        return Optional.empty(); // the next listing tells
      }
      case CHANGED -> {
        candidate.quietSince = now;
        return Optional.empty();
      }
      case UNREADABLE -> {
        candidate.state = State.REFUSED;
        return passOver(candidate, Reason.UNREADABLE, message);
      }
      case TRUNCATED, EMPTY -> {
        candidate.state = State.REFUSED;
        return passOver(candidate, Reason.INCOMPLETE, message);
      }
      case MALFORMED, UNSUPPORTED, WRONG_SHAPE, MISMATCH, NON_FINITE -> {
        candidate.state = State.REFUSED;
        return passOver(candidate, Reason.MALFORMED, message);
      }
    }
    throw new AssertionError(cause.reason());
  }

  private static Optional<Sighting> passOver(Tracked candidate, Reason reason, String message) {
    if (candidate.passedOver == reason) {
      return Optional.empty();
    }
    candidate.passedOver = reason;
    String path = candidate.passedOverAs;
    if (path == null) {
      path = candidate.listed.path().toString();
      candidate.passedOverAs = path;
    }
    return Optional.of(new PassedOver(path, reason, message));
  }

  /** Reports what is ready, up to the first that is still growing and was not passed over. */
  private void report(Stream<Tracked> inOrder, List<Sighting> sightings) {
    Iterator<Tracked> iterator = inOrder.iterator();
    while (iterator.hasNext()) {
      Tracked candidate = iterator.next();
      if (candidate.state == State.READY) {
        candidate.state = State.REPORTED;
        candidate.passedOver = null;
        tellChoice(candidate.listed.choice(), sightings);
        sightings.add(candidate.settled());
      } else if (candidate.state == State.GROWING && candidate.passedOver == null) {
        return;
      }
    }
  }

  private void tellChoice(String newChoice, List<Sighting> sightings) {
    if (!newChoice.equals(choice)) {
      choice = newChoice;
      if (!newChoice.isEmpty()) {
        sightings.add(new Sighting.Recognised(newChoice));
      }
    }
  }

  private int pending(Instant now) {
    return (int)
        candidates.values().stream()
            .filter(t -> t.state == State.READY || (t.state == State.GROWING && !timedOut(now, t)))
            .count();
  }

  private boolean timedOut(Instant now, Tracked candidate) {
    return Duration.between(candidate.growingSince, now).compareTo(settleTimeout) >= 0;
  }

  private enum State {
    /** New or changed, and not examined yet. */
    GROWING,
    /** Complete; waits for its turn. */
    READY,
    /** Reported as settled. */
    REPORTED,
    /** Quiet, but the check refuses it. */
    REFUSED
  }

  /** What is known of one candidate. */
  private static final class Tracked {
    Candidate listed;
    Instant growingSince;
    Instant quietSince;
    State state = State.GROWING;

    /** Why it was passed over since it was last reported as settled; it holds back nothing then. */
    @Nullable Reason passedOver;

    /** The path that was told then; of another copy of the weights, perhaps, than is taken now. */
    @Nullable String passedOverAs;

    Tracked(Candidate listed, Instant now) {
      this.listed = listed;
      this.growingSince = now;
      this.quietSince = now;
    }

    void seen(Instant now, Candidate newest) {
      if (!newest.version().equals(listed.version())) {
        if (state == State.REPORTED || state == State.REFUSED) {
          growingSince = now;
        }
        quietSince = now;
        state = State.GROWING;
      }
      listed = newest;
    }

    Sighting.Settled settled() {
      Checkpoint checkpoint = listed.checkpoint();
      String before = passedOverAs;
      passedOverAs = null;
      return new Sighting.Settled(checkpoint, checkpoint.path().equals(before) ? null : before);
    }

    boolean hasStep() {
      return listed.step() != null;
    }

    long stepOrZero() {
      return listed.step() == null ? 0 : listed.step();
    }
  }

  private static final class Remembered extends LinkedHashMap<Path, ContentVersion> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Path, ContentVersion> eldest) {
      return size() > REMEMBERED;
    }
  }
}
