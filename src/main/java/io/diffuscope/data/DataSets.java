package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Opens training and hold-out sets. */
public final class DataSets {
  private static final long MAX_IN_MEMORY_BYTES = 256L << 20;

  /** Of the heap, one set in memory takes at most this part. */
  private static final int HEAP_PART = 8;

  /** Numbers that are converted at a time. */
  private static final int CHUNK = 1 << 18;

  private DataSets() {}

  /** As {@link #open(String, String, TensorShape, String)}, with the labels that are there. */
  public static DataSet open(String spec, String role, @Nullable TensorShape modelShape)
      throws BadInputException {
    return open(spec, role, modelShape, null);
  }

  /** As the method below, without a cache for decoded images. */
  public static DataSet open(
      String spec, String role, @Nullable TensorShape modelShape, @Nullable String labels)
      throws BadInputException {
    return open(spec, role, modelShape, labels, ImagePreparation.NONE);
  }

  /**
   * Opens a set of points: an array of the shape {@code [N, ...point]}, a folder that {@code
   * export_data} wrote, or a folder or {@code .zip} of PNG and JPEG images.
   *
   * <p>Floating-point values are taken as they are; uint8 images become {@code x / 127.5 - 1}. A
   * flat array {@code [N, d]} is accepted when d is the number of elements of the model's shape.
   * Sets of at most 256 MiB (or an eighth of the heap), uint8 images as uint8 and others as
   * float32, are loaded at once, and larger ones read from the disk by blocks.
   *
   * <p>Images are points {@code [1 or 3, height, width]} in the order of their paths' code points,
   * and have the model's size: they are not resized. Values are those of PIL's {@code
   * convert("RGB")} and {@code convert("L")}; a model of one channel takes no colours. A large set
   * is decoded once, into an array file of uint8.
   *
   * <p>A set has labels where they are given here, where the folder has them, or where they lie
   * beside the points in their file: as an array {@code labels}, with the points in the only other
   * one or in {@code points}, {@code images}, {@code data} or {@code x}. Images have those of EDM's
   * {@code dataset.json}; without such a file, folders {@code cat/1.png}, {@code dog/1.png} are
   * classes where every image lies in exactly one.
   *
   * @param spec the folder, the file, or {@code FILE:NAME}; see {@link ArrayFile#open}
   * @param role what the set is for, for messages: "training set"
   * @param modelShape the shape that the model takes, or null to accept any
   * @param labels file of the points' classes, integers {@code [N]}, or null
   * @param preparation where decoded images are kept, and who is told how far decoding is
   * @throws BadInputException as {@link ArrayFile#open}; EMPTY (no rows), WRONG_SHAPE, UNSUPPORTED
   *     (points that are integers, labels that are not), MALFORMED (an index or labels that cannot
   *     be), and for a set that is loaded NON_FINITE
   */
  public static DataSet open(
      String spec,
      String role,
      @Nullable TensorShape modelShape,
      @Nullable String labels,
      ImagePreparation preparation)
      throws BadInputException {
    if (isFolder(spec)) {
      Path folder = Path.of(spec);
      if (!Files.exists(folder.resolve(ExportIndex.FILE))) {
        FolderImages images = FolderImages.list(folder);
        if (!images.names().isEmpty()) {
          return openImages(images, role, modelShape, labels, preparation);
        }
      }
      ShardedDataSet exported = ShardedDataSet.open(folder, role, modelShape);
      return finish(exported, labels, () -> exported.labels());
    }
    if (spec.toLowerCase(Locale.ROOT).endsWith(".zip")) {
      try (ArchiveImages images = ArchiveImages.open(PointsAndLabels.path(spec))) {
        return openImages(images, role, modelShape, labels, preparation);
      }
    }
    PointsAndLabels arrays = PointsAndLabels.of(spec);
    DataSet file = openFile(arrays.points(), role, modelShape);
    return finish(file, labels, () -> arrays.read(file.size()));
  }

  private static DataSet openImages(
      ImageFiles files,
      String role,
      @Nullable TensorShape modelShape,
      @Nullable String labels,
      ImagePreparation preparation)
      throws BadInputException {
    DataSet images = new ImageSets(files, role, preparation, mostInMemory()).open(modelShape);
    byte[] json = labels == null ? files.readLabels() : null;
    ClassFolders folders = labels != null || json != null ? null : ClassFolders.of(files.names());
    if (folders != null) {
      DataSet data = finish(images, null, () -> null);
      return new LabelledDataSet(data, folders.labels(), folders.names());
    }
    String source = files.describe(ImageFiles.LABELS);
    return finish(
        images, labels, () -> json == null ? null : ImageLabels.read(source, json, files.names()));
  }

  /** The labels of a set that has been opened. */
  private interface OwnLabels {
    int @Nullable [] read() throws BadInputException;
  }

  /** Takes over the set: loads it if it is small, and gives it its labels. */
  private static DataSet finish(DataSet opened, @Nullable String labels, OwnLabels own)
      throws BadInputException {
    DataSet data = opened;
    boolean kept = false;
    try {
      int[] classes = labels == null ? own.read() : LabelArrays.read(labels, data.size());
      if (opened instanceof StoredDataSet stored && bytesInMemory(stored) <= mostInMemory()) {
        data = load(stored);
        stored.close();
      }
      kept = true;
      return classes == null ? data : data.withLabels(classes);
    } finally {
      if (!kept) {
        opened.close();
      }
    }
  }

  private static long bytesInMemory(StoredDataSet data) {
    long elements = Math.multiplyExact(data.size(), data.pointShape().elements());
    return data.type() == ElementType.U8
        ? elements
        : Math.multiplyExact(elements, (long) Float.BYTES);
  }

  private static long mostInMemory() {
    return Math.min(MAX_IN_MEMORY_BYTES, Runtime.getRuntime().maxMemory() / HEAP_PART);
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

  private static DataSet load(StoredDataSet data) throws BadInputException {
    if (data.type() == ElementType.U8) {
      return new LevelsDataSet(data.source(), data.pointShape(), levels(data));
    }
    int size = Math.toIntExact(data.size());
    float[] values = new float[Math.toIntExact(size * data.pointShape().elements())];
    data.read(0, size, FloatBuffer.wrap(values));
    return DataSet.of(data.source(), data.pointShape(), values);
  }

  private static byte[] levels(StoredDataSet data) throws BadInputException {
    int width = Math.toIntExact(data.pointShape().elements());
    int size = Math.toIntExact(data.size());
    byte[] levels = new byte[Math.multiplyExact(size, width)];
    FloatBuffer block = FloatBuffer.allocate(Math.clamp(CHUNK / width, 1, size) * width);
    int at = 0;
    for (int from = 0; from < size; from += block.capacity() / width) {
      data.readStored(from, Math.min(block.capacity() / width, size - from), block.clear());
      block.flip();
      while (block.hasRemaining()) {
        levels[at] = (byte) block.get();
        at++;
      }
    }
    return levels;
  }

  /**
   * Fails where both sets have classes by the names of folders, and the names differ: a number then
   * means one class in one set and another in the other.
   *
   * @throws BadInputException MISMATCH, on account of the hold-out set
   */
  public static void requireSameClasses(DataSet train, DataSet holdout) throws BadInputException {
    List<String> names = train.classNames();
    List<String> others = holdout.classNames();
    if (names != null && others != null && !names.equals(others)) {
      throw new BadInputException(
          holdout.source(),
          Reason.MISMATCH,
          "the hold-out set has %d folders of classes that are not the %d of the training set %s by name; give each set all of them, or the classes as array files"
              .formatted(others.size(), names.size(), train.source()),
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
