package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Opens training and hold-out sets. */
public final class DataSets {
  private static final long MAX_IN_MEMORY_BYTES = 256L << 20;

  /** Of the heap, one set in memory takes at most this part. */
  private static final int HEAP_PART = 8;

  private DataSets() {}

  /** As {@link #open(String, String, TensorShape, String)}, with the labels that are there. */
  public static DataSet open(String spec, String role, @Nullable TensorShape modelShape)
      throws BadInputException {
    return open(spec, role, modelShape, null);
  }

  /**
   * Opens a set of points: an array of the shape {@code [N, ...point]}, or a folder that {@code
   * export_data} wrote.
   *
   * <p>Floating-point values are taken as they are; uint8 images become {@code x / 127.5 - 1}. A
   * flat array {@code [N, d]} is accepted when d is the number of elements of the model's shape.
   * Sets of at most 256 MiB as float32 (or an eighth of the heap) are loaded at once, and larger
   * ones read from the disk by blocks.
   *
   * <p>A set has labels where they are given here, where the folder has them, or where they lie
   * beside the points in their file: as an array {@code labels}, with the points in the only other
   * one or in {@code points}, {@code images}, {@code data} or {@code x}.
   *
   * @param spec the folder, the file, or {@code FILE:NAME}; see {@link ArrayFile#open}
   * @param role what the set is for, for messages: "training set"
   * @param modelShape the shape that the model takes, or null to accept any
   * @param labels file of the points' classes, integers {@code [N]}, or null
   * @throws BadInputException as {@link ArrayFile#open}; EMPTY (no rows), WRONG_SHAPE, UNSUPPORTED
   *     (points that are integers, labels that are not), MALFORMED (an index or labels that cannot
   *     be), and for a set that is loaded NON_FINITE
   */
  public static DataSet open(
      String spec, String role, @Nullable TensorShape modelShape, @Nullable String labels)
      throws BadInputException {
    if (isFolder(spec)) {
      ShardedDataSet folder = ShardedDataSet.open(Path.of(spec), role, modelShape);
      return finish(folder, labels, () -> folder.labels());
    }
    PointsAndLabels arrays = PointsAndLabels.of(spec);
    DataSet file = openFile(arrays.points(), role, modelShape);
    return finish(file, labels, () -> arrays.read(file.size()));
  }

  /** The labels of a set that has been opened. */
  private interface OwnLabels {
    int @Nullable [] read() throws BadInputException;
  }

  /** Takes over the set: loads it if it is small, and gives it its labels. */
  private static DataSet finish(DataSet stored, @Nullable String labels, OwnLabels own)
      throws BadInputException {
    boolean kept = false;
    try {
      int[] classes = labels == null ? own.read() : LabelArrays.read(labels, stored.size());
      long bytes =
          Math.multiplyExact(stored.size() * stored.pointShape().elements(), (long) Float.BYTES);
      kept = bytes > Math.min(MAX_IN_MEMORY_BYTES, Runtime.getRuntime().maxMemory() / HEAP_PART);
      DataSet data = kept ? stored : load(stored);
      return classes == null ? data : data.withLabels(classes);
    } finally {
      if (!kept) {
        stored.close();
      }
    }
  }

  private static boolean isFolder(String spec) {
    try {
      return Files.isDirectory(Path.of(spec));
    } catch (InvalidPathException notAPath) {
      return false;
    }
  }

  private static DataSet openFile(String spec, String role, @Nullable TensorShape modelShape)
      throws BadInputException {
    ArrayFile file = ArrayFile.open(spec);
    boolean kept = false;
    try {
      PointValues.checkType(file.source(), role, file.type());
      TensorShape pointShape = new PointShapes(file.source(), role).match(file.shape(), modelShape);
      kept = true;
      return new FileDataSet(file, pointShape);
    } finally {
      if (!kept) {
        file.close();
      }
    }
  }

  private static DataSet load(DataSet data) throws BadInputException {
    int size = Math.toIntExact(data.size());
    float[] values = new float[Math.toIntExact(size * data.pointShape().elements())];
    data.read(0, size, FloatBuffer.wrap(values));
    return DataSet.of(data.source(), data.pointShape(), values);
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
