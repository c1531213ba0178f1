package io.diffuscope.sampling;

import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
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
   * Noise read from an array file, for comparison with other programs. Its rows are checked like
   * those of a data set: of the right width, finite, unchanged while they are read.
   *
   * @param rows standard normal, one row a noise
   */
  static NoiseBank of(DataSet rows) throws BadInputException {
    String id = "file-" + rows.contentKey();
    int d = Math.toIntExact(rows.pointShape().elements());
    return new NoiseBank() {
      @Override
      public String id() {
        return id;
      }

      @Override
      public int dimension() {
        return d;
      }

      @Override
      public double[] read(long first, int count) throws BadInputException {
        FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(count, d));
        rows.read(first, count, values);
        double[] wide = new double[values.capacity()];
        for (int i = 0; i < wide.length; i++) {
          wide[i] = values.get(i);
        }
        return wide;
      }
    };
  }
}
