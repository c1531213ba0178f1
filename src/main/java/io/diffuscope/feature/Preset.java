package io.diffuscope.feature;

import io.diffuscope.feature.Preprocessing.Channels;
import io.diffuscope.feature.Preprocessing.Resize;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The preprocessing of descriptors that are published; the file is the user's. */
public enum Preset {
  /** SSCD's recommended model: short edge 288, as its authors describe. */
  SSCD_DISC_MIXUP(Resize.SHORT_EDGE, 288, Interpolation.BILINEAR, true),
  /** SSCD's large model: a square of 320, as in the evaluation of arXiv 2310.05264. */
  SSCD_DISC_LARGE(Resize.SQUARE, 320, Interpolation.BILINEAR, true),
  /** DINOv2: a square of 224, bicubic. */
  DINOV2(Resize.SQUARE, 224, Interpolation.BICUBIC, true),
  /** An Inception export that takes RGB in [-1, 1], [B, 3, 299, 299], and does not resize. */
  INCEPTION(Resize.SQUARE, 299, Interpolation.BICUBIC, false);

  private static final List<Double> IMAGENET_MEAN = List.of(0.485, 0.456, 0.406);
  private static final List<Double> IMAGENET_STD = List.of(0.229, 0.224, 0.225);
  private static final List<Double> HALF = List.of(0.5, 0.5, 0.5);

  private final Resize resize;
  private final int size;
  private final Interpolation interpolation;
  private final boolean imageNet;

  Preset(Resize resize, int size, Interpolation interpolation, boolean imageNet) {
    this.resize = resize;
    this.size = size;
    this.interpolation = interpolation;
    this.imageNet = imageNet;
  }

  /** The word used in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The preset of a name.
   *
   * @throws IllegalArgumentException naming all of them
   */
  public static Preset of(String label) {
    return Arrays.stream(values())
        .filter(preset -> preset.label().equals(label))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "there is no preset %s of a descriptor; there are %s"
                        .formatted(
                            label,
                            Arrays.stream(values())
                                .map(Preset::label)
                                .collect(Collectors.joining(", ")))));
  }

  /** What it does with images. */
  public Preprocessing preprocessing() {
    return new Preprocessing(
        true,
        resize,
        size,
        interpolation,
        null,
        imageNet ? IMAGENET_MEAN : HALF,
        imageNet ? IMAGENET_STD : HALF,
        Channels.RGB,
        false);
  }
}
