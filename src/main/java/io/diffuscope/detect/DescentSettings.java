package io.diffuscope.detect;

/**
 * When {@link Descents} raises {@link Flag#OVERFITTING} and {@link Flag#DOUBLE_DESCENT}.
 *
 * @param overfittingLevel how many times the 99 % point of a single look the evidence of an upturn
 *     must be, default 1.75: over 200 looks at independent noise about one run in a hundred shows
 *     it, and one that falls seldom does
 * @param doubleDescentLevel the same for a second descent, default 1.35
 * @param leastChange rises and falls below this part of the valley raise nothing, default .05
 */
public record DescentSettings(
    double overfittingLevel, double doubleDescentLevel, double leastChange) {
  public static final DescentSettings DEFAULT = new DescentSettings(1.75, 1.35, .05);

  public DescentSettings {
    Settings.require(overfittingLevel >= 1, "overfitting: level", overfittingLevel, "at least 1");
    Settings.require(
        doubleDescentLevel >= 1, "double descent: level", doubleDescentLevel, "at least 1");
    Settings.require(leastChange >= 0, "overfitting: least change", leastChange, "at least 0");
  }
}
