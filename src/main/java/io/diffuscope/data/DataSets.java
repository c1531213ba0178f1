package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/** Opens training and hold-out sets. */
public final class DataSets {
  private static final long MAX_IN_MEMORY_BYTES = 256L << 20;

  /** Of the heap, one set in memory takes at most this part. */
  private static final int HEAP_PART = 8;

  private DataSets() {}

  /**
   * Opens a set of points from an array of the shape {@code [N, ...point]}.
   *
   * <p>Floating-point values are taken as they are; uint8 images become {@code x / 127.5 - 1}. A
   * flat array {@code [N, d]} is accepted when d is the number of elements of the model's shape.
   * Sets of at most 256 MiB as float32 (or an eighth of the heap) are loaded at once, and larger
   * ones read from the disk by blocks.
   *
   * @param spec the file, or {@code FILE:NAME}; see {@link ArrayFile#open}
   * @param role what the set is for, for messages: "training set"
   * @param modelShape the shape that the model takes, or null to accept any
   * @throws BadInputException as {@link ArrayFile#open}; EMPTY (no rows), WRONG_SHAPE, UNSUPPORTED
   *     (integers), and for a set that is loaded NON_FINITE
   */
  public static DataSet open(String spec, String role, @Nullable TensorShape modelShape)
      throws BadInputException {
    ArrayFile file = ArrayFile.open(spec);
    boolean kept = false;
    try {
      checkType(file, role);
      TensorShape pointShape = new PointShapes(file.source(), role).match(file.shape(), modelShape);
      FileDataSet data = new FileDataSet(file, pointShape);
      long bytes = Math.multiplyExact(file.shape().elements(), (long) Float.BYTES);
      if (bytes <= Math.min(MAX_IN_MEMORY_BYTES, Runtime.getRuntime().maxMemory() / HEAP_PART)) {
        return load(data);
      }
      kept = true;
      return data;
    } finally {
      if (!kept) {
        file.close();
      }
    }
  }

  private static DataSet load(FileDataSet data) throws BadInputException {
    int size = Math.toIntExact(data.size());
    float[] values = new float[Math.toIntExact(size * data.pointShape().elements())];
    data.read(0, size, FloatBuffer.wrap(values));
    return DataSet.of(data.source(), data.pointShape(), values);
  }

  private static void checkType(ArrayFile file, String role) throws BadInputException {
    ElementType type = file.type();
    if (!type.isFloatingPoint() && type != ElementType.U8) {
      throw new BadInputException(
          file.source(),
          Reason.UNSUPPORTED,
          "the "
              + role
              + " has elements of type "
              + type
              + "; save it as float32 in the model's own space, or as uint8 images",
          null);
    }
  }

  /**
   * Fails unless points of both sets have the same shape.
   *
   * @throws BadInputException WRONG_SHAPE, on account of the hold-out set
   */
  public static void requireSameShape(DataSet train, DataSet holdout) throws BadInputException {
    if (!train.pointShape().equals(holdout.pointShape())) {
      throw new BadInputException(
          holdout.source(),
          Reason.WRONG_SHAPE,
          "the hold-out set has points of shape "
              + holdout.pointShape()
              + " but the training set "
              + train.source()
              + " has points of shape "
              + train.pointShape()
              + "; prepare both in the same way",
          null);
    }
  }
}
