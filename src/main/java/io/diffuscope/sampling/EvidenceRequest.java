package io.diffuscope.sampling;

/**
 * What is told of the worst samples of a checkpoint.
 *
 * @param pairs how many of them, 1 to {@value #MOST_PAIRS}
 * @param pictures whether with pictures, of samples and of points of the sets
 */
public record EvidenceRequest(int pairs, boolean pictures) {
  /** Most samples on one sheet. */
  public static final int MOST_PAIRS = 16;

  public EvidenceRequest {
    if (pairs < 1 || pairs > MOST_PAIRS) {
      throw new IllegalArgumentException(
          "pairs must be 1 to %d, not %d".formatted(MOST_PAIRS, pairs));
    }
  }
}
