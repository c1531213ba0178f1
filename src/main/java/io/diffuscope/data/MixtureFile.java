package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.NpzFile;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;

/** Reads the arrays of {@link MixtureParameters} and compares their shapes. */
final class MixtureFile {
  private static final String REMEDY = "; write the teacher again";

  private MixtureFile() {}

  static MixtureParameters read(Path file) throws BadInputException {
    try (NpzFile archive = NpzFile.open(file);
        ArrayFile bases = archive.array("bases")) {
      TensorShape shape = bases.shape();
      if (shape.rank() != 3) {
        throw wrongShape(file, "bases", shape, "[K, d, r]");
      }
      long components = shape.dimension(0);
      long dimension = shape.dimension(1);
      long rank = shape.dimension(2);
      double[] weights = read(archive, "weights", TensorShape.of(components));
      double[] means = read(archive, "means", TensorShape.of(components, dimension));
      double[] variances = read(archive, "variances", TensorShape.of(components, rank));
      double[] residual = read(archive, "residual_variance", TensorShape.of(components));
      return new MixtureParameters(
          Math.toIntExact(components),
          Math.toIntExact(dimension),
          Math.toIntExact(rank),
          weights,
          means,
          finite(file, "bases", bases.readDoubles()),
          variances,
          residual);
    } catch (IllegalArgumentException | ArithmeticException failure) {
      throw new BadInputException(
          file.toString(), Reason.MALFORMED, failure.getMessage() + REMEDY, failure);
    }
  }

  private static double[] read(NpzFile archive, String name, TensorShape due)
      throws BadInputException {
    try (ArrayFile array = archive.array(name)) {
      if (!array.shape().equals(due)) {
        throw wrongShape(archive.path(), name, array.shape(), due + " to fit bases");
      }
      return finite(archive.path(), name, array.readDoubles());
    }
  }

  private static double[] finite(Path file, String name, double[] values) throws BadInputException {
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new BadInputException(file, Reason.NON_FINITE, name + " holds " + value + REMEDY);
      }
    }
    return values;
  }

  private static BadInputException wrongShape(
      Path file, String name, TensorShape shape, String due) {
    return new BadInputException(
        file, Reason.WRONG_SHAPE, name + " has the shape " + shape + " instead of " + due + REMEDY);
  }
}
