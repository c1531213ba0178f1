package io.diffuscope.model;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How a network's raw output becomes a denoiser: {@code D = cSkip x + cOut F(cIn x; cNoise)}, x
 * being {@code x0 + sigma * eps}.
 *
 * <p>EDM, VP, VE and iDDPM are the rows of table 1 of Karras et al. 2022. The others bring x to
 * what the network was trained on: variance-preserving noise, {@code (x0 + sigma eps) / sqrt(1 +
 * sigma^2)}, for networks that predict epsilon, {@code v = (eps - sigma x0) / sqrt(1 + sigma^2)}
 * (Salimans and Ho 2022, appendix D) or the sample; a straight path, {@code (x0 + sigma eps) / (1 +
 * sigma)}, for flow matching.
 */
public enum Preconditioning {
  /** EDM, with the data's standard deviation sigma_data; the label is ln(sigma) / 4. */
  EDM {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      double dataVariance = settings.sigmaData() * settings.sigmaData();
      double variance = sigma * sigma + dataVariance;
      return new Coefficients(
          dataVariance / variance,
          sigma * settings.sigmaData() / Math.sqrt(variance),
          1 / Math.sqrt(variance),
          Math.log(sigma) / 4);
    }
  },
  /**
   * The continuous variance-preserving process of Song et al. 2021 with beta_d = 19.9 and beta_min
   * = 0.1; predicts epsilon; the label is 999 times its time.
   */
  VP {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      return epsilon(sigma, settings.timestepScale() * vpTime(sigma));
    }

    @Override
    SigmaRange range(@Nullable NoiseSchedule schedule) {
      return new SigmaRange(vpSigma(1e-5), vpSigma(1));
    }

    @Override
    double timestepScale() {
      return 999;
    }
  },
  /** The variance-exploding process of Song et al. 2021; the label is ln(sigma / 2). */
  VE {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      return new Coefficients(1, sigma, 1, Math.log(sigma / 2));
    }

    @Override
    SigmaRange range(@Nullable NoiseSchedule schedule) {
      return new SigmaRange(.02, 100);
    }
  },
  /**
   * The 1000 timesteps of the cosine schedule of Nichol and Dhariwal 2021 (C_1 = 0.001, C_2 =
   * 0.008); predicts epsilon; the label is a timestep, the nearest by sigma unless told otherwise.
   */
  IDDPM {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      return epsilon(sigma, timestepLabel(sigma, settings));
    }

    @Override
    SigmaRange range(@Nullable NoiseSchedule schedule) {
      return COSINE.range();
    }

    @Override
    NoiseSchedule schedule(@Nullable NoiseSchedule given) {
      return COSINE;
    }

    @Override
    boolean roundsTimesteps() {
      return true;
    }
  },
  /** Predicts the noise eps; discrete timesteps of a schedule. */
  EPSILON {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      return epsilon(sigma, timestepLabel(sigma, settings));
    }

    @Override
    boolean needsSchedule() {
      return true;
    }
  },
  /** Predicts v; discrete timesteps of a schedule. */
  V_PREDICTION {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      double variance = 1 + sigma * sigma;
      return new Coefficients(
          1 / variance,
          -sigma / Math.sqrt(variance),
          1 / Math.sqrt(variance),
          timestepLabel(sigma, settings));
    }

    @Override
    boolean needsSchedule() {
      return true;
    }
  },
  /** Predicts x0 from variance-preserving noise; discrete timesteps of a schedule. */
  SAMPLE {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      return new Coefficients(
          0, 1, 1 / Math.sqrt(1 + sigma * sigma), timestepLabel(sigma, settings));
    }

    @Override
    boolean needsSchedule() {
      return true;
    }
  },
  /**
   * Predicts the velocity of the straight path between data and noise (Lipman et al. 2023, Liu et
   * al. 2023), in the direction of {@link FlowDirection}.
   */
  FLOW_MATCHING {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      double time = sigma / (1 + sigma);
      return switch (settings.flowDirection()) {
        case DATA_TO_NOISE ->
            new Coefficients(
                1 / (1 + sigma), -time, 1 / (1 + sigma), time * settings.timestepScale());
        case NOISE_TO_DATA ->
            new Coefficients(
                1 / (1 + sigma), time, 1 / (1 + sigma), 1 / (1 + sigma) * settings.timestepScale());
      };
    }
  },
  /** The network returns D(x; sigma) itself; its noise label is sigma. */
  DENOISER {
    @Override
    Coefficients at(double sigma, NetworkSettings settings) {
      return new Coefficients(0, 1, 1, sigma);
    }
  };

  private static final double VP_BETA_D = 19.9;
  private static final double VP_BETA_MIN = .1;
  private static final NoiseSchedule COSINE = ScheduleFormula.SQUAREDCOS_CAP_V2.schedule(1000);

  /** The coefficients at one noise level. */
  record Coefficients(double skip, double out, double in, double noise) {}

  abstract Coefficients at(double sigma, NetworkSettings settings);

  /** The noise levels that such a network is trained on unless its settings say otherwise. */
  SigmaRange range(@Nullable NoiseSchedule schedule) {
    return schedule == null ? SigmaRange.ALL : schedule.range();
  }

  /** The schedule in use where one is given. */
  @Nullable NoiseSchedule schedule(@Nullable NoiseSchedule given) {
    return given;
  }

  /** Whether the noise label is a timestep of a schedule that the settings must give. */
  boolean needsSchedule() {
    return false;
  }

  /** Whether {@code timestep_scale} changes the noise label. */
  boolean scalesTimesteps() {
    return needsSchedule() || this == VP || this == IDDPM || this == FLOW_MATCHING;
  }

  /** {@code timestep_scale} where the settings give none. */
  double timestepScale() {
    return 1;
  }

  /** {@code round_timesteps} where the settings do not say. */
  boolean roundsTimesteps() {
    return false;
  }

  private static Coefficients epsilon(double sigma, double label) {
    return new Coefficients(1, -sigma, 1 / Math.sqrt(1 + sigma * sigma), label);
  }

  private static double vpTime(double sigma) {
    return (Math.sqrt(VP_BETA_MIN * VP_BETA_MIN + 2 * VP_BETA_D * Math.log1p(sigma * sigma))
            - VP_BETA_MIN)
        / VP_BETA_D;
  }

  private static double vpSigma(double time) {
    return Math.sqrt(Math.expm1(VP_BETA_D / 2 * time * time + VP_BETA_MIN * time));
  }

  double timestepLabel(double sigma, NetworkSettings settings) {
    NoiseSchedule schedule = schedule(settings.schedule());
    if (schedule == null) {
      throw new IllegalStateException(label() + " without a schedule");
    }
    double timestep =
        settings.roundTimesteps() ? schedule.nearestTimestep(sigma) : schedule.timestep(sigma);
    return timestep * settings.timestepScale();
  }

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
