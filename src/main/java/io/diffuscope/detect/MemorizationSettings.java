package io.diffuscope.detect;

/**
 * When {@link Memorization} raises and clears.
 *
 * @param threshold the share of copies above the control must lie above it with 95 % confidence,
 *     default .01; the control's own error counts too: with no copy among 128 hold-out points, it
 *     takes 43 copies in 1,000 samples
 * @param clearLevel the flag is cleared when that share lies below it with 95 % confidence, default
 *     .005; with fewer than about 770 samples no share of 0 is that certain, and the flag stays
 * @param looks looks in a row to raise and to clear, default 2
 */
public record MemorizationSettings(double threshold, double clearLevel, int looks) {
  public static final MemorizationSettings DEFAULT = new MemorizationSettings(.01, .005, 2);

  public MemorizationSettings {
    Settings.require(
        threshold >= 0 && threshold < 1,
        "memorization: threshold",
        threshold,
        "at least 0, below 1");
    Settings.require(
        clearLevel <= threshold && clearLevel > -1,
        "memorization: clear level",
        clearLevel,
        "at most the threshold, so that the flag does not flutter, and above -1");
    Settings.require(looks >= 1, "memorization: looks", looks, "at least 1");
  }
}
