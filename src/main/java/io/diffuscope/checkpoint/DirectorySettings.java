package io.diffuscope.checkpoint;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where checkpoints appear, what they look like, and how long one is given to settle.
 *
 * @param directory the directory to watch; it need not exist yet
 * @param layout what its checkpoints look like
 * @param pollInterval time between two listings; positive
 * @param quietPeriod how long size, modification time and inode must stay the same before a file is
 *     opened; zero trusts markers and the structural check alone
 * @param settleTimeout how long a checkpoint may keep younger ones waiting before it is passed over
 *     as incomplete; at least the quiet period, and longer than the trainer takes to write one
 * @param endMarker name of a file in the directory that the job writes when it is done; null: none
 */
public record DirectorySettings(
    Path directory,
    LayoutSettings layout,
    Duration pollInterval,
    Duration quietPeriod,
    Duration settleTimeout,
    @Nullable String endMarker) {

  public static final Duration DEFAULT_POLL_INTERVAL = Duration.ofSeconds(2);
  public static final Duration DEFAULT_QUIET_PERIOD = Duration.ofSeconds(2);
  public static final Duration DEFAULT_SETTLE_TIMEOUT = Duration.ofSeconds(60);

  public DirectorySettings {
    directory = directory.toAbsolutePath().normalize();
    Objects.requireNonNull(layout, "layout");
    if (pollInterval.isNegative() || pollInterval.isZero()) {
      throw new IllegalArgumentException(
          "the poll interval must be positive, not " + pollInterval.toMillis() + " ms");
    }
    if (quietPeriod.isNegative()) {
      throw new IllegalArgumentException(
          "the quiet period must not be negative, but is " + quietPeriod.toMillis() + " ms");
    }
    if (settleTimeout.compareTo(quietPeriod) < 0) {
      throw new IllegalArgumentException(
          "the settle timeout of %d ms is shorter than the quiet period of %d ms"
              .formatted(settleTimeout.toMillis(), quietPeriod.toMillis()));
    }
  }

  /** The defaults for a directory: its layout is recognised. */
  public static DirectorySettings of(Path directory) {
    return new DirectorySettings(
        directory,
        LayoutSettings.AUTO,
        DEFAULT_POLL_INTERVAL,
        DEFAULT_QUIET_PERIOD,
        DEFAULT_SETTLE_TIMEOUT,
        null);
  }

  public DirectorySettings withDirectory(Path other) {
    return new DirectorySettings(
        other, layout, pollInterval, quietPeriod, settleTimeout, endMarker);
  }

  public DirectorySettings withLayout(LayoutSettings other) {
    return new DirectorySettings(
        directory, other, pollInterval, quietPeriod, settleTimeout, endMarker);
  }

  /** Takes the names that match a glob, or a path with {@code {step}}, in place of a layout. */
  public DirectorySettings withPattern(String pattern) {
    return withLayout(
        new LayoutSettings(Layouts.AUTO, pattern, layout.weights(), layout.markers()));
  }

  public DirectorySettings withPollInterval(Duration interval) {
    return new DirectorySettings(
        directory, layout, interval, quietPeriod, settleTimeout, endMarker);
  }

  public DirectorySettings withQuietPeriod(Duration period) {
    return new DirectorySettings(directory, layout, pollInterval, period, settleTimeout, endMarker);
  }

  public DirectorySettings withSettleTimeout(Duration timeout) {
    return new DirectorySettings(directory, layout, pollInterval, quietPeriod, timeout, endMarker);
  }

  public DirectorySettings withEndMarker(@Nullable String name) {
    return new DirectorySettings(directory, layout, pollInterval, quietPeriod, settleTimeout, name);
  }

  /**
   * What checkpoints look like.
   *
   * @param name of a layout, or {@code auto}
   * @param pattern names of checkpoints in place of a layout: a glob for file names, or a path with
   *     {@code {step}}; null where a layout tells
   * @param weights which copy is read: {@code auto} (averaged weights where there are any), {@code
   *     ema}, {@code raw}, the name of a copy, or a key path inside the file
   */
  public record LayoutSettings(
      String name, @Nullable String pattern, String weights, Markers markers) {
    public static final LayoutSettings AUTO =
        new LayoutSettings(Layouts.AUTO, null, "auto", Markers.REQUIRED);

    public LayoutSettings {
      if (weights.isBlank()) {
        throw new IllegalArgumentException(
            "the choice of weights is empty: auto, ema, raw, or the name of a copy");
      }
      if (pattern != null && !name.equals(Layouts.AUTO) && !name.equals(PatternLayout.NAME)) {
        throw new IllegalArgumentException(
            "the checkpoint layout is %s and a pattern is given, too: give one of them"
                .formatted(name));
      }
      if (pattern != null) {
        PatternLayout.of(pattern);
      } else if (name.equals(PatternLayout.NAME)) {
        throw new IllegalArgumentException(
            "the checkpoint layout is pattern: give the pattern, such as ckpt_{step}.pt");
      } else if (!name.equals(Layouts.AUTO) && KnownLayouts.named(name) == null) {
        throw new IllegalArgumentException(
            "the checkpoint layout \"%s\" is not known; known are auto, %s"
                .formatted(name, String.join(", ", Layouts.known().keySet())));
      }
    }

    /** The layout where it need not be recognised; null where it must. */
    @Nullable Layout fixed() {
      return pattern == null ? KnownLayouts.named(name) : PatternLayout.of(pattern);
    }
  }

  /** Whether a checkpoint must have what its trainer writes after the weights. */
  public enum Markers {
    REQUIRED,
    /** Quiet and structure decide: for checkpoints that were copied without their markers. */
    IGNORED;

    /** The marker setting of a name. */
    public static Markers of(String name) {
      return switch (name) {
        case "required" -> REQUIRED;
        case "ignored" -> IGNORED;
        default ->
            throw new IllegalArgumentException(
                "diffuscope.checkpoints.markers is \"%s\"; known are required and ignored"
                    .formatted(name));
      };
    }
  }
}
