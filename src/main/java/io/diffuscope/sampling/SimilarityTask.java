package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.sampling.NeighbourSearch.Exclusion;
import io.diffuscope.sampling.NeighbourSearch.Nearest;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Cosine similarities of one block of samples under a descriptor: to the training set, and to the
 * endpoints of the reference flows from the same noises. A few images a piece are described, the
 * samples' first; the last piece compares.
 */
final class SimilarityTask implements Task<SimilarityObservation> {
  private static final int[] ELEMENTS = {1};

  /** Below it a vector of float32 numbers is nothing but zeros. */
  private static final double SHORTEST = 1e-30;

  /** Features of some endpoints of a reference's flow. */
  @FunctionalInterface
  interface References {
    /**
     * Not to be changed.
     *
     * @param owner owns them if they are not kept
     * @return float32 {@code [count, dimension]}
     */
    NDArray features(Reference reference, int from, int count, NDManager owner)
        throws BadInputException;
  }

  private final NDManager manager;
  private final FeatureMap map;
  private final String source;
  private final DescribedSets sets;
  private final List<Reference> order;
  private final References references;
  private final int @Nullable [] trainGroups;
  private final Consumer<? super NDArray> sampleFeatures;
  private final List<NDArray> unscaled = new ArrayList<>();
  private final int block;
  private final long first;
  private final NDArray endpoints;
  private final int rows;
  private final List<NDArray> parts = new ArrayList<>();
  private final List<NDArray> described = new ArrayList<>();
  private int row;
  private @Nullable SimilarityObservation result;

  /**
   * A block.
   *
   * @param source file of the descriptor, for messages
   * @param first index of its first noise
   * @param endpoints float32 {@code [rows, d]}, finite; stays the caller's to close
   * @param order references that are compared with
   * @param trainGroups a label for every training point, equal for duplicates: authenticity is
   *     found, too; null: it is not
   * @param sampleFeatures takes what the descriptor gives for the samples, float32 {@code [rows,
   *     dimension]}, and attaches it where it is to live on
   */
  SimilarityTask(
      NDManager parent,
      FeatureMap map,
      String source,
      DescribedSets sets,
      int block,
      long first,
      NDArray endpoints,
      List<Reference> order,
      References references,
      int @Nullable [] trainGroups,
      Consumer<? super NDArray> sampleFeatures) {
    this.manager = parent.newSubManager();
    this.map = map;
    this.source = source;
    this.sets = sets;
    this.block = block;
    this.first = first;
    this.endpoints = endpoints;
    this.rows = Math.toIntExact(endpoints.getShape().get(0));
    this.order = order;
    this.references = references;
    this.trainGroups = trainGroups;
    this.sampleFeatures = sampleFeatures;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (described.size() <= order.size()) {
      describe(described.size());
      return true;
    }
    if (result == null) {
      result = compare();
    }
    return false;
  }

  /** A part of the samples (set 0), or of a reference's endpoints. */
  private void describe(int set) throws BadInputException {
    int count = Math.min(map.rows(), rows - row);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray features;
      if (set == 0) {
        NDArray some = endpoints.get("%d:%d".formatted(row, row + count));
        some.attach(scratch);
        features = map.apply(some);
        Samples.requireUsable(features, map, source, "for samples");
        features.attach(manager);
        unscaled.add(features);
      } else {
        features = references.features(order.get(set - 1), row, count, scratch);
      }
      NDArray wide = features.toType(DataType.FLOAT64, true);
      wide.attach(scratch);
      NDArray unit = wide.div(wide.square().sum(ELEMENTS, true).sqrt().maximum(SHORTEST));
      unit.attach(manager);
      parts.add(unit);
    }
    row += count;
    if (row == rows) {
      if (set == 0) {
        sampleFeatures.accept(NDArrays.concat(new NDList(unscaled)));
        unscaled.clear();
      }
      NDArray all = parts.size() == 1 ? parts.get(0) : NDArrays.concat(new NDList(parts));
      all.attach(manager);
      described.add(all);
      parts.clear();
      row = 0;
    }
  }

  private SimilarityObservation compare() throws BadInputException {
    try (NDManager scratch = manager.newSubManager()) {
      NDArray mine = described.get(0);
      NDArray queries = mine.toType(DataType.FLOAT32, true);
      queries.attach(scratch);
      Nearest nearest = new NeighbourSearch(sets.trainPoints()).nearestTwo(queries, null);
      double[] lengths = mine.square().sum(ELEMENTS).toDoubleArray();
      double[] toTrain = new double[rows];
      for (int i = 0; i < rows; i++) {
        double distance = nearest.distance()[i][0];
        // Of a sample that the descriptor sees nothing in, nothing is a copy.
        toTrain[i] = lengths[i] < 0.5 ? 0 : 1 - distance * distance / 2;
      }
      Map<Reference, double[]> pairs = new EnumMap<>(Reference.class);
      for (int i = 0; i < order.size(); i++) {
        NDArray products = mine.mul(described.get(i + 1));
        products.attach(scratch);
        pairs.put(order.get(i), products.sum(ELEMENTS).toDoubleArray());
      }
      return new SimilarityObservation(
          block,
          first,
          toTrain,
          nearest.firstIndex(),
          pairs,
          trainGroups == null ? new boolean[0] : authentic(nearest, trainGroups, scratch));
    }
  }

  /**
   * Whether samples are farther from their nearest training point than that one from any that is no
   * duplicate of it.
   */
  private boolean[] authentic(Nearest nearest, int[] groups, NDManager scratch)
      throws BadInputException {
    int[] index = nearest.firstIndex();
    FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(rows, map.dimension()));
    for (int i : index) {
      sets.train().read(i, 1, values);
    }
    NDArray neighbours = scratch.create(values.array(), new Shape(rows, map.dimension()));
    double[] apart =
        new NeighbourSearch(sets.trainPoints())
            .nearestTwo(neighbours, new Exclusion(groups, TrainGroups.of(groups, index)))
            .firstDistance();
    boolean[] authentic = new boolean[rows];
    for (int i = 0; i < rows; i++) {
      authentic[i] = nearest.distance()[i][0] > apart[i];
    }
    return authentic;
  }

  @Override
  public double progress() {
    double pieces = (order.size() + 1.0) * rows;
    return Math.min(1, (described.size() * (double) rows + row) / pieces);
  }

  @Override
  public SimilarityObservation result() {
    return Objects.requireNonNull(result, "the similarities have not been measured");
  }

  @Override
  public void close() {
    manager.close();
  }
}
