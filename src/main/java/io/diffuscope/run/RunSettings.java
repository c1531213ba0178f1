package io.diffuscope.run;

import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.signal.SignalSchedule;
import java.time.Duration;
import java.util.regex.Pattern;

/**
 * A run and how it is evaluated.
 *
 * @param id {@code [A-Za-z0-9._-]{1,100}}
 * @param displayName name for people
 * @param probe what checkpoints are measured with
 * @param pace which checkpoints are evaluated, and how much of it, when training is faster
 * @param steps what the steps of its checkpoints count
 * @param ending when the run is over
 * @param detectors thresholds of the flags
 * @param parallelism units asked for at a time; a little more than there are samplers
 * @param unitTimeout how long one unit may take before the evaluation is given up
 * @param retries how often an evaluation is tried that fails for a reason which may pass
 * @param signals which signals are measured, and at which of the checkpoints that are sampled
 * @param comparisons which other samples are compared with
 * @param evidence what is kept of the worst samples of a checkpoint
 */
public record RunSettings(
    String id,
    String displayName,
    ProbeSpec probe,
    Pace pace,
    StepScale steps,
    Ending ending,
    DetectorSettings detectors,
    int parallelism,
    Duration unitTimeout,
    Retries retries,
    SignalSchedule signals,
    ComparisonSettings comparisons,
    EvidenceSettings evidence) {
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,100}");

  public RunSettings {
    if (!isId(id)) {
      throw new IllegalArgumentException(
          "run \"%s\" must be 1 to 100 letters, digits, dots, dashes or underscores".formatted(id));
    }
  }

  /** Without comparisons and evidence. */
  public RunSettings(
      String id,
      String displayName,
      ProbeSpec probe,
      Pace pace,
      StepScale steps,
      Ending ending,
      DetectorSettings detectors,
      int parallelism,
      Duration unitTimeout,
      Retries retries,
      SignalSchedule signals) {
    this(
        id,
        displayName,
        probe,
        pace,
        steps,
        ending,
        detectors,
        parallelism,
        unitTimeout,
        retries,
        signals,
        ComparisonSettings.OFF,
        EvidenceSettings.OFF);
  }

  /** The same with other comparisons. */
  public RunSettings withComparisons(ComparisonSettings other) {
    return with(steps, ending, detectors, retries, signals, other, evidence);
  }

  /** The same with another evidence. */
  public RunSettings withEvidence(EvidenceSettings other) {
    return with(steps, ending, detectors, retries, signals, comparisons, other);
  }

  /** The same for another run. */
  public RunSettings named(String otherId, String otherDisplayName) {
    return new RunSettings(
        otherId,
        otherDisplayName,
        probe,
        pace,
        steps,
        ending,
        detectors,
        parallelism,
        unitTimeout,
        retries,
        signals,
        comparisons,
        evidence);
  }

  /** The same where this is known of the steps. */
  public RunSettings withSteps(StepScale other) {
    return with(other, ending, detectors, retries, signals, comparisons, evidence);
  }

  /** The same with another end. */
  public RunSettings withEnding(Ending other) {
    return with(steps, other, detectors, retries, signals, comparisons, evidence);
  }

  /** The same with other thresholds. */
  RunSettings withDetectors(DetectorSettings other) {
    return with(steps, ending, other, retries, signals, comparisons, evidence);
  }

  /** The same with another patience. */
  public RunSettings withRetries(Retries other) {
    return with(steps, ending, detectors, other, signals, comparisons, evidence);
  }

  /** The same with another schedule of signals. */
  public RunSettings withSignals(SignalSchedule other) {
    return with(steps, ending, detectors, retries, other, comparisons, evidence);
  }

  private RunSettings with(
      StepScale otherSteps,
      Ending otherEnding,
      DetectorSettings otherDetectors,
      Retries otherRetries,
      SignalSchedule otherSignals,
      ComparisonSettings otherComparisons,
      EvidenceSettings otherEvidence) {
    return new RunSettings(
        id,
        displayName,
        probe,
        pace,
        otherSteps,
        otherEnding,
        otherDetectors,
        parallelism,
        unitTimeout,
        otherRetries,
        otherSignals,
        otherComparisons,
        otherEvidence);
  }

  /** Whether a run can be called so. */
  public static boolean isId(String text) {
    return ID.matcher(text).matches();
  }

  /** The nearest valid id to any text, such as a directory's name. */
  public static String idOf(String text) {
    String cleaned = text.replaceAll("[^A-Za-z0-9._-]", "-");
    return cleaned.isEmpty() ? "run" : cleaned.substring(0, Math.min(100, cleaned.length()));
  }
}
