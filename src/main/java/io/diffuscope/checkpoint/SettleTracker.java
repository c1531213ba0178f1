package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Sighting.PassedOver;
import io.diffuscope.checkpoint.Sighting.Reason;
import io.diffuscope.tensorfile.BadInputException;
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
 * Decides from successive listings of a directory which files are complete checkpoints, and when to
 * report them. It does no input or output of its own and reads no clock.
 *
 * <p>A file is <em>settled</em> when its version stayed the same for the quiet period and the
 * structural check accepts it. Settled files are reported in the order of their steps (those
 * without a step: of their modification times). A file that is still growing holds back the ones
 * after it, because a run judges its checkpoints in order, but only until the settle timeout, so
 * that nothing is ever blocked by a file that stays as it is. A quiet file that is structurally
 * wrong holds back nothing.
 *
 * <p>Not thread-safe: one tracker belongs to one subscription.
 */
final class SettleTracker {
  /** Settled files that are gone are remembered, so that a flickering listing repeats nothing. */
  static final int REMEMBERED = 10_000;

  private static final Comparator<Candidate> BY_STEP =
      Comparator.comparingLong(Candidate::stepOrZero).thenComparing(c -> c.path);
  private static final Comparator<Candidate> BY_TIME =
      Comparator.<Candidate>comparingLong(c -> c.version.modifiedNanos())
          .thenComparing(c -> c.path);

  private final Duration quietPeriod;
  private final Duration settleTimeout;
  private final StructuralCheck check;
  private final Map<Path, Candidate> candidates = new TreeMap<>();
  private final Map<Path, FileVersion> gone = new Remembered();
  private @Nullable String problem;

  SettleTracker(DirectorySettings settings, StructuralCheck check) {
    this.quietPeriod = settings.quietPeriod();
    this.settleTimeout = settings.settleTimeout();
    this.check = check;
  }

  /** Takes in a listing and tells what it decides, closing with {@link Sighting.Listed}. */
  List<Sighting> observe(Instant now, List<ListedFile> listing) {
    List<Sighting> sightings = new ArrayList<>();
    recovered().ifPresent(sightings::add);
    listing.forEach(file -> meet(now, file));
    dropVanished(listing, sightings);
    for (Candidate candidate : candidates.values()) {
      settle(now, candidate).ifPresent(sightings::add);
    }
    report(candidates.values().stream().filter(c -> c.step != null).sorted(BY_STEP), sightings);
    report(candidates.values().stream().filter(c -> c.step == null).sorted(BY_TIME), sightings);
    sightings.add(new Sighting.Listed(now, pending(now)));
    return sightings;
  }

  /** The directory could not be listed: said once; what is known of its files is kept. */
  List<Sighting> unlistable(String message) {
    if (message.equals(problem)) {
      return List.of();
    }
    problem = message;
    return List.of(new Sighting.Problem(message));
  }

  /** Number of files that memory is held for. */
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

  private void meet(Instant now, ListedFile file) {
    Candidate known = candidates.get(file.path());
    if (known == null) {
      Candidate candidate = new Candidate(file, now);
      if (file.version().equals(gone.remove(file.path()))) {
        candidate.state = State.REPORTED;
      }
      candidates.put(file.path(), candidate);
    } else if (!known.version.equals(file.version())) {
      known.changed(now, file.version());
    }
  }

  private void dropVanished(List<ListedFile> listing, List<Sighting> sightings) {
    Set<Path> present = new HashSet<>();
    listing.forEach(file -> present.add(file.path()));
    Iterator<Candidate> iterator = candidates.values().iterator();
    while (iterator.hasNext()) {
      Candidate candidate = iterator.next();
      if (present.contains(candidate.path)) {
        continue;
      }
      iterator.remove();
      if (candidate.state == State.REPORTED) {
        gone.put(candidate.path, candidate.version);
      } else if (candidate.passedOver == null) {
        sightings.add(
            new PassedOver(
                candidate.path.toString(),
                Reason.VANISHED,
                candidate.path
                    + ": gone before it was complete;"
                    + " let the trainer keep its checkpoints for longer"));
      }
    }
  }

