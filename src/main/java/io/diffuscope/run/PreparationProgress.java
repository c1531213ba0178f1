package io.diffuscope.run;

/**
 * Progress of what is done once before the first checkpoint; told, never stored.
 *
 * @param what for people, for example {@code endpoints of the reference flows}
 * @param done blocks finished
 * @param total blocks in all; 1 where it is done in one piece
 */
public record PreparationProgress(String run, String what, int done, int total)
    implements RunNotification {
  /** For people: {@code endpoints of the reference flows, block 3 of 8}. */
  public String text() {
    return total == 1 ? what : "%s, block %d of %d".formatted(what, done, total);
  }
}
