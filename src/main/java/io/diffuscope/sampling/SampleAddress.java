package io.diffuscope.sampling;

import io.diffuscope.data.ContentHash;

/**
 * Where the samples of a checkpoint are kept, so that others can be compared with them.
 *
 * @param series what makes samples comparable noise by noise: noises, their number, solver and
 *     block size, as {@link Probe#sampleSeries}
 * @param run id of the run
 * @param step of the checkpoint
 * @param content names the checkpoint's content, so that a step that is written again is another
 */
public record SampleAddress(String series, String run, long step, String content) {
  /** That of a checkpoint with this identity. */
  public static SampleAddress of(String series, String run, long step, String identity) {
    return new SampleAddress(series, run, step, ContentHash.of(identity));
  }

  /** Name of its folder in that of the run. */
  String folder() {
    return "%d-%s".formatted(step, content);
  }
}
