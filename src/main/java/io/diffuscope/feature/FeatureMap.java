package io.diffuscope.feature;

import ai.djl.ndarray.NDArray;

/**
 * The map h in which points are compared: from points of the model's own space to features.
 *
 * <p>Instances belong to one thread, the one that made them.
 */
public interface FeatureMap extends AutoCloseable {
  /** Names everything that determines the features; part of the probe id and of cache keys. */
  String key();

  /** Number of elements of one feature vector. */
  int dimension();

  /**
   * The features of a block of points.
   *
   * @param points float32 {@code [B, d]}
   * @return float32 {@code [B, dimension]}, attached to the manager of {@code points}; may be
   *     {@code points} itself
   */
  NDArray apply(NDArray points);

  @Override
  default void close() {}
}
