package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.tensorfile.BadInputException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a probe's descriptor sees: in the sets, in reference flows' endpoints, in samples. */
final class Description implements AutoCloseable {
  private final Probe probe;
  private final NDManager manager;
  private final FeatureMap map;
  private final ReferenceFlows flows;
  private final EndpointFeatures endpointFeatures;
  private @Nullable DescribedSets sets;
  private @Nullable NDArray sampleFeatures;

  /**
   * Nothing described yet.
   *
   * @param map the descriptor, closed with this
   * @param flows the references; stay the caller's to close
   */
  Description(Probe probe, NDManager manager, FeatureMap map, ReferenceFlows flows) {
    this.probe = probe;
    this.manager = manager;
    this.map = map;
    this.flows = flows;
    this.endpointFeatures =
        new EndpointFeatures(
            map,
            String.valueOf(probe.spec().descriptor().file()),
            manager,
            probe.spec().residentBytes());
  }

  /** Whether the sets were described. */
  boolean isReady() {
    return sets != null;
  }

  /** Describes the sets, or finds on disk what was described before. */
  Task<DescribedSets> find() throws BadInputException {
    return new ChainedTask<DescribedSets, DescribedSets>(
        DescribedSets.find(probe, map, manager),
        found -> {
          sets = found;
          return Task.done(found);
        });
  }

  /** What describes images; closed with this. */
  FeatureMap map() {
    return map;
  }

  /**
   * Similarities of samples whose references' endpoints are loaded.
   *
   * @param endpoints float32 {@code [rows, d]}; stays the caller's to close
   * @param trainGroups by which authenticity is found, too; null: it is not
   */
  Task<SimilarityObservation> similarities(
      int block, NDArray endpoints, int @Nullable [] trainGroups) {
    return new SimilarityTask(
        manager,
        map,
        String.valueOf(probe.spec().descriptor().file()),
        Objects.requireNonNull(sets, "geometry comes first"),
        block,
        (long) block * probe.spec().batchSize(),
        endpoints,
        probe.references(),
        (reference, from, count, owner) ->
            endpointFeatures.of(
                reference, block, flows.endpoints(reference, block), from, count, owner),
        trainGroups,
        this::keep);
  }

  private void keep(NDArray features) {
    if (sampleFeatures != null) {
      sampleFeatures.close();
    }
    features.attach(manager);
    sampleFeatures = features;
  }

  /**
   * What the descriptor gives for the samples of the last block that was measured, float32 {@code
   * [rows, dimension]}; not to be changed.
   */
  NDArray sampleFeatures() {
    return Objects.requireNonNull(sampleFeatures, "similarities come first");
  }

  /** The hold-out set as the descriptor gives it, once it is described; null without one. */
  @Nullable DataSet holdout() {
    return sets == null ? null : sets.holdout();
  }

  @Override
  public void close() {
    if (sets != null) {
      sets.close();
    }
    map.close();
  }
}
