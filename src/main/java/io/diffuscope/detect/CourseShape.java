package io.diffuscope.detect;

import io.diffuscope.statistics.ShapeFits;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How sure it is that a {@link Course} turned up after it fell, and that it fell once more: sums of
 * squares that a better shape saves, over the noise variance of one point, over the 99 % point that
 * this has at a single look at independent noise without any trend (the case in which the statistic
 * is largest).
 *
 * <p>The noise variance is the larger of half the mean squared error of paired changes, which is
 * sampling noise alone, and that of second differences, which has the noise of training, too; times
 * (1 + rho)/(1 - rho) where what the shape leaves is correlated from point to point.
 *
 * @param course what it is the shape of: of many points the means of neighbours
 * @param upturn for one turn upwards; NaN where there is no noise to compare with
 * @param valley step before the rise of the fit that turns up once
 * @param rise of that fit, from its valley to its end, in parts of the valley
 * @param secondDescent for a fall, a rise and another fall; NaN where there is no noise
 * @param bump rise of that fit, in parts of its valley
 * @param fall of that fit, from its top to its end, in parts of its valley
 * @param top step of the end of that rise
 */
record CourseShape(
    Course course,
    double upturn,
    long valley,
    double rise,
    double secondDescent,
    double bump,
    double fall,
    long top) {
  /** Below this, second differences tell too little of the noise. */
  static final int LEAST_POINTS = 20;

  /** The fits take the square of the number of points. */
  static final int MOST_POINTS = 500;

  private static final double MOST_CORRELATION = .9;

  /** Numbers of points of the table of 99 % points, by simulation of independent noise. */
  private static final double[] POINTS = {20, 50, 100, 200, 500};

  private static final double[] TURN = {31.7, 29.5, 29.9, 31.5, 35.6};
  private static final double[] SECOND_TURN = {22.3, 23.7, 25.0, 27.2, 30.4};
  private static final double[] BOTH_TURNS = {42.5, 41.1, 42.1, 44.8, 50.7};

  /** Null where there are too few points. */
  static @Nullable CourseShape of(Course all) {
    Course course = all.thinned(MOST_POINTS);
    double[] values = course.points().stream().mapToDouble(Course.Point::value).toArray();
    int n = values.length;
    if (n < LEAST_POINTS) {
      return null;
    }
    ShapeFits fits = ShapeFits.of(values);
    double noise = noise(course, fits);
    double turn = fits.falling() - fits.fallRise();
    double secondTurn = fits.fallRise() - fits.fallRiseFall();
    double bothTurns = fits.falling() - fits.fallRiseFall();
    double[] once = fits.fit(fits.valley(), n);
    double[] twice = fits.fit(fits.bumpStart(), fits.bumpEnd());
    double valley = smallest(once, n);
    double firstValley = smallest(twice, Math.max(1, fits.bumpEnd()));
    double top = twice[Math.max(0, fits.bumpEnd() - 1)];
    return new CourseShape(
        course,
        turn / noise / atSize(TURN, n),
        stepBefore(course, fits.valley()),
        (once[n - 1] - valley) / valley,
        Math.min(
            secondTurn / noise / atSize(SECOND_TURN, n), bothTurns / noise / atSize(BOTH_TURNS, n)),
        (top - firstValley) / firstValley,
        (top - twice[n - 1]) / firstValley,
        stepBefore(course, fits.bumpEnd()));
  }

  private static double noise(Course course, ShapeFits fits) {
    double paired =
        course.points().stream()
                .skip(1)
                .mapToDouble(point -> point.error() * point.error())
                .average()
                .orElse(0)
            / 2;
    double correlation =
        Math.clamp(ShapeFits.autocorrelation(fits.residuals()), 0, MOST_CORRELATION);
    double noise =
        Math.max(paired, ShapeFits.noiseVariance(fits.values()))
            * (1 + correlation)
            / (1 - correlation);
    return noise > 0 ? noise : Double.NaN;
  }

  private static double smallest(double[] values, int end) {
    return Arrays.stream(values, 0, end).min().orElse(Double.NaN);
  }

  private static long stepBefore(Course course, int index) {
    return course.points().get(Math.max(0, index - 1)).step();
  }

  /** Between sizes, along the logarithm of the number of points. */
  private static double atSize(double[] table, int points) {
    int above = 1;
    while (above < POINTS.length - 1 && points > POINTS[above]) {
      above++;
    }
    double along =
        Math.log(points / POINTS[above - 1]) / Math.log(POINTS[above] / POINTS[above - 1]);
    return table[above - 1] + along * (table[above] - table[above - 1]);
  }
}
