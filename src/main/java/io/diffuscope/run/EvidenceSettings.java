package io.diffuscope.run;

import io.diffuscope.sampling.EvidenceRequest;
import org.jspecify.annotations.Nullable;

/**
 * What is kept of the worst samples of each checkpoint that is sampled.
 *
 * @param mode whether anything, and whether with pictures of training data
 * @param pairs samples on one sheet, 1 to {@value EvidenceRequest#MOST_PAIRS}
 * @param sheets most checkpoints of one run, at least {@value #FEWEST_SHEETS}
 * @param maxBytes most bytes of all runs together, at least {@value #FEWEST_BYTES}
 */
public record EvidenceSettings(Mode mode, int pairs, int sheets, long maxBytes) {
  /** The first, the newest, the best and the worst are kept. */
  static final int FEWEST_SHEETS = 4;

  /** A sheet with {@value EvidenceRequest#MOST_PAIRS} pairs of noise takes less. */
  static final long FEWEST_BYTES = 4 << 20;

  /** Nothing is kept. */
  public static final EvidenceSettings OFF =
      new EvidenceSettings(Mode.OFF, 8, FEWEST_SHEETS, FEWEST_BYTES);

  /** How much is kept. */
  public enum Mode {
    /** Nothing. */
    OFF,
    /** Which points samples lie next to, and how near. */
    DISTANCES,
    /** Also pictures of samples and of the points of the sets. */
    PICTURES
  }

  public EvidenceSettings {
    if (pairs < 1 || pairs > EvidenceRequest.MOST_PAIRS) {
      throw new IllegalArgumentException(
          "diffuscope.evidence.pairs must be 1 to %d, not %d"
              .formatted(EvidenceRequest.MOST_PAIRS, pairs));
    }
    if (sheets < FEWEST_SHEETS) {
      throw new IllegalArgumentException(
          "diffuscope.evidence.sheets must be at least %d, not %d; evidence = off keeps none"
              .formatted(FEWEST_SHEETS, sheets));
    }
    if (maxBytes < FEWEST_BYTES) {
      throw new IllegalArgumentException(
          "diffuscope.evidence.max-bytes must be at least %d, not %d; evidence = off keeps none"
              .formatted(FEWEST_BYTES, maxBytes));
    }
  }

  /** What samplers are asked for; null: nothing. */
  @Nullable EvidenceRequest request() {
    return mode == Mode.OFF ? null : new EvidenceRequest(pairs, mode == Mode.PICTURES);
  }
}
