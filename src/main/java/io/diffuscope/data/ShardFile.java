package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.SafetensorsFile;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/**
 * One file of points that may be closed and opened again: then it must still be the same file.
 *
 * @param path where it lies
 * @param first index of its first point in the set
 * @param count number of its points
 * @param stamp its state when it was first opened
 */
record ShardFile(Path path, long first, int count, Stamp stamp) {
  static final String POINTS = "points";
  static final String LABELS = "labels";

  /** What tells one state of a file from another without reading it. */
  private record Stamp(long size, FileTime modified, Optional<Object> key) {
    static Stamp of(Path path) throws BadInputException {
      try {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        return new Stamp(
            attributes.size(),
            attributes.lastModifiedTime(),
            Optional.ofNullable(attributes.fileKey()));
      } catch (IOException e) {
        throw new BadInputException(
            path.toString(), Reason.UNREADABLE, "cannot be read (" + e + "); check the disk", e);
      }
    }
  }

  /**
   * Opens a file for the first time and compares its header with the index.
   *
   * @throws BadInputException as {@link SafetensorsFile#open}; MISMATCH (no points in it) or
   *     WRONG_SHAPE, where it is not what the index says
   */
  static ShardFile check(Path folder, ExportIndex index, ExportIndex.Shard shard, long first)
      throws BadInputException {
    Path path = folder.resolve(shard.file());
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      TensorInfo points = file.tensor(POINTS);
      TensorShape due = index.shape().withFirst(shard.count());
      if (!points.shape().equals(due) || points.type() != index.type()) {
        throw new BadInputException(
            path,
            Reason.WRONG_SHAPE,
            "holds points %s of type %s where the index says %s of type %s; write the folder again with export_data"
                .formatted(points.shape(), points.type(), due, index.type()));
      }
      Stamp stamp = Stamp.of(path);
      // After the stamp: what is stamped is then what was read.
      file.verifyUnchanged();
      return new ShardFile(path, first, Math.toIntExact(shard.count()), stamp);
    }
  }

  /**
   * Reads the classes of the points.
   *
   * @param labels receives them, from {@code first} on
   * @throws BadInputException MISMATCH (there are none), UNSUPPORTED, WRONG_SHAPE, MALFORMED or
   *     CHANGED
   */
  void readLabels(int[] labels) throws BadInputException {
    try (SafetensorsFile file = open()) {
      TensorInfo info = file.tensor(LABELS);
      LabelArrays.check(path.toString(), info.type(), info.shape(), count);
      LabelArrays.fill(
          path.toString(),
          labels,
          Math.toIntExact(first),
          count,
          (from, target) -> file.readFloats(LABELS, from, target));
      file.verifyUnchanged();
    }
  }

  /**
   * Opens the file again.
   *
   * @throws BadInputException CHANGED where it is another one by now, VANISHED or UNREADABLE
   */
  SafetensorsFile open() throws BadInputException {
    SafetensorsFile file = SafetensorsFile.open(path);
    try {
      if (!Stamp.of(path).equals(stamp)) {
        throw new BadInputException(
            path, Reason.CHANGED, "was written again while it was in use; start again");
      }
      file.verifyUnchanged();
      return file;
    } catch (BadInputException e) {
      file.close();
      throw e;
    }
  }
}
