package io.diffuscope.sampling;

import java.util.function.IntToLongFunction;

/**
 * Standard normal numbers as a pure function of (seed, purpose, index, element): Philox4x32-10 with
 * the seed as key and (element / 4, index low, index high, purpose) as counter, then Box-Muller.
 * StrictMath makes the digits the same on every machine.
 */
public final class GaussianNoise {
  /** Streams that must not overlap. */
  public enum Purpose {
    /** x_T of the probability flow. */
    INITIAL(1),
    /** Noise of the denoising loss. */
    DENOISING(2),
    /** Draws from a mixture. */
    DATA(3),
    /** Noise of inputs whose hidden representation is looked at. */
    REPRESENTATION(4);

    private final int code;

    Purpose(int code) {
      this.code = code;
    }
  }

  private static final double TWO_TO_MINUS_32 = 0x1p-32;

  private final long seed;
  private final Purpose purpose;

  public GaussianNoise(long seed, Purpose purpose) {
    this.seed = seed;
    this.purpose = purpose;
  }

  /**
   * Noises in C order, {@code [batch, d]}; rows beyond {@code rows} are zeros.
   *
   * @param index which noise is in a row
   */
  double[] rows(int rows, int batch, int d, IntToLongFunction index) {
    double[] values = new double[batch * d];
    for (int i = 0; i < rows; i++) {
      fill(index.applyAsLong(i), values, i * d, d);
    }
    return values;
  }

  /**
   * Writes the noise of one index.
   *
   * @param index which vector, not negative
   * @param destination receives {@code length} numbers from {@code offset} on
   */
  public void fill(long index, double[] destination, int offset, int length) {
    int[] words = new int[4];
    for (int element = 0; element < length; element += 4) {
      words[0] = element >>> 2;
      words[1] = (int) index;
      words[2] = (int) (index >>> 32);
      words[3] = purpose.code;
      Philox.permute(words, (int) seed, (int) (seed >>> 32));
      int left = Math.min(4, length - element);
      for (int pair = 0; pair < left; pair += 2) {
        // Half a unit is added so that the logarithm never sees 0 and both ends are treated alike.
        double u = (Integer.toUnsignedLong(words[pair]) + 0.5) * TWO_TO_MINUS_32;
        double angle =
            2 * StrictMath.PI * (Integer.toUnsignedLong(words[pair + 1]) + 0.5) * TWO_TO_MINUS_32;
        double radius = StrictMath.sqrt(-2 * StrictMath.log(u));
        destination[offset + element + pair] = radius * StrictMath.cos(angle);
        if (pair + 1 < left) {
          destination[offset + element + pair + 1] = radius * StrictMath.sin(angle);
        }
      }
    }
  }
}
