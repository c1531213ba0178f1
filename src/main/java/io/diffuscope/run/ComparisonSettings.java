package io.diffuscope.run;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which other samples a checkpoint's samples are compared with, noise by noise.
 *
 * @param directory where samples are kept for that; null: nothing is kept or compared
 * @param previous whether with those of the checkpoint that was judged before
 * @param peers ids of runs that are compared with each other at equal steps; they may be monitored
 *     elsewhere, with the same directory
 * @param mostKept checkpoints of a run whose samples are kept, at least 2
 * @param mostBytes disk that the samples of one run may take; the newest two are always kept
 */
public record ComparisonSettings(
    @Nullable String directory,
    boolean previous,
    List<String> peers,
    int mostKept,
    long mostBytes) {
  /** Nothing is kept or compared. */
  public static final ComparisonSettings OFF = new ComparisonSettings(null, false, List.of(), 2, 0);

  public ComparisonSettings {
    peers = List.copyOf(peers);
    if (mostKept < 2 || mostBytes < 0) {
      throw new IllegalArgumentException(
          "samples of at least 2 checkpoints must be kept to be compared, in 0 bytes or more: %d, %d"
              .formatted(mostKept, mostBytes));
    }
    for (String peer : peers) {
      if (!RunSettings.isId(peer)) {
        throw new IllegalArgumentException(
            "a peer is named by its run's id, letters, digits, dots, dashes and underscores: "
                + peer);
      }
    }
    if (peers.stream().distinct().count() != peers.size() || peers.size() == 1) {
      throw new IllegalArgumentException(
          "peers are two runs or more, each named once: " + String.join(", ", peers));
    }
    if (peers.size() > MOST_PEERS) {
      throw new IllegalArgumentException(
          "at most %d runs can be peers: %d are named".formatted(MOST_PEERS, peers.size()));
    }
  }

  /** Each step is read once for every one of them, and compared in pairs. */
  private static final int MOST_PEERS = 32;

  /** Whether samples of this run are kept and compared at all. */
  boolean isOn(String run) {
    return directory != null && (previous || hasPeers(run));
  }

  /** Whether this run is one of several peers. */
  boolean hasPeers(String run) {
    return directory != null && peers.contains(run);
  }

  /** The peers of a run, in the order in which they were named. */
  List<String> peersOf(String run) {
    return hasPeers(run) ? peers.stream().filter(peer -> !peer.equals(run)).toList() : List.of();
  }
}
