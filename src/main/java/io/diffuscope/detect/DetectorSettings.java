package io.diffuscope.detect;

/** Settings of all detectors. */
public record DetectorSettings(
    EarlyMemorizationSettings earlyMemorization,
    MemorizationSettings memorization,
    DescentSettings descents) {
  public static final DetectorSettings DEFAULT =
      new DetectorSettings(
          EarlyMemorizationSettings.DEFAULT, MemorizationSettings.DEFAULT, DescentSettings.DEFAULT);
}
