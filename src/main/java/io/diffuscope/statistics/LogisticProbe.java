package io.diffuscope.statistics;

import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;

/**
 * A linear class probe: multinomial logistic regression with an intercept and an L2 penalty.
 *
 * <p>It minimises sum_i -log softmax(W h_i + b)[label_i] + |W|^2 / (2 C), the intercept free, as
 * scikit-learn's LogisticRegression does. The problem is convex and the start is zero, so the same
 * features give the same digits.
 */
public final class LogisticProbe {
  /** scikit-learn's default weight of the data against the penalty. */
  public static final double DEFAULT_C = 1;

  private static final int MOST_ITERATIONS = 500;
  private static final double GRADIENT_TOLERANCE = 1e-6;

  /** {@code [classes][F + 1]}; the last column is the intercept. */
  private final DMatrixRMaj weights;

  private LogisticProbe(DMatrixRMaj weights) {
    this.weights = weights;
  }

  /**
   * Fits the probe until no element of the gradient, divided by n, exceeds 1e-6, or for 500
   * iterations. One iteration is about 4 n F classes operations: ten million to a hundred million.
   *
   * @param train training features, {@code [n][F]}
   * @param labels their classes, 0 to classes - 1
   * @param classes number of classes
   * @param c weight of the data against the penalty, C
   * @throws IllegalArgumentException if labels and features do not fit, or C is not positive
   */
  public static LogisticProbe fit(double[][] train, int[] labels, int classes, double c) {
    Fit fit = begin(train, labels, classes, c);
    while (fit.advance()) {
      // One iteration each.
    }
    return fit.result();
  }

  /** The same fit, one iteration after the other. */
  public static Fit begin(double[][] train, int[] labels, int classes, double c) {
    FeatureMatrix.checkLabels(train, labels, classes);
    if (!(c > 0) || Double.isInfinite(c)) {
      throw new IllegalArgumentException("C must be positive and finite: got " + c);
    }
    DMatrixRMaj x = withOnes(train);
    Loss loss = new Loss(x, labels, classes, 1 / (c * train.length));
    return new Fit(
        new LimitedMemoryBfgs(MOST_ITERATIONS, GRADIENT_TOLERANCE)
            .descend(loss, new double[x.numCols * classes]),
        classes,
        x.numCols);
  }

  /** A fit under way. */
  public static final class Fit {
    private final LimitedMemoryBfgs.Descent descent;
    private final int classes;
    private final int columns;

    private Fit(LimitedMemoryBfgs.Descent descent, int classes, int columns) {
      this.descent = descent;
      this.classes = classes;
      this.columns = columns;
    }

    /** One iteration; false once the fit has ended. */
    public boolean advance() {
      return descent.advance();
    }

    /** Share of the iterations that it may take, 0 to 1. */
    public double progress() {
      return descent.progress();
    }

    /** The probe as far as it was fitted. */
    public LogisticProbe result() {
      return new LogisticProbe(DMatrixRMaj.wrap(classes, columns, descent.point().clone()));
    }
  }

  /**
   * The probe on each test image.
   *
   * @param rows test features, {@code [n][F]}
   * @param labels their classes
   * @return 1 where the class is right, 0 where not, {@code [n]}
   * @throws IllegalArgumentException if labels and features do not fit
   */
  public double[] correct(double[][] rows, int[] labels) {
    FeatureMatrix.checkLabels(rows, labels, weights.numRows);
    DMatrixRMaj scores = new DMatrixRMaj(rows.length, weights.numRows);
    CommonOps_DDRM.multTransB(withOnes(rows), weights, scores);
    double[] correct = new double[rows.length];
    for (int i = 0; i < rows.length; i++) {
      int best = 0;
      for (int k = 1; k < weights.numRows; k++) {
        best = scores.unsafe_get(i, k) > scores.unsafe_get(i, best) ? k : best;
      }
      correct[i] = best == labels[i] ? 1 : 0;
    }
    return correct;
  }

  /**
   * The share of test images that a probe got right, with Wilson's interval: over test images,
   * given the probe.
   *
   * @param correct 1 or 0 for each test image
   * @throws IllegalArgumentException if there is none
   */
  public static Estimate accuracy(double[] correct) {
    return Proportions.share(Arrays.stream(correct).filter(x -> x > .5).count(), correct.length);
  }

  /** Weight of a feature for a class; the one after the last feature is the intercept. */
  double weight(int feature, int label) {
    return weights.get(label, feature);
  }

  private static DMatrixRMaj withOnes(double[][] rows) {
    int length = rows[0].length;
    DMatrixRMaj x = new DMatrixRMaj(rows.length, length + 1);
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, x.data, i * (length + 1), length);
      x.data[i * (length + 1) + length] = 1;
    }
    return x;
  }

  /**
   * Mean cross-entropy plus penalty/2 |W|^2, with its gradient. Features are held in both orders
   * and scores by class, so that the inner loops of both products are long: several times as fast.
   */
  private static final class Loss implements LimitedMemoryBfgs.Objective {
    private final DMatrixRMaj x;
    private final DMatrixRMaj transposed;
    private final int[] labels;
    private final int classes;
    private final double penalty;
    private final DMatrixRMaj scores;

    Loss(DMatrixRMaj x, int[] labels, int classes, double penalty) {
      this.x = x;
      this.transposed = CommonOps_DDRM.transpose(x, null);
      this.labels = labels;
      this.classes = classes;
      this.penalty = penalty;
      this.scores = new DMatrixRMaj(classes, x.numRows);
    }

    @Override
    public double evaluate(double[] point, double[] gradient) {
      CommonOps_DDRM.mult(DMatrixRMaj.wrap(classes, x.numCols, point), transposed, scores);
      double sum = 0;
      for (int i = 0; i < labels.length; i++) {
        sum += toResidual(i, labels[i]);
      }
      CommonOps_DDRM.mult(
          1.0 / labels.length, scores, x, DMatrixRMaj.wrap(classes, x.numCols, gradient));
      double squares = 0;
      for (int j = 0; j < point.length; j++) {
        if (j % x.numCols != x.numCols - 1) {
          squares += point[j] * point[j];
          gradient[j] += penalty * point[j];
        }
      }
      return sum / labels.length + penalty / 2 * squares;
    }

    /** Replaces the scores of one image by softmax minus one-hot; returns its cross-entropy. */
    private double toResidual(int image, int label) {
      double[] s = scores.data;
      int stride = scores.numCols;
      double most = s[image];
      for (int at = image; at < s.length; at += stride) {
        most = Math.max(most, s[at]);
      }
      int own = image + label * stride;
      double margin = s[own] - most;
      double sum = 0;
      for (int at = image; at < s.length; at += stride) {
        s[at] = Math.exp(s[at] - most);
        sum += s[at];
      }
      for (int at = image; at < s.length; at += stride) {
        s[at] /= sum;
      }
      s[own] -= 1;
      return Math.log(sum) - margin;
    }
  }
}
