package io.diffuscope.feature;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Rows through a graph, a few at a time. Every part has the same size: each new shape costs graph
 * optimisation anew.
 */
final class EqualParts {
  private EqualParts() {}

  /**
   * Applies a function to all rows.
   *
   * @param points float32 {@code [B, d]}
   * @param rows rows of one part; the last one is filled up with zeros
   * @param function of {@code [rows, d]}, on the manager of its argument, which is closed after it
   * @return {@code [B, ...]}, attached to the manager of {@code points}
   */
  static NDArray apply(NDArray points, int rows, UnaryOperator<NDArray> function) {
    long count = points.getShape().get(0);
    NDManager owner = points.getManager();
    try (NDManager scratch = owner.newSubManager()) {
      List<NDArray> parts = new ArrayList<>();
      for (long from = 0; from < count; from += rows) {
        long part = Math.min(rows, count - from);
        try (NDManager local = scratch.newSubManager()) {
          NDArray some = points.get("%d:%d".formatted(from, from + part));
          some.attach(local);
          NDArray results = function.apply(filled(some, rows, local));
          NDArray wanted = part == rows ? results : results.get("0:" + part);
          wanted.attach(scratch);
          parts.add(wanted);
        }
      }
      NDArray all = NDArrays.concat(new NDList(parts));
      all.attach(owner);
      return all;
    }
  }

  private static NDArray filled(NDArray some, int rows, NDManager manager) {
    long missing = rows - some.getShape().get(0);
    return missing == 0
        ? some
        : some.concat(manager.zeros(new Shape(missing, some.getShape().get(1)), DataType.FLOAT32));
  }
}
