package io.diffuscope.run;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.diffuscope.sampling.Reference;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Where a monitor keeps what happens to its runs. Akka Persistence writes it; this opens it, tells
 * Akka where it is, and reads and removes what is in it. Its methods block; any thread may call
 * them.
 */
public interface RunStore extends RunRecords, AutoCloseable {
  /** Keeps nothing longer than the process: each start begins anew. */
  RunStore NONE = new Forgetful();

  /** What Akka needs to keep events here. */
  Config config();

  /** Where it is, for messages. */
  String place();

  /**
   * Makes a series known before its events are read or written. Where its snapshots were made by
   * other rules they are removed: the state is then made of all its events anew.
   *
   * @param rules what states are made by of events, besides the events
   */
  void begin(SeriesId series, String rules) throws IOException;

  /** Mends what can be mended after a write has failed; may do nothing. */
  void revive();

  /**
   * Identities of the checkpoints whose evaluations were begun and not ended: what may still be
   * held for them is not left over.
   */
  Set<String> openEvaluations() throws IOException;

  /**
   * Keeps what the next checkpoints are compared with in pairs, before the result of this one is
   * recorded: what is kept of one whose result never was is written over. Of a series the latest
   * are kept, within a number of bytes.
   *
   * @param identity of the checkpoint
   * @param distances squared, by noise
   */
  void keepDistances(SeriesId series, String identity, Map<Reference, double[]> distances)
      throws IOException;

  /** What was kept of a checkpoint, digit by digit; empty where nothing is any more. */
  Map<Reference, double[]> distances(SeriesId series, String identity) throws IOException;

  /**
   * Keeps events after those that a series has, all or none; nobody else may be writing it.
   *
   * @param events of the series' run
   */
  void append(SeriesId series, List<RunEvent> events) throws IOException;

  /** Removes all that is kept of a run; nobody may be writing it. */
  void forget(String run) throws IOException;

  @Override
  void close();

  /** See {@link #NONE}. */
  final class Forgetful implements RunStore {
    private Forgetful() {}

    @Override
    public Config config() {
      return ConfigFactory.parseMap(
          Map.of(
              "akka.persistence.journal.plugin", "akka.persistence.journal.inmem",
              "akka.persistence.snapshot-store.plugin", "akka.persistence.no-snapshot-store"));
    }

    @Override
    public String place() {
      return "memory";
    }

    @Override
    public void begin(SeriesId series, String rules) {}

    @Override
    public void revive() {}

    @Override
    public Set<String> openEvaluations() {
      return Set.of();
    }

    @Override
    public void keepDistances(
        SeriesId series, String identity, Map<Reference, double[]> distances) {}

    @Override
    public Map<Reference, double[]> distances(SeriesId series, String identity) {
      return Map.of();
    }

    @Override
    public void append(SeriesId series, List<RunEvent> events) {}

    @Override
    public void forget(String run) {}

    @Override
    public List<SeriesId> series() {
      return List.of();
    }

    @Override
    public void forEach(SeriesId series, Consumer<RunEvent> told) {}

    @Override
    public long bytes(SeriesId series) {
      return 0;
    }

    @Override
    public void close() {}
  }
}
