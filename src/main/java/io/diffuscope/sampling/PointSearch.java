package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import io.diffuscope.sampling.NeighbourSearch.Exclusion;
import io.diffuscope.sampling.NeighbourSearch.Nearest;
import io.diffuscope.sampling.NeighbourSearch.PairVisitor;
import io.diffuscope.tensorfile.BadInputException;
import org.jspecify.annotations.Nullable;

/** Looks for points of one set near others: among all of them, or through an index. */
interface PointSearch {
  /**
   * The two nearest points of each query.
   *
   * @param queries float32 {@code [count, d]}, not centred
   * @param exclusion points that do not count for a query; null for none
   */
  Nearest nearestTwo(NDArray queries, @Nullable Exclusion exclusion) throws BadInputException;

  /**
   * Visits pairs of a query and a point that are closer than a radius.
   *
   * @param queries float32 {@code [count, d]}, not centred
   */
  void closerThan(NDArray queries, double radius, PairVisitor visitor) throws BadInputException;
}
