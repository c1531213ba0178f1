package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.KeptSamples;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SampleAddress;
import io.diffuscope.sampling.SampleComparison;
import io.diffuscope.sampling.SampleStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the samples of one run's checkpoints are compared with once they are kept. Each of two peers
 * looks for the other's after its own are complete, so that the later one finds the earlier one's,
 * whichever it is.
 */
final class Comparisons {
  private final ComparisonSettings settings;
  private final String run;
  private final Probe probe;
  private final @Nullable Reference ensemble;

  /**
   * Those of a run.
   *
   * @param ensemble the reference that peers are compared with; null: they are not
   */
  Comparisons(ComparisonSettings settings, String run, Probe probe, @Nullable Reference ensemble) {
    this.settings = settings;
    this.run = run;
    this.probe = probe;
    this.ensemble = ensemble;
  }

  /**
   * What a person should know of a run's peers before the first number.
   *
   * @param wantsEnsemble whether bias_variance is switched on
   */
  List<String> notes(boolean wantsEnsemble) {
    List<String> notes = new ArrayList<>();
    if (!settings.peers().isEmpty() && !settings.hasPeers(run)) {
      notes.add(
          "run %s is none of the peers %s: it is compared with none of them"
              .formatted(run, String.join(", ", settings.peers())));
    } else if (settings.hasPeers(run) && wantsEnsemble && ensemble == null) {
      notes.add("bias_variance is off: without a teacher or a hold-out set there is no reference");
    }
    return notes;
  }

  /** Where the samples of a checkpoint are kept; null where they are not compared. */
  @Nullable KeptSamples place(Checkpoint checkpoint) {
    String directory = settings.directory();
    SampleAddress address = address(checkpoint);
    return directory == null || address == null || !settings.isOn(run)
        ? null
        : new KeptSamples(directory, address);
  }

  private @Nullable SampleAddress address(Checkpoint checkpoint) {
    Long step = checkpoint.step();
    return step == null
        ? null
        : SampleAddress.of(probe.sampleSeries(), run, step, checkpoint.identity());
  }

  /**
   * Looks for what is compared with a checkpoint whose samples are kept, and clears away what is
   * too old. Reads directories: not for an actor's thread.
   *
   * @param previous the checkpoint judged before; null: none
   */
  List<WorkUnit> find(KeptSamples kept, @Nullable Checkpoint previous) {
    SampleStore store = new SampleStore(Path.of(kept.directory()));
    store.trim(
        run, settings.peersOf(run).isEmpty() ? 2 : settings.mostKept(), settings.mostBytes());
    Map<Reference, SampleAddress> others = new EnumMap<>(Reference.class);
    SampleAddress before = previous == null ? null : address(previous);
    int blocks = probe.sampleBlocks();
    if (settings.previous() && before != null && store.isComplete(before, blocks)) {
      others.put(Reference.PREVIOUS, before);
    }
    List<SampleAddress> peers = new ArrayList<>();
    for (String peer : settings.hasPeers(run) ? settings.peers() : List.<String>of()) {
      Optional<SampleAddress> theirs =
          peer.equals(run)
              ? Optional.of(kept.address())
              : store.at(probe.sampleSeries(), peer, kept.address().step(), blocks);
      theirs.ifPresent(peers::add);
    }
    // Always the same one, or none: a curve that changed peers between steps would mislead.
    settings.peersOf(run).stream()
        .findFirst()
        .flatMap(first -> peers.stream().filter(peer -> peer.run().equals(first)).findFirst())
        .ifPresent(first -> others.put(Reference.PEER, first));
    boolean areAll = peers.size() == settings.peers().size();
    SampleComparison comparison =
        new SampleComparison(
            kept.directory(),
            kept.address(),
            others,
            ensemble != null && areAll ? peers : List.of(),
            ensemble);
    List<WorkUnit> units = new ArrayList<>();
    for (int block = 0; block < blocks; block++) {
      units.add(new WorkUnit.ComparisonBlock(comparison, block));
    }
    return units;
  }
}
