package io.diffuscope.sampling;

import io.diffuscope.model.Pooling;
import java.util.List;

/**
 * Where hidden representations are asked for the classes of images, and for what of them depends on
 * the image alone.
 *
 * @param sigmas noise levels of the class probes, in the model's units, ascending; empty switches
 *     {@code representation} off
 * @param pooling what becomes of a representation with a spatial extent
 * @param images a class probe is fitted to at most this many images, and tested on as many others;
 *     ICR takes as many. 0 switches both off
 * @param icrSigma noise level of the two views that ICR compares
 */
public record RepresentationSettings(
    List<Double> sigmas, Pooling pooling, int images, double icrSigma) {
  /** Those of the probing experiments of arXiv 2502.05743, appendix D. */
  public static final List<Double> DEFAULT_SIGMAS =
      List.of(.002, .008, .023, .06, .14, .296, .585, 1.088, 1.923);

  /** That of arXiv 2606.09718 for EDM networks. */
  public static final double DEFAULT_ICR_SIGMA = .29;

  /** Nothing is measured. */
  public static final RepresentationSettings OFF =
      new RepresentationSettings(List.of(), Pooling.MEAN, 0, DEFAULT_ICR_SIGMA);

  /** More would make more metrics than anybody looks at. */
  private static final int MOST_SIGMAS = 32;

  private static final int LEAST_IMAGES = 8;
  private static final int MOST_IMAGES = 100_000;

  public RepresentationSettings {
    sigmas = sigmas.stream().distinct().sorted().toList();
    if (sigmas.stream().anyMatch(s -> !(s > 0) || s.isInfinite()) || sigmas.size() > MOST_SIGMAS) {
      throw new IllegalArgumentException(
          "representation.sigmas must be at most %d numbers above 0, not %s"
              .formatted(MOST_SIGMAS, sigmas));
    }
    if (images != 0 && (images < LEAST_IMAGES || images > MOST_IMAGES)) {
      throw new IllegalArgumentException(
          "representation.images must be %d to %d, not %d"
              .formatted(LEAST_IMAGES, MOST_IMAGES, images));
    }
    if (!(icrSigma > 0) || Double.isInfinite(icrSigma)) {
      throw new IllegalArgumentException(
          "representation.icr-sigma must be above 0, not " + icrSigma);
    }
  }

  /** The same at other noise levels. */
  RepresentationSettings at(List<Double> others) {
    return new RepresentationSettings(others, pooling, images, icrSigma);
  }
}
