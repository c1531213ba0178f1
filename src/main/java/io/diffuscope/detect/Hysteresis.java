package io.diffuscope.detect;

/**
 * A flag that takes several looks in a row to raise and as many to clear, so that one look does not
 * decide.
 *
 * @param raised whether the flag is up
 * @param streak looks in a row that spoke for the change: for raising while it is down, for
 *     clearing while it is up
 */
public record Hysteresis(boolean raised, int streak) {
  /** Down, nothing seen. */
  public static final Hysteresis DOWN = new Hysteresis(false, 0);

  /** One more look; {@code above} speaks for raising, {@code below} for clearing. */
  Hysteresis look(boolean above, boolean below) {
    boolean speaks = raised ? below : above;
    return new Hysteresis(raised, speaks ? Math.addExact(streak, 1) : 0);
  }

  /** The other position, with a streak that starts anew. */
  Hysteresis flipped() {
    return new Hysteresis(!raised, 0);
  }
}
