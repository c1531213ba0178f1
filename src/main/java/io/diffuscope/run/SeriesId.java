package io.diffuscope.run;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * What a series of results belongs to. Another probe, or another place of the checkpoints, is
 * another series, which begins with nothing: results of different probes are not compared, and
 * checkpoints are known by their paths.
 *
 * @param run id of the run
 * @param probe id of what is measured with
 * @param source where the checkpoints come from, as a text that stays the same
 */
public record SeriesId(String run, String probe, String source) {
  /** The name under which its events are kept: no id of a run or a probe has a slash. */
  public String persistenceId() {
    CRC32C sum = new CRC32C();
    sum.update(source.getBytes(StandardCharsets.UTF_8));
    return "%s/%s-%08x".formatted(run, probe, sum.getValue());
  }

  /** The run of a persistence id. */
  static String runOf(String persistenceId) {
    return persistenceId.substring(0, Math.max(0, persistenceId.indexOf('/')));
  }
}
