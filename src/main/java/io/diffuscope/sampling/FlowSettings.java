package io.diffuscope.sampling;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.model.SigmaGrid;
import java.util.Arrays;
import java.util.Locale;

/**
 * How probability flows are integrated.
 *
 * @param solver Heun (second order, EDM's) or Euler
 * @param grid the noise levels
 */
public record FlowSettings(Solver solver, SigmaGrid grid) {
  /** The integration rule. */
  public enum Solver {
    /** Heun's second-order rule; the last step to sigma = 0 is an Euler step, as in EDM. */
    HEUN,
    /** Euler's first-order rule. */
    EULER;

    public static Solver of(String label) {
      return Arrays.stream(values())
          .filter(s -> s.label().equals(label))
          .findFirst()
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "solver \"%s\" is not known; known are heun and euler".formatted(label)));
    }

    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Calls of a denoiser in one flow: Heun's rule asks twice a step, but for the last one. */
  public int calls() {
    return solver == Solver.HEUN ? 2 * grid.steps() - 1 : grid.steps();
  }

  /** Part of the probe id and of cache keys: every number that changes an endpoint. */
  @JsonIgnore
  public String key() {
    return "%s-%d-%s-%s-%s"
        .formatted(solver.label(), grid.steps(), grid.sigmaMin(), grid.sigmaMax(), grid.rho());
  }
}
