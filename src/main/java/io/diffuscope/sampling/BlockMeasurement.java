package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.ReferenceFlows.BlockReferences;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Measures the endpoints of one block of noises, piece by piece: first a few rows at a time become
 * features, the samples' and each reference's, and then a group of rows is compared. Under the
 * identity all rows are one group and one piece each.
 */
final class BlockMeasurement implements AutoCloseable {
  private final NDManager parent;
  private final FeatureMap map;
  private final Samples samples;
  private final ReferenceFlows references;
  private final List<Reference> order;
  private final int block;
  private final long first;
  private final int groupRows;
  private final NDArray endpoints;
  private final int rows;
  private final List<SampleObservation> done = new ArrayList<>();
  private final List<PointNeighbours> neighbours = new ArrayList<>();
  private final List<NDArray> parts = new ArrayList<>();
  private final Map<Reference, NDArray> theirs = new EnumMap<>(Reference.class);
  private @Nullable NDArray mine;
  private NDManager group;
  private int start;
  private int row;
  private int source;

  /**
   * A measurement.
   *
   * @param endpoints float32 {@code [count, d]}, finite; attached to {@code parent}, whose owner
   *     closes it
   * @param groupRows rows that are compared at a time
   */
  BlockMeasurement(
      NDManager parent,
      FeatureMap map,
      Samples samples,
      ReferenceFlows references,
      Probe probe,
      int block,
      NDArray endpoints,
      int groupRows) {
    this.parent = parent;
    this.map = map;
    this.samples = samples;
    this.references = references;
    this.order = probe.references();
    this.block = block;
    this.first = (long) block * probe.spec().batchSize();
    this.groupRows = groupRows;
    this.endpoints = endpoints;
    this.rows = Math.toIntExact(endpoints.getShape().get(0));
    this.group = parent.newSubManager();
  }

  /** Does one piece; false when nothing is left. */
  boolean advance() throws BadInputException {
    if (start < rows) {
      if (source <= order.size()) {
        addPart();
      } else {
        compare();
      }
    }
    return start < rows;
  }

  private void addPart() throws BadInputException {
    int end = Math.min(rows, start + groupRows);
    int count = Math.min(map.rows(), end - row);
    parts.add(
        source == 0
            ? map.apply(slice(endpoints, row, count, group))
            : references.features(order.get(source - 1), block, row, count, group));
    row += count;
    if (row == end) {
      NDArray all = parts.get(0);
      if (parts.size() > 1) {
        all = NDArrays.concat(new NDList(parts));
        all.attach(group);
      }
      parts.clear();
      if (source == 0) {
        mine = all;
      } else {
        theirs.put(order.get(source - 1), all);
      }
      source++;
      row = start;
    }
  }

  private void compare() throws BadInputException {
    NDArray features = Objects.requireNonNull(mine);
    BlockReferences known = references.compared(block, start, theirs, samples);
    Samples.Measured measured = samples.measure(block, first + start, features, known);
    done.add(measured.observation());
    neighbours.add(measured.neighbours());
    start += Math.toIntExact(features.getShape().get(0));
    row = start;
    source = 0;
    mine = null;
    theirs.clear();
    group.close();
    group = parent.newSubManager();
  }

  /** The features of the samples that are compared next, once they are complete. */
  @Nullable NDArray samples() {
    return mine;
  }

  /** Which points the neighbours are, once nothing is left. */
  PointNeighbours neighbours() {
    return PointNeighbours.joined(neighbours);
  }

  /** Share of the pieces done, 0 to 1. */
  double progress() {
    return (double) start / rows;
  }

  /** The observation, once nothing is left. */
  SampleObservation result() {
    if (done.size() == 1) {
      return done.get(0);
    }
    Map<Reference, double[]> squared = new EnumMap<>(Reference.class);
    for (Reference reference : order) {
      squared.put(
          reference, joined(o -> Objects.requireNonNull(o.squaredDistances().get(reference))));
    }
    SampleObservation any = done.get(0);
    boolean[] samePoint = new boolean[any.samePoint().length == 0 ? 0 : rows];
    for (SampleObservation o : done) {
      System.arraycopy(
          o.samePoint(), 0, samePoint, (int) (o.first() - first), o.samePoint().length);
    }
    return new SampleObservation(
        block,
        first,
        squared,
        joinedIndices(SampleObservation::trainNeighbour),
        joined(SampleObservation::trainDistance),
        joined(SampleObservation::secondDistance),
        any.holdoutNeighbour() == null
            ? null
            : joinedIndices(o -> Objects.requireNonNull(o.holdoutNeighbour())),
        any.holdoutDistance() == null
            ? null
            : joined(o -> Objects.requireNonNull(o.holdoutDistance())),
        samePoint,
        any.ruler() == null ? null : joined(o -> Objects.requireNonNull(o.ruler())),
        any.trainRecall(),
        any.holdoutRecall());
  }

  private double[] joined(Function<SampleObservation, double[]> part) {
    return done.stream().map(part).flatMapToDouble(Arrays::stream).toArray();
  }

  private int[] joinedIndices(Function<SampleObservation, int[]> part) {
    return done.stream().map(part).flatMapToInt(Arrays::stream).toArray();
  }

  /** Some rows of an array, attached to {@code owner}; all of them are the array itself. */
  static NDArray slice(NDArray array, int from, int count, NDManager owner) {
    if (count == array.getShape().get(0)) {
      return array;
    }
    NDArray rows = array.get("%d:%d".formatted(from, from + count));
    rows.attach(owner);
    return rows;
  }

  @Override
  public void close() {
    group.close();
  }
}
