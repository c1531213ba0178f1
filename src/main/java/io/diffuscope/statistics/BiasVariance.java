package io.diffuscope.statistics;

import java.util.Optional;
import org.apache.commons.statistics.distribution.TDistribution;

/**
 * Bias and variance of the squared probability flow distance over K students with training sets of
 * their own: E_D[PFD^2] = bias^2 + variance (arXiv 2505.20123 names the parts; the estimators are
 * this project's).
 *
 * <p>With f_k the students' features of one noise, f* the reference's and fbar the mean of the f_k,
 * unbiased at any K {@literal >=} 2: variance = sum_k |f_k - fbar|^2 / (K - 1), bias^2 = |fbar -
 * f*|^2 - variance / K. Both follow from squared distances alone: variance = (sum of the squared
 * distances of all pairs) / (K (K - 1)), and bias^2 = mean_k |f_k - f*|^2 - variance. bias^2 may
 * come out below 0.
 *
 * <p>The standard errors are over noises, paired, <b>given the students</b>. What other training
 * sets would give is not in them; for K {@literal >=} 3 see {@link #overStudents}.
 *
 * @param total mean_k |f_k - f*|^2: the students' mean PFD^2
 * @param bias bias^2
 * @param variance variance between students
 */
public record BiasVariance(Estimate total, Estimate bias, Estimate variance) {

  /**
   * The parts, with errors over noises only.
   *
   * @param toReference |f_k - f*|^2 of each noise and student, {@code [M][K]}, K at least 2
   * @param betweenPairs |f_k - f_l|^2 of each noise and pair k {@literal <} l in the order (0,1),
   *     (0,2), ..., (1,2), ..., {@code [M][K (K - 1) / 2]}
   * @throws IllegalArgumentException if there is no noise, fewer than two students, or the shapes
   *     do not fit
   */
  public static BiasVariance of(double[][] toReference, double[][] betweenPairs) {
    int students = check(toReference, betweenPairs);
    int noises = toReference.length;
    double[] total = new double[noises];
    double[] variance = new double[noises];
    for (int i = 0; i < noises; i++) {
      total[i] = sum(toReference[i]) / students;
      variance[i] = sum(betweenPairs[i]) / ((double) students * (students - 1));
    }
    return ofParts(total, variance);
  }

  /**
   * The parts, with errors over noises only, from what each noise adds.
   *
   * @param total mean over the students of |f_k - f*|^2, {@code [M]}, M at least 1
   * @param variance sum of the squared distances of all pairs over K (K - 1), {@code [M]}
   */
  public static BiasVariance ofParts(double[] total, double[] variance) {
    double[] bias = new double[total.length];
    for (int i = 0; i < bias.length; i++) {
      bias[i] = total[i] - variance[i];
    }
    return new BiasVariance(
        Moments.of(total).estimate(), Moments.of(bias).estimate(), Moments.of(variance).estimate());
  }

  /**
   * The parts, with errors over noises and students: the jackknife over students, added to the
   * error over noises, and Student's t with K - 1 degrees of freedom. Wide at few students, as it
   * must be.
   *
   * @param toReference as in {@link #of}
   * @param betweenPairs as in {@link #of}
   * @return empty below three students, where leaving one out leaves no variance
   * @throws IllegalArgumentException as {@link #of}
   */
  public static Optional<BiasVariance> overStudents(
      double[][] toReference, double[][] betweenPairs) {
    check(toReference, betweenPairs);
    return of(toReference, betweenPairs)
        .overStudents(columnMeans(toReference), columnMeans(betweenPairs));
  }

  /**
   * These parts with errors over noises and students.
   *
   * @param reference mean over the noises of |f_k - f*|^2, {@code [K]}
   * @param pairs mean over the noises of |f_k - f_l|^2, {@code [K (K - 1) / 2]}, in the order of
   *     {@link #of}
   * @return empty below three students
   */
  public Optional<BiasVariance> overStudents(double[] reference, double[] pairs) {
    int students = reference.length;
    if (students < 3) {
      return Optional.empty();
    }
    double[] total = new double[students];
    double[] bias = new double[students];
    double[] variance = new double[students];
    for (int out = 0; out < students; out++) {
      int rest = students - 1;
      total[out] = (sum(reference) - reference[out]) / rest;
      variance[out] = sumWithout(pairs, students, out) / ((double) rest * (rest - 1));
      bias[out] = total[out] - variance[out];
    }
    return Optional.of(
        new BiasVariance(
            widened(this.total, total),
            widened(this.bias, bias),
            widened(this.variance, variance)));
  }

  private static Estimate widened(Estimate given, double[] leftOut) {
    int students = leftOut.length;
    double jackknife =
        Math.sqrt((students - 1.0) / students * Moments.of(leftOut).squaredDeviations());
    double error = Math.hypot(jackknife, given.standardError());
    double half = TDistribution.of(students - 1).inverseSurvivalProbability(.025) * error;
    return new Estimate(
        given.value(), error, given.value() - half, given.value() + half, given.samples());
  }

  private static double sumWithout(double[] pairs, int students, int out) {
    double sum = 0;
    int next = 0;
    for (int k = 0; k < students; k++) {
      for (int l = k + 1; l < students; l++) {
        sum += k == out || l == out ? 0 : pairs[next];
        next++;
      }
    }
    return sum;
  }

  private static int check(double[][] toReference, double[][] betweenPairs) {
    int students = toReference.length == 0 ? 0 : toReference[0].length;
    if (students < 2 || betweenPairs.length != toReference.length) {
      throw new IllegalArgumentException(
          "bias and variance need two students or more on the same noises: got %d students, %d and %d"
                  .formatted(students, toReference.length, betweenPairs.length)
              + " noises");
    }
    for (int i = 0; i < toReference.length; i++) {
      if (toReference[i].length != students
          || betweenPairs[i].length != students * (students - 1) / 2) {
        throw new IllegalArgumentException(
            "noise %d has %d distances to the reference and %d between students, for %d students"
                .formatted(i, toReference[i].length, betweenPairs[i].length, students));
      }
    }
    return students;
  }

  private static double[] columnMeans(double[][] rows) {
    double[] means = new double[rows[0].length];
    for (double[] row : rows) {
      for (int j = 0; j < means.length; j++) {
        means[j] += row[j] / rows.length;
      }
    }
    return means;
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }
}
