package io.diffuscope.sampling;

/**
 * How an approximate search did on some samples that were looked for exactly, too.
 *
 * @param queries samples compared
 * @param first of them, those whose nearest point was found
 * @param both of them, those whose two nearest points were both found
 */
public record SearchRecall(int queries, int first, int both) {
  /** Distances that differ by no more than this share are those of one point. */
  private static final double SAME = 1e-6;

  public SearchRecall {
    if (queries < 0 || first < 0 || both < 0 || first > queries || both > first) {
      throw new IllegalArgumentException(
          "no recall: %d queries, %d nearest and %d pairs found".formatted(queries, first, both));
    }
  }

  /** Counts what was found: a point counts as found if another one at its distance was. */
  static SearchRecall of(NeighbourSearch.Nearest found, NeighbourSearch.Nearest exact) {
    int first = 0;
    int both = 0;
    for (int i = 0; i < exact.distance().length; i++) {
      boolean nearest = isFound(found.distance()[i][0], exact.distance()[i][0]);
      first += nearest ? 1 : 0;
      both += nearest && isFound(found.distance()[i][1], exact.distance()[i][1]) ? 1 : 0;
    }
    return new SearchRecall(exact.distance().length, first, both);
  }

  private static boolean isFound(double found, double exact) {
    return found <= exact * (1 + SAME);
  }
}
