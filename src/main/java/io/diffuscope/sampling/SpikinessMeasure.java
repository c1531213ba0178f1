package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * How unevenly the energy of a representation h in R^p is spread over its coordinates. The standard
 * deviation is the detector of arXiv 2512.20963 and grows with the scale of h; the others do not
 * (Hurley and Rickard, arXiv 0811.4706).
 */
public enum SpikinessMeasure {
  /** Standard deviation over the coordinates, dividing by p. */
  STD,
  /** {@code |h|_4 / |h|_2}: p^(-1/4) for equal coordinates, 1 for a single one. */
  L4_L2,
  /** {@code (sqrt(p) - |h|_1 / |h|_2) / (sqrt(p) - 1)}: 0 for equal coordinates, 1 for one. */
  HOYER,
  /** {@code (sum h^2)^2 / sum h^4}: the effective number of coordinates, 1 to p. */
  PARTICIPATION_RATIO;

  /** The word used in JSON lines, tables and metric names. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * All measures of some representations.
   *
   * @param representations float32 {@code [B, p]}, p at least 2
   * @return {@code [B]} by measure; NaN where h is 0 and a measure is not defined
   */
  static Map<SpikinessMeasure, double[]> of(NDArray representations) {
    int[] coordinates = {1};
    long p = representations.getShape().get(1);
    try (NDManager scratch = representations.getManager().newSubManager()) {
      NDArray h = representations.toType(DataType.FLOAT64, true);
      h.attach(scratch);
      NDArray squares = h.square();
      NDArray energy = squares.sum(coordinates);
      NDArray fourth = squares.square().sum(coordinates);
      NDArray centred = h.sub(h.mean(coordinates, true));
      double root = Math.sqrt((double) p);
      NDArray evenness = h.abs().sum(coordinates).div(energy.sqrt());
      Map<SpikinessMeasure, double[]> all = new EnumMap<>(SpikinessMeasure.class);
      all.put(STD, centred.square().mean(coordinates).sqrt().toDoubleArray());
      all.put(L4_L2, fourth.sqrt().div(energy).sqrt().toDoubleArray());
      all.put(HOYER, evenness.neg().add(root).div(root - 1).toDoubleArray());
      all.put(PARTICIPATION_RATIO, energy.square().div(fourth).toDoubleArray());
      return all;
    }
  }
}
