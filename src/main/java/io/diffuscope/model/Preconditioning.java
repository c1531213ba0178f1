package io.diffuscope.model;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * How a network's raw output becomes a denoiser: {@code D = cSkip x + cOut F(cIn x; cNoise)}.
 *
 * <p>Later parameterizations (VP, VE, v-prediction, flow matching) are further constants here.
 */
public enum Preconditioning {
  /** EDM (Karras et al. 2022, table 1), with the data's standard deviation sigma_data. */
  EDM {
    @Override
    Coefficients at(double sigma, double sigmaData) {
      double variance = sigma * sigma + sigmaData * sigmaData;
      return new Coefficients(
          sigmaData * sigmaData / variance,
          sigma * sigmaData / Math.sqrt(variance),
          1 / Math.sqrt(variance),
          Math.log(sigma) / 4);
    }
  },
  /** The network returns D(x; sigma) itself; its noise label is sigma. */
  DENOISER {
    @Override
    Coefficients at(double sigma, double sigmaData) {
      return new Coefficients(0, 1, 1, sigma);
    }
  };

  /** The coefficients at one noise level. */
  record Coefficients(double skip, double out, double in, double noise) {}

  abstract Coefficients at(double sigma, double sigmaData);

  /** The word used in configuration and in {@code diffuscope.json}, for example {@code edm}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The preconditioning of that name; the message of the exception lists the names there are. */
  public static Preconditioning of(String label) {
    return Arrays.stream(values())
        .filter(p -> p.label().equals(label))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "preconditioning \"%s\" is not known; known are %s"
                        .formatted(
                            label,
                            Arrays.stream(values())
                                .map(Preconditioning::label)
                                .collect(Collectors.joining(", ")))));
  }
}
