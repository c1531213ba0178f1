package io.diffuscope.model;

import java.util.Arrays;
import java.util.Locale;

/** Where time runs in flow matching. Both conventions are in wide use, with opposite signs. */
public enum FlowDirection {
  /** t = 0 is data, t = 1 is noise, {@code v = eps - x0}: diffusers, Stable Diffusion 3. */
  DATA_TO_NOISE,
  /** t = 0 is noise, t = 1 is data, {@code v = x0 - eps}: SiT, and the paper of flow matching. */
  NOISE_TO_DATA;

  /** The word in configuration, for example {@code data_to_noise}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The direction of that name. */
  public static FlowDirection of(String label) {
    return Arrays.stream(values())
        .filter(direction -> direction.label().equals(label))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "flow_direction \"%s\" is not known; known are data_to_noise (t = 0 is data) and noise_to_data (t = 1 is data)"
                        .formatted(label)));
  }
}
