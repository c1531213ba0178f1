package io.diffuscope.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.function.BinaryOperator;

/**
 * Matrix products that must not lose digits: those that rank neighbours, and those inside the
 * empirical denoiser's softmax.
 *
 * <p>With TF32 a GPU rounds the operands of a float32 product to {@value #TF32_DIGITS} significant
 * bits, which is harmless inside a network and not here. There, each operand is split into a part
 * that TF32 holds exactly and the rest (Dekker 1971, with Veltkamp's constant), and three products
 * are added: high x high, high x rest, rest x high. What is lost of a term {@code a b} is at most
 * {@code 2^-20 |a b|}, in place of {@code 2^-10 |a b|} (twice that where operands are cut off, not
 * rounded):
 *
 * <ul>
 *   <li>The high part has 11 significant bits, so no hardware changes it. The rest is at most
 *       {@code 2^-11 |a|}, a multiple of {@code 2^-23} of a's power of two: 12 bits, of which TF32
 *       keeps 11. An odd last bit lies in the middle of two TF32 numbers; rounded either way, or
 *       cut off, it costs {@code 2^-23 |a|}. The rests of both operands: {@code 2^-22}.
 *   <li>Rest x rest is left out: {@code 2^-22}.
 *   <li>Products of 11 by 11 bits are exact in float32. Their sums and the two additions lose at
 *       most {@code 2^-23} each where sums are cut off: {@code 3 x 2^-23}.
 * </ul>
 *
 * Together that is {@code 7 x 2^-23}, below {@code 2^-20}. Everywhere else a product is the plain
 * one.
 */
public final class ExactProducts {
  /** Significant bits of a TF32 number: 10 of the mantissa and the leading one. */
  static final int TF32_DIGITS = 11;

  private static final int FLOAT_DIGITS = 24;

  /** {@code 2^13 + 1}: leaves the leading 11 of 24 bits. */
  private static final float VELTKAMP = (1 << (FLOAT_DIGITS - TF32_DIGITS)) + 1;

  private static final double PLAIN_ROUNDING = Math.pow(2, -24);
  private static final double SPLIT_ROUNDING = Math.pow(2, -20);

  private final BinaryOperator<NDArray> product;
  private final boolean split;

  private ExactProducts(BinaryOperator<NDArray> product, boolean split) {
    this.product = product;
    this.split = split;
  }

  /** Products on a device: split where it computes with TF32. */
  public static ExactProducts on(Device device) {
    return new ExactProducts(NDArray::matMul, Devices.usesTf32(device));
  }

  /** The plain product of an engine. */
  public static ExactProducts plain(BinaryOperator<NDArray> product) {
    return new ExactProducts(product, false);
  }

  /** Split products over one that rounds float32 operands to TF32. */
  public static ExactProducts split(BinaryOperator<NDArray> rounding) {
    return new ExactProducts(rounding, true);
  }

  /**
   * Relative rounding of a float32 product's terms: what a sum of them loses is about this times
   * the sum of their magnitudes.
   */
  double rounding() {
    return split ? SPLIT_ROUNDING : PLAIN_ROUNDING;
  }

  /**
   * {@code left right}, on the manager of {@code left}. Operands of float64 are multiplied as they
   * are. Elements must be below 2^113 in magnitude, or the split overflows.
   */
  public NDArray matMul(NDArray left, NDArray right) {
    if (!split || left.getDataType() != DataType.FLOAT32) {
      return product.apply(left, right);
    }
    NDManager owner = left.getManager();
    try (NDManager scratch = owner.newSubManager()) {
      Parts mine = Parts.of(left, scratch);
      Parts theirs = Parts.of(right, scratch);
      // The small terms first, so that their sum is rounded less.
      NDArray result = product.apply(mine.high, theirs.rest);
      result.addi(product.apply(mine.rest, theirs.high));
      result.addi(product.apply(mine.high, theirs.high));
      result.attach(owner);
      return result;
    }
  }

  /** A float32 array as the sum of two: one that TF32 holds exactly, and the rest. */
  private record Parts(NDArray high, NDArray rest) {
    static Parts of(NDArray array, NDManager scratch) {
      NDArray scaled = array.mul(VELTKAMP);
      scaled.attach(scratch);
      // high = scaled - (scaled - array)
      NDArray high = scaled.sub(array).negi().addi(scaled);
      NDArray rest = array.sub(high);
      rest.attach(scratch);
      return new Parts(high, rest);
    }
  }
}
