package io.diffuscope.sampling;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;

/**
 * The shared noises: noise i is the same for every checkpoint, run, worker and restart, so that
 * models are compared in pairs.
 */
public interface NoiseBank {
  /** What distinguishes this bank from others; part of the probe id. */
  String id();

  /** Number of elements of one noise. */
  int dimension();

  /**
   * Standard normal noise.
   *
   * @param first index of the first noise
   * @param count number of noises
   * @return {@code [count * d]}, row by row
   */
  double[] read(long first, int count) throws BadInputException;

  /** Noise made from a seed: an unlimited bank, every noise a function of (seed, index) alone. */
  static NoiseBank seeded(long seed, int dimension) {
    GaussianNoise noise = new GaussianNoise(seed, GaussianNoise.Purpose.INITIAL);
    return new NoiseBank() {
      @Override
      public String id() {
        return "seed-" + seed;
      }

      @Override
      public int dimension() {
        return dimension;
      }

      @Override
      public double[] read(long first, int count) {
        double[] values = new double[Math.multiplyExact(count, dimension)];
        for (int i = 0; i < count; i++) {
          noise.fill(first + i, values, i * dimension, dimension);
        }
        return values;
      }
    };
  }

  /**
   * Noise read from an array file, for comparison with other programs.
   *
   * @param spec {@code .npy}, {@code .npz} or safetensors, {@code [M, d]} or {@code [M, ...shape]},
   *     standard normal
   * @param contentKey hash of the file's content
   */
  static NoiseBank of(ArrayFile file, String spec, String contentKey, TensorShape pointShape)
      throws BadInputException {
    TensorShape shape = file.shape();
    boolean fits =
        shape.rank() >= 2
            && (shape.withoutFirst().equals(pointShape)
                || (shape.rank() == 2 && shape.dimension(1) == pointShape.elements()));
    if (!fits) {
      throw new BadInputException(
          spec,
          Reason.WRONG_SHAPE,
          "noise of shape %s does not fit points of shape %s: one row a noise is needed"
              .formatted(shape, pointShape),
          null);
    }
    int d = Math.toIntExact(pointShape.elements());
    return new NoiseBank() {
      @Override
      public String id() {
        return "file-" + contentKey;
      }

      @Override
      public int dimension() {
        return d;
      }

      @Override
      public double[] read(long first, int count) throws BadInputException {
        FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(count, d));
        file.readRows(first, count, values);
        double[] wide = new double[values.capacity()];
        for (int i = 0; i < wide.length; i++) {
          wide[i] = values.get(i);
        }
        return wide;
      }
    };
  }
}
