package io.diffuscope.statistics;

import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;

/**
 * The label-free ICR of arXiv 2606.09718: 1 / (1 + Tr(S_xi^-1 S_s) / d), where the feature of an
 * augmented, noised image is a part s that the image determines plus a rest xi, and S_s and S_xi
 * are their covariances. It lies near 0 where features depend on the image alone, at 1 where they
 * do not depend on it.
 *
 * <p>From two views h1, h2 of each image, t = (h1 + h2)/2, e = h1 - h2: S_xi = Cov(e)/2, S_s =
 * Cov(t) - Cov(e)/4.
 *
 * <p><b>Ridge</b> (this project's): S_xi is replaced by S_xi + r tr(S_xi)/d I. Without it the
 * inverse does not exist below d + 1 images, and Tr(S_xi^-1 S_s) is too large by about n/(n - d -
 * 1); so values with different ridges, image counts or layers do not compare.
 */
public final class Icr {
  /** A thousandth of the mean variance of the rest. */
  public static final double DEFAULT_RIDGE = 1e-3;

  /** Groups of images left out, one after the other, for the standard error. */
  private static final int GROUPS = 10;

  private final double[][] first;
  private final double[][] second;
  private final double ridge;
  private final ViewMoments[] parts;
  private final double[] leftOut;
  private ViewMoments all;
  private double value;
  private int done;

  private Icr(double[][] first, double[][] second, double ridge) {
    this.first = first;
    this.second = second;
    this.ridge = ridge;
    int groups = first.length < 2 * GROUPS ? 1 : GROUPS;
    this.parts = new ViewMoments[groups];
    this.leftOut = new double[groups];
    this.all = ViewMoments.none(first[0].length);
  }

  /**
   * The ICR of paired views.
   *
   * @param first h1, {@code [n][d]}
   * @param second h2 of the same images, {@code [n][d]}
   * @param ridge r, positive
   * @return the value; standard error by the jackknife over ten groups of images (image i is in
   *     group i mod 10), NaN below 20 images; normal interval inside [0, 1]. Costs 11 solutions of
   *     d equations: a second at d = 256, a minute or two at d = 1,280
   * @throws IllegalArgumentException below two images, if shapes differ, the ridge is not positive,
   *     or both views of every image are the same
   */
  public static Estimate of(double[][] first, double[][] second, double ridge) {
    Icr icr = begin(first, second, ridge);
    while (icr.advance()) {
      // One group each.
    }
    return icr.result();
  }

  /** The same, one group of images after the other. */
  public static Icr begin(double[][] first, double[][] second, double ridge) {
    check(first, second, ridge);
    return new Icr(first, second, ridge);
  }

  /** The moments of one group, or the ICR without one; false once there is nothing left to do. */
  public boolean advance() {
    int groups = parts.length;
    if (done < groups) {
      parts[done] = ViewMoments.of(first, second, done, groups);
      all = all.plus(parts[done], 1);
    } else if (done == groups) {
      value = value(all, ridge);
    } else if (groups > 1 && done <= 2 * groups) {
      leftOut[done - groups - 1] = value(all.plus(parts[done - groups - 1], -1), ridge);
    } else {
      return false;
    }
    done++;
    return true;
  }

  /** Share of the work that is done, 0 to 1. */
  public double progress() {
    return done / (parts.length > 1 ? 2.0 * parts.length + 1 : 2);
  }

  /** The estimate, once {@link #advance()} has returned false. */
  public Estimate result() {
    int groups = parts.length;
    if (groups == 1) {
      return Estimate.exact(value, first.length);
    }
    double error = Math.sqrt((groups - 1.0) / groups * Moments.of(leftOut).squaredDeviations());
    double half = Normal.Z95 * error;
    return new Estimate(
        value, error, Math.max(0, value - half), Math.min(1, value + half), first.length);
  }

