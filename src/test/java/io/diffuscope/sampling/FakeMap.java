package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import io.diffuscope.feature.FeatureMap;

/** Each point beside its double, few rows at a time: distances grow by the root of 5. */
final class FakeMap implements FeatureMap {
  private final int pointDimension;
  private final int rows;
  private int applied;

  FakeMap(int pointDimension, int rows) {
    this.pointDimension = pointDimension;
    this.rows = rows;
  }

  /** Rows that were mapped. */
  int applied() {
    return applied;
  }

  @Override
  public String key() {
    return "fake";
  }

  @Override
  public int dimension() {
    return 2 * pointDimension;
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public NDArray apply(NDArray points) {
    applied += Math.toIntExact(points.getShape().get(0));
    NDArray both = NDArrays.concat(new NDList(points, points.mul(2)), 1);
    both.attach(points.getManager());
    return both;
  }
}