  /** Moves a growing candidate on, if its time has come. */
  private Optional<Sighting> settle(Instant now, Candidate candidate) {
    if (candidate.state == State.GROWING) {
      if (Duration.between(candidate.quietSince, now).compareTo(quietPeriod) >= 0) {
        return examine(now, candidate);
      }
      if (timedOut(now, candidate)) {
        return passOver(
            candidate,
            Reason.INCOMPLETE,
            "%s: still growing after %d s, so later checkpoints go first; it is taken when it is complete"
                .formatted(candidate.path, settleTimeout.toSeconds()));
      }
    } else if (candidate.state == State.REFUSED && candidate.passedOver == Reason.UNREADABLE) {
      // Permissions change without a trace in size, time or inode: so it is tried again.
      return examine(now, candidate);
    }
    return Optional.empty();
  }

  private Optional<Sighting> examine(Instant now, Candidate candidate) {
    try {
      check.check(candidate.path);
      candidate.state = State.READY;
      return Optional.empty();
    } catch (BadInputException e) {
      return refuse(now, candidate, e);
    } catch (NoSuchFileException e) {
      return Optional.empty(); // the next listing tells
    } catch (IOException e) {
      candidate.state = State.REFUSED;
      return passOver(
          candidate, Reason.UNREADABLE, candidate.path + ": cannot be read (" + e + ")");
    }
  }

  private Optional<Sighting> refuse(Instant now, Candidate candidate, BadInputException cause) {
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

  private static Optional<Sighting> passOver(Candidate candidate, Reason reason, String message) {
    if (candidate.passedOver == reason) {
      return Optional.empty();
    }
    candidate.passedOver = reason;
    return Optional.of(new PassedOver(candidate.path.toString(), reason, message));
  }

  /** Reports what is ready, up to the first that is still growing and was not passed over. */
  private static void report(Stream<Candidate> inOrder, List<Sighting> sightings) {
    Iterator<Candidate> iterator = inOrder.iterator();
    while (iterator.hasNext()) {
      Candidate candidate = iterator.next();
      if (candidate.state == State.READY) {
        candidate.state = State.REPORTED;
        candidate.passedOver = null;
        sightings.add(new Sighting.Settled(CheckpointFiles.of(candidate.path, candidate.version)));
      } else if (candidate.state == State.GROWING && candidate.passedOver == null) {
        return;
      }
    }
  }

  private int pending(Instant now) {
    return (int)
        candidates.values().stream()
            .filter(c -> c.state == State.READY || (c.state == State.GROWING && !timedOut(now, c)))
            .count();
  }

  private boolean timedOut(Instant now, Candidate candidate) {
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

  /** What is known of one path. */
  private static final class Candidate {
    final Path path;
    final @Nullable Long step;
    FileVersion version;
    Instant growingSince;
    Instant quietSince;
    State state = State.GROWING;

    /** Why it was passed over since it was last reported as settled; it holds back nothing then. */
    @Nullable Reason passedOver;

    Candidate(ListedFile file, Instant now) {
      this.path = file.path();
      this.step = CheckpointFiles.stepOf(CheckpointFiles.fileName(file.path()));
      this.version = file.version();
      this.growingSince = now;
      this.quietSince = now;
    }

    void changed(Instant now, FileVersion newVersion) {
      if (state == State.REPORTED || state == State.REFUSED) {
        growingSince = now;
      }
      version = newVersion;
      quietSince = now;
      state = State.GROWING;
    }

    long stepOrZero() {
      return step == null ? 0 : step;
    }
  }

  private static final class Remembered extends LinkedHashMap<Path, FileVersion> {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Path, FileVersion> eldest) {
      return size() > REMEMBERED;
    }
  }
}
