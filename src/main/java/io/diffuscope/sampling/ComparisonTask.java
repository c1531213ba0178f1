package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.sampling.Observation.ComparisonObservation;
import io.diffuscope.sampling.Observation.EnsembleObservation;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Compares the kept samples of one block of noises with those of other checkpoints, and several
 * peers with a reference's flow. No network is asked: the samples come from disk. What is missing
 * there is compared with nothing.
 */
final class ComparisonTask implements Task<List<Observation>> {
  private static final int[] ELEMENTS = {1};

  /** Below it a vector of float32 numbers is nothing but zeros. */
  private static final double SHORTEST = 1e-30;

  private final Probe probe;
  private final NDManager manager;
  private final SampleStore store;
  private final SampleComparison compared;
  private final int block;
  private final FeatureMap map;
  private final @Nullable FeatureMap descriptor;
  private final ReferenceFlows flows;
  private final List<SampleAddress> waiting;
  private final Map<SampleAddress, NDArray> features = new HashMap<>();
  private final Map<SampleAddress, NDArray> descriptions = new HashMap<>();
  private @Nullable List<Observation> result;

  /**
   * A block.
   *
   * @param map what distances are measured in; stays the caller's to close
   * @param descriptor what similarities are measured in; null: none are; stays the caller's to
   *     close
   */
  ComparisonTask(
      Probe probe,
      NDManager parent,
      SampleStore store,
      SampleComparison compared,
      int block,
      FeatureMap map,
      @Nullable FeatureMap descriptor,
      ReferenceFlows flows) {
    this.probe = probe;
    this.manager = parent.newSubManager();
    this.store = store;
    this.compared = compared;
    this.block = block;
    this.map = map;
    this.descriptor = descriptor;
    this.flows = flows;
    Set<SampleAddress> all = new LinkedHashSet<>();
    if (!compared.others().isEmpty() || !compared.peers().isEmpty()) {
      all.add(compared.mine());
    }
    all.addAll(compared.others().values());
    all.addAll(compared.peers());
    this.waiting = new ArrayList<>(all);
  }

  @Override
  public boolean advance() throws BadInputException {
    if (!waiting.isEmpty()) {
      load(waiting.removeFirst());
      return true;
    }
    if (result == null) {
      result = compare();
    }
    return false;
  }

  private void load(SampleAddress address) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    float[] values = store.find(address, block, rows, probe.dimension()).orElse(null);
    if (values == null) {
      return;
    }
    try (NDManager scratch = manager.newSubManager()) {
      NDArray samples = scratch.create(values, new Shape(rows, probe.dimension()));
      features.put(address, wide(map, samples));
      FeatureMap seen = descriptor;
      boolean isPaired =
          address.equals(compared.mine()) || compared.others().containsValue(address);
      if (seen != null && isPaired) {
        NDArray described = wide(seen, samples);
        NDArray lengths = described.square().sum(ELEMENTS, true).sqrt().maximum(SHORTEST);
        lengths.attach(scratch);
        descriptions.put(address, described.divi(lengths));
      }
    }
  }

  /** Features in double precision, a few rows at a time, attached to this task's manager. */
  private NDArray wide(FeatureMap through, NDArray samples) throws BadInputException {
    int rows = Math.toIntExact(samples.getShape().get(0));
    try (NDManager scratch = manager.newSubManager()) {
      NDList parts = new NDList();
      for (int row = 0; row < rows; row += through.rows()) {
        int count = Math.min(through.rows(), rows - row);
        NDArray some = BlockMeasurement.slice(samples, row, count, scratch);
        NDArray made = through.isIdentity() ? some : through.apply(some);
        NDArray part = made.toType(DataType.FLOAT64, true);
        part.attach(scratch);
        parts.add(part);
      }
      NDArray all = NDArrays.concat(parts);
      all.attach(manager);
      return all;
    }
  }

  private List<Observation> compare() throws BadInputException {
    List<Observation> found = new ArrayList<>();
    NDArray mine = features.get(compared.mine());
    if (mine == null) {
      return found;
    }
    Map<Reference, double[]> squared = new EnumMap<>(Reference.class);
    Map<Reference, double[]> similarities = new EnumMap<>(Reference.class);
    compared
        .others()
        .forEach(
            (reference, address) -> {
              NDArray theirs = features.get(address);
              if (theirs != null) {
                squared.put(reference, Samples.squaredDistances(mine, theirs));
              }
              NDArray described = descriptions.get(compared.mine());
              NDArray other = descriptions.get(address);
              if (described != null && other != null) {
                similarities.put(reference, products(described, other));
              }
            });
    if (!squared.isEmpty()) {
      found.add(new ComparisonObservation(block, first(), squared, similarities));
    }
    Reference reference = compared.reference();
    boolean isWhole = features.keySet().containsAll(compared.peers());
    if (reference != null && compared.peers().size() >= 2 && isWhole) {
      found.add(ensemble(reference));
    }
    return found;
  }

  private static double[] products(NDArray mine, NDArray theirs) {
    try (NDArray products = mine.mul(theirs);
        NDArray sums = products.sum(ELEMENTS)) {
      return sums.toDoubleArray();
    }
  }

  private EnsembleObservation ensemble(Reference reference) throws BadInputException {
    List<SampleAddress> peers = compared.peers();
    int rows = probe.rowsOfBlock(block);
    double[] total = new double[rows];
    double[] variance = new double[rows];
    double[] toReference = new double[peers.size()];
    double[] betweenPairs = new double[peers.size() * (peers.size() - 1) / 2];
    flows.load(block);
    NDArray target = wide(map, flows.endpoints(reference, block));
    int pair = 0;
    for (int k = 0; k < peers.size(); k++) {
      NDArray mine = Objects.requireNonNull(features.get(peers.get(k)));
      toReference[k] = add(Samples.squaredDistances(mine, target), total, peers.size());
      for (int l = k + 1; l < peers.size(); l++) {
        NDArray theirs = Objects.requireNonNull(features.get(peers.get(l)));
        betweenPairs[pair++] =
            add(
                Samples.squaredDistances(mine, theirs),
                variance,
                (double) peers.size() * (peers.size() - 1));
      }
    }
    return new EnsembleObservation(
        block, first(), reference, total, variance, toReference, betweenPairs);
  }

  /** Adds a share of each to the sums; the result is their own sum. */
  private static double add(double[] distances, double[] sums, double share) {
    double sum = 0;
    for (int i = 0; i < sums.length; i++) {
      sums[i] += distances[i] / share;
      sum += distances[i];
    }
    return sum;
  }

  private long first() {
    return (long) block * probe.spec().batchSize();
  }

  @Override
  public double progress() {
    return result != null ? 1 : (double) features.size() / (features.size() + waiting.size() + 1);
  }

  @Override
  public List<Observation> result() {
    return List.copyOf(Objects.requireNonNull(result, "the samples have not been compared"));
  }

  @Override
  public void close() {
    manager.close();
  }
}
