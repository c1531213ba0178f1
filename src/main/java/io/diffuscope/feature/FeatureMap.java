package io.diffuscope.feature;

import ai.djl.ndarray.NDArray;
import io.diffuscope.tensorfile.TensorShape;

/**
 * The map h in which points are compared: from points of the model's own space to features.
 *
 * <p>Instances belong to one thread, the one that made them.
 */
public interface FeatureMap extends AutoCloseable {
  /** Key of the map that leaves points as they are. */
  String IDENTITY = "identity";

  /** The map that leaves points of this many elements as they are. */
  static FeatureMap identity(int dimension) {
    return new IdentityMap(dimension);
  }

  /** Names everything that determines the features; part of the probe id and of cache keys. */
  String key();

  /** Number of elements of one feature vector. */
  int dimension();

  /** Shape of one feature vector, where it is an image; else its number of elements. */
  default TensorShape shape() {
    return TensorShape.of(dimension());
  }

  /** What to tell where features are not finite, with a place for "for which points". */
  default String complaint() {
    return "has NaN, infinite or absurdly large features %s";
  }

  /**
   * How many points it takes at a time. More than that are done one part after the other, so that
   * whoever must not wait gives no more. The digits of a feature vector may depend on its place in
   * its part, never on how many points there are.
   */
  int rows();

  /** Whether features are the points themselves. */
  default boolean isIdentity() {
    return key().equals(IDENTITY);
  }

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
