package io.diffuscope.checkpoint;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.time.Duration;
import java.util.Objects;
import java.util.regex.PatternSyntaxException;

/**
 * Where checkpoints appear and how long one is given to settle.
 *
 * @param directory the directory to watch; it need not exist yet
 * @param pattern glob for file names, for example {@code *.safetensors}
 * @param pollInterval time between two listings; positive
 * @param quietPeriod how long size, modification time and inode must stay the same before a file is
 *     opened; zero trusts the structural check alone
 * @param settleTimeout how long a file may keep younger checkpoints waiting before it is passed
 *     over as incomplete; at least the quiet period, and longer than the trainer takes to write one
 */
public record DirectorySettings(
    Path directory,
    String pattern,
    Duration pollInterval,
    Duration quietPeriod,
    Duration settleTimeout) {

  public static final String DEFAULT_PATTERN = "*.safetensors";
  public static final Duration DEFAULT_POLL_INTERVAL = Duration.ofSeconds(2);
  public static final Duration DEFAULT_QUIET_PERIOD = Duration.ofSeconds(2);
  public static final Duration DEFAULT_SETTLE_TIMEOUT = Duration.ofSeconds(60);

  public DirectorySettings {
    directory = directory.toAbsolutePath().normalize();
    Objects.requireNonNull(pattern, "pattern");
    if (pattern.isBlank()) {
      throw new IllegalArgumentException(
          "the checkpoint pattern is empty: give a glob for file names such as " + DEFAULT_PATTERN);
    }
    if (pattern.contains("/")) {
      throw new IllegalArgumentException(
          "the checkpoint pattern '%s' contains a '/': it is matched against file names, so put the directory part into the directory"
              .formatted(pattern));
    }
    try {
      FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "the checkpoint pattern '%s' is not a glob: %s".formatted(pattern, e.getDescription()),
          e);
    }
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

  /** The defaults for a directory. */
  public static DirectorySettings of(Path directory) {
    return new DirectorySettings(
        directory,
        DEFAULT_PATTERN,
        DEFAULT_POLL_INTERVAL,
        DEFAULT_QUIET_PERIOD,
        DEFAULT_SETTLE_TIMEOUT);
  }

  public DirectorySettings withPattern(String glob) {
    return new DirectorySettings(directory, glob, pollInterval, quietPeriod, settleTimeout);
  }

  public DirectorySettings withPollInterval(Duration interval) {
    return new DirectorySettings(directory, pattern, interval, quietPeriod, settleTimeout);
  }

  public DirectorySettings withQuietPeriod(Duration period) {
    return new DirectorySettings(directory, pattern, pollInterval, period, settleTimeout);
  }

  public DirectorySettings withSettleTimeout(Duration timeout) {
    return new DirectorySettings(directory, pattern, pollInterval, quietPeriod, timeout);
  }

  /** The compiled pattern. */
  PathMatcher matcher() {
    return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
  }
}
