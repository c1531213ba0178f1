package io.diffuscope.sampling;

import io.diffuscope.feature.PreprocessingKeys;
import org.jspecify.annotations.Nullable;

/**
 * The descriptor under which samples are compared for copying and reproducibility.
 *
 * @param file TorchScript file; null switches its signals off
 * @param preset name of a preprocessing; null: what the file says
 * @param keys of the preprocessing that replace those
 * @param similarityThreshold cosine similarity above which two images count as copies
 */
public record DescriptorSettings(
    @Nullable String file,
    @Nullable String preset,
    PreprocessingKeys keys,
    double similarityThreshold) {
  /** The threshold of arXiv 2310.05264 for SSCD. */
  public static final double DEFAULT_THRESHOLD = 0.6;

  /** Nothing is described. */
  public static final DescriptorSettings OFF =
      new DescriptorSettings(null, null, PreprocessingKeys.NONE, DEFAULT_THRESHOLD);

  public DescriptorSettings {
    if (!(similarityThreshold > -1 && similarityThreshold < 1)) {
      throw new IllegalArgumentException(
          "descriptor.similarity-threshold must lie between -1 and 1, not " + similarityThreshold);
    }
    if (file == null && preset != null) {
      throw new IllegalArgumentException(
          "descriptor.preset is %s without a descriptor: give --descriptor FILE or descriptor.file"
              .formatted(preset));
    }
  }
}