  private static double value(ViewMoments moments, double ridge) {
    int d = moments.meanSums().numCols;
    DMatrixRMaj rest = moments.differenceCovariance();
    DMatrixRMaj signal = moments.meanCovariance();
    CommonOps_DDRM.add(signal, -.25, rest, signal);
    CommonOps_DDRM.scale(.5, rest);
    double shift = ridge * CommonOps_DDRM.trace(rest) / d;
    if (!(shift > 0) || Double.isInfinite(shift)) {
      throw new IllegalArgumentException(
          "ICR needs finite views that differ: is the augmentation off and the noise zero?");
    }
    for (int j = 0; j < d; j++) {
      rest.add(j, j, shift);
    }
    LinearSolverDense<DMatrixRMaj> solver = LinearSolverFactory_DDRM.symmPosDef(d);
    DMatrixRMaj ratio = new DMatrixRMaj(d, d);
    if (!solver.setA(rest)) {
      throw new IllegalArgumentException(
          "ICR needs a larger ridge than %s at %d features".formatted(ridge, d));
    }
    solver.solve(signal, ratio);
    // Below 0 only by the noise of S_s.
    return 1 / (1 + Math.max(0, CommonOps_DDRM.trace(ratio) / d));
  }

  private static void check(double[][] first, double[][] second, double ridge) {
    if (first.length < 2 || first.length != second.length) {
      throw new IllegalArgumentException(
          "ICR needs two views each of two images or more: got %d and %d"
              .formatted(first.length, second.length));
    }
    if (!(ridge > 0) || Double.isInfinite(ridge)) {
      throw new IllegalArgumentException("the ridge must be positive: got " + ridge);
    }
    for (int i = 0; i < first.length; i++) {
      if (first[i].length != first[0].length || second[i].length != first[0].length) {
        throw new IllegalArgumentException(
            "ICR needs features of one length: image %d has %d and %d"
                .formatted(i, first[i].length, second[i].length));
      }
    }
  }

  /**
   * Sums over images from which both covariances follow, and from which groups can be taken away.
   * Differences and means are taken about the first image of all, for the digits' sake.
   */
  private record ViewMoments(
      double count,
      DMatrixRMaj meanSums,
      DMatrixRMaj meanProducts,
      DMatrixRMaj differenceSums,
      DMatrixRMaj differenceProducts) {

    static ViewMoments none(int d) {
      return new ViewMoments(
          0,
          new DMatrixRMaj(1, d),
          new DMatrixRMaj(d, d),
          new DMatrixRMaj(1, d),
          new DMatrixRMaj(d, d));
    }

    static ViewMoments of(double[][] first, double[][] second, int group, int groups) {
      int d = first[0].length;
      int count = (first.length - group + groups - 1) / groups;
      DMatrixRMaj means = new DMatrixRMaj(count, d);
      DMatrixRMaj differences = new DMatrixRMaj(count, d);
      for (int i = 0; i < count; i++) {
        int image = group + i * groups;
        for (int f = 0; f < d; f++) {
          double origin = first[0][f];
          means.unsafe_set(i, f, (first[image][f] - origin) / 2 + (second[image][f] - origin) / 2);
          differences.unsafe_set(i, f, first[image][f] - second[image][f]);
        }
      }
      ViewMoments moments = none(d);
      CommonOps_DDRM.sumCols(means, moments.meanSums);
      CommonOps_DDRM.multInner(means, moments.meanProducts);
      CommonOps_DDRM.sumCols(differences, moments.differenceSums);
      CommonOps_DDRM.multInner(differences, moments.differenceProducts);
      return new ViewMoments(
          count,
          moments.meanSums,
          moments.meanProducts,
          moments.differenceSums,
          moments.differenceProducts);
    }

    ViewMoments plus(ViewMoments other, double sign) {
      return new ViewMoments(
          count + sign * other.count,
          sum(meanSums, sign, other.meanSums),
          sum(meanProducts, sign, other.meanProducts),
          sum(differenceSums, sign, other.differenceSums),
          sum(differenceProducts, sign, other.differenceProducts));
    }

    private static DMatrixRMaj sum(DMatrixRMaj a, double sign, DMatrixRMaj b) {
      DMatrixRMaj sum = new DMatrixRMaj(a.numRows, a.numCols);
      CommonOps_DDRM.add(a, sign, b, sum);
      return sum;
    }

    DMatrixRMaj meanCovariance() {
      return covariance(meanSums, meanProducts);
    }

    DMatrixRMaj differenceCovariance() {
      return covariance(differenceSums, differenceProducts);
    }

    private DMatrixRMaj covariance(DMatrixRMaj sums, DMatrixRMaj products) {
      DMatrixRMaj covariance = new DMatrixRMaj(sums.numCols, sums.numCols);
      CommonOps_DDRM.multTransA(-1 / count, sums, sums, covariance);
      CommonOps_DDRM.addEquals(covariance, products);
      CommonOps_DDRM.scale(1 / (count - 1), covariance);
      return covariance;
    }
  }
}
