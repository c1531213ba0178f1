package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.sampling.NeighbourSearch.Exclusion;
import io.diffuscope.sampling.NeighbourSearch.Nearest;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.ReferenceFlows.BlockReferences;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Measures endpoints: distances to the reference flows' endpoints, and nearest neighbours. */
final class Samples {
  private static final float LARGEST = 1e12f;

  /** Samples of a checkpoint that an approximate search is checked with. */
  private static final int CHECKED = 32;

  private final PointSearch train;
  private final TrainGroups groups;
  private final @Nullable PointSearch comparedHoldout;

  private final SetGeometry geometry;

  /**
   * Sets to measure samples against.
   *
   * @param orbit what counts as the same point
   */
  Samples(
      DevicePoints train,
      Orbit orbit,
      SetGeometry geometry,
      @Nullable DevicePoints comparedHoldout) {
    this(
        train,
        new NeighbourSearch(train, orbit),
        geometry,
        comparedHoldout == null ? null : new NeighbourSearch(comparedHoldout, orbit));
  }

  /**
   * Sets to measure samples against.
   *
   * @param points of the training set
   * @param train searches it
   * @param comparedHoldout searches the hold-out points that are compared; null without any
   */
  Samples(
      DevicePoints points,
      PointSearch train,
      SetGeometry geometry,
      @Nullable PointSearch comparedHoldout) {
    this.train = train;
    this.geometry = geometry;
    this.groups = new TrainGroups(points, train, geometry);
    this.comparedHoldout = comparedHoldout;
  }

  /** Whether distances of these points can be computed: beyond it squares overflow. */
  static boolean areUsable(NDArray points) {
    // Also false for NaN.
    return points.abs().lt(LARGEST).all().getBoolean();
  }

  /**
   * Fails unless distances of these features can be computed.
   *
   * @param source file of the map, or of what it was applied to, for messages
   * @param which they are: "for samples"
   */
  static void requireUsable(NDArray features, FeatureMap map, String source, String which)
      throws BadInputException {
    if (!areUsable(features)) {
      throw new BadInputException(
          source, Reason.NON_FINITE, map.complaint().formatted(which), null);
    }
  }

  /** Index of the nearest training point of each row, float32 {@code [count, d]}. */
  int[] nearestTrain(NDArray endpoints) throws BadInputException {
    return train.nearestTwo(endpoints, null).firstIndex();
  }

  /** What leaves the sampler, and beside it which points the neighbours are. */
  record Measured(SampleObservation observation, PointNeighbours neighbours) {}

  /** The observation of {@link #measure} alone. */
  SampleObservation observe(int block, long first, NDArray endpoints, BlockReferences references)
      throws BadInputException {
    return measure(block, first, endpoints, references).observation();
  }

  /**
   * Measures a block, or some rows of it.
   *
   * @param endpoints their features, float32 {@code [count, dimension]}
   * @param references the reference flows from the same noises
   */
  Measured measure(int block, long first, NDArray endpoints, BlockReferences references)
      throws BadInputException {
    Map<Reference, double[]> squared = new EnumMap<>(Reference.class);
    try (NDManager scratch = endpoints.getManager().newSubManager()) {
      NDArray wide = endpoints.toType(DataType.FLOAT64, true);
      wide.attach(scratch);
      references
          .features()
          .forEach((reference, theirs) -> squared.put(reference, squaredDistances(wide, theirs)));
    }
    Nearest nearest = train.nearestTwo(endpoints, null);
    int[] trainNeighbour = nearest.firstIndex();
    int[] labels = groups.around(trainNeighbour, endpoints.getManager());
    double[] second = nearest.secondDistance();
    int[] secondNeighbour = nearest.secondIndex();
    boolean hasDuplicates = groups.hasDuplicates(labels);
    if (hasDuplicates) {
      int[] mine = TrainGroups.of(labels, trainNeighbour);
      Nearest other = train.nearestTwo(endpoints, new Exclusion(labels, mine));
      second = other.firstDistance();
      secondNeighbour = other.firstIndex();
    }
    Nearest holdout = comparedHoldout == null ? null : comparedHoldout.nearestTwo(endpoints, null);
    int[] empiricalNeighbour = references.empiricalNeighbour();
    boolean[] samePoint = new boolean[empiricalNeighbour == null ? 0 : trainNeighbour.length];
    if (empiricalNeighbour != null) {
      int[] mine = TrainGroups.of(labels, trainNeighbour);
      int[] empirical = TrainGroups.of(labels, empiricalNeighbour);
      for (int i = 0; i < samePoint.length; i++) {
        samePoint[i] = mine[i] == empirical[i];
      }
    }
    PointNeighbours neighbours =
        new PointNeighbours(
            trainNeighbour,
            secondNeighbour,
            hasDuplicates ? TrainGroups.sizes(labels, trainNeighbour) : null,
            holdout == null ? null : holdout.firstIndex());
    SampleObservation observation =
        new SampleObservation(
            block,
            first,
            squared,
            Arrays.stream(trainNeighbour).map(i -> geometry.trainUnits()[i]).toArray(),
            nearest.firstDistance(),
            second,
            holdout == null ? null : holdoutUnits(holdout.firstIndex()),
            holdout == null ? null : holdout.firstDistance(),
            samePoint,
            references.ruler(),
            recall(train, first, endpoints, nearest),
            recall(comparedHoldout, first, endpoints, holdout));
    return new Measured(observation, neighbours);
  }

  private int[] holdoutUnits(int[] points) {
    int[] units = geometry.holdoutUnits();
    return units == null ? points : Arrays.stream(points).map(i -> units[i]).toArray();
  }

  /**
   * Looks exactly for the neighbours of some samples, the first of a checkpoint: an approximate
   * search is judged by what it was used for.
   */
  private static @Nullable SearchRecall recall(
      @Nullable PointSearch search, long first, NDArray endpoints, @Nullable Nearest found)
      throws BadInputException {
    if (!(search instanceof IndexedSearch indexed) || found == null || first != 0) {
      return null;
    }
    int count = Math.min(CHECKED, found.distance().length);
    try (NDManager scratch = endpoints.getManager().newSubManager()) {
      NDArray some = BlockMeasurement.slice(endpoints, 0, count, scratch);
      return SearchRecall.of(found, indexed.exact().nearestTwo(some, null));
    }
  }

  /**
   * Row by row, {@code [count]}. The results of the arithmetic belong to the manager of the first
   * operand, so what is cached goes second.
   */
  static double[] squaredDistances(NDArray mine, NDArray cached) {
    return mine.sub(cached).square().sum(new int[] {1}).toDoubleArray();
  }
}
