package io.diffuscope.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The beta schedules of diffusers' schedulers, by their names there, with their defaults. Computed
 * in float64, where diffusers computes in float32.
 */
enum ScheduleFormula {
  /** beta from start to end in equal steps (Ho et al. 2020). */
  LINEAR {
    @Override
    double[] betas(int count, double start, double end) {
      return evenly(count, start, end).toArray();
    }
  },
  /** The square root of beta in equal steps (latent diffusion, Rombach et al. 2022). */
  SCALED_LINEAR {
    @Override
    double[] betas(int count, double start, double end) {
      return evenly(count, Math.sqrt(start), Math.sqrt(end)).map(root -> root * root).toArray();
    }
  },
  /**
   * abar(u) = cos^2((u + 0.008) / 1.008 pi / 2), beta at most 0.999 (Nichol and Dhariwal 2021,
   * equation 17).
   */
  SQUAREDCOS_CAP_V2 {
    @Override
    double[] betas(int count, double start, double end) {
      DoubleUnaryOperator kept = u -> Math.pow(Math.cos((u + .008) / 1.008 * Math.PI / 2), 2);
      return IntStream.range(0, count)
          .mapToDouble(
              t ->
                  Math.min(
                      1
                          - kept.applyAsDouble((t + 1.0) / count)
                              / kept.applyAsDouble((double) t / count),
                      .999))
          .toArray();
    }
  };

  private static final double BETA_START = 1e-4;
  private static final double BETA_END = .02;
  private static final int MOST_TIMESTEPS = 1_000_000;
  private static final List<String> NUMBERS =
      List.of("alphas_cumprod", "betas", "trained_betas", "sigmas");

  abstract double[] betas(int count, double start, double end);

  /** This schedule with the default range of beta. */
  NoiseSchedule schedule(int count) {
    return NoiseSchedule.ofAlphasCumprod(
        DoubleStream.of(products(betas(count, BETA_START, BETA_END))).boxed().toList());
  }

  /**
   * The schedule that a configuration describes.
   *
   * @param config the keys of a diffusers {@code scheduler_config.json}, of which those that only
   *     concern sampling are left alone; or numbers in place of a formula: {@code alphas_cumprod},
   *     {@code betas} or {@code sigmas}
   * @throws IllegalArgumentException naming the key that is wrong
   */
  static NoiseSchedule schedule(SettingsObject config) {
    List<String> given = NUMBERS.stream().filter(config::has).toList();
    if (given.size() > 1) {
      throw new IllegalArgumentException(
          "schedule has %s: give one of them".formatted(String.join(" and ", given)));
    }
    List<Double> sigmas = config.numbers("sigmas");
    if (sigmas != null) {
      return new NoiseSchedule(sigmas);
    }
    List<Double> kept = config.numbers("alphas_cumprod");
    double[] alphasCumprod =
        kept == null
            ? products(betas(config))
            : kept.stream().mapToDouble(Double::doubleValue).toArray();
    if (Boolean.TRUE.equals(config.truth("rescale_betas_zero_snr"))) {
      alphasCumprod = withoutTerminalSignal(alphasCumprod);
    }
    return NoiseSchedule.ofAlphasCumprod(DoubleStream.of(alphasCumprod).boxed().toList());
  }

  private static double[] betas(SettingsObject config) {
    List<Double> trained =
        config.has("betas") ? config.numbers("betas") : config.numbers("trained_betas");
    double[] betas;
    if (trained == null) {
      String scheduler = config.text("_class_name");
      if (scheduler != null
          && !scheduler.startsWith("DDPM")
          && !scheduler.startsWith("DDIM")
          && !config.has("beta_schedule")) {
        throw new IllegalArgumentException(
            "schedule is that of %s, which has no betas: give its noise levels as sigmas, or preconditioning ve, edm or denoiser"
                .formatted(scheduler));
      }
      int count = (int) config.number("num_train_timesteps", 1000);
      if (count < 2 || count > MOST_TIMESTEPS) {
        throw new IllegalArgumentException(
            "num_train_timesteps must be 2 to %d, not %d".formatted(MOST_TIMESTEPS, count));
      }
      betas =
          of(config.text("beta_schedule"))
              .betas(
                  count,
                  config.number("beta_start", BETA_START),
                  config.number("beta_end", BETA_END));
    } else {
      betas = trained.stream().mapToDouble(Double::doubleValue).toArray();
    }
    for (int t = 0; t < betas.length; t++) {
      if (!(betas[t] > 0 && betas[t] <= 1)) {
        throw new IllegalArgumentException(
            "beta must lie above 0 and not above 1, but timestep %d has %s".formatted(t, betas[t]));
      }
    }
    return betas;
  }

  private static ScheduleFormula of(@Nullable String name) {
    return name == null
        ? LINEAR
        : Arrays.stream(values())
            .filter(formula -> formula.label().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "beta_schedule \"%s\" is not known; known are %s; give the numbers of any other as alphas_cumprod"
                            .formatted(
                                name,
                                Arrays.stream(values())
                                    .map(ScheduleFormula::label)
                                    .collect(Collectors.joining(", ")))));
  }

  private String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  private static DoubleStream evenly(int count, double start, double end) {
    return IntStream.range(0, count).mapToDouble(t -> start + (end - start) * t / (count - 1));
  }

  private static double[] products(double[] betas) {
    double[] products = new double[betas.length];
    double product = 1;
    for (int t = 0; t < betas.length; t++) {
      product *= 1 - betas[t];
      products[t] = product;
    }
    return products;
  }

  /**
   * Shifts and scales sqrt(abar) so that the last one is 0 and the first one stays (Lin et al.
   * 2023, algorithm 1).
   */
  private static double[] withoutTerminalSignal(double[] alphasCumprod) {
    double first = Math.sqrt(alphasCumprod[0]);
    double last = Math.sqrt(alphasCumprod[alphasCumprod.length - 1]);
    return Arrays.stream(alphasCumprod)
        .map(kept -> Math.pow((Math.sqrt(kept) - last) * first / (first - last), 2))
        .toArray();
  }
}
