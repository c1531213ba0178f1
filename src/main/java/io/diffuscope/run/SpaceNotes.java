package io.diffuscope.run;

import io.diffuscope.sampling.Augmentation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.tensorfile.TensorShape;
import java.util.ArrayList;
import java.util.List;

/** What is to be said of the space that points are compared in. */
final class SpaceNotes {
  /** Pixels of larger images say little: a copy moved by one is far away. */
  private static final long LARGEST_SIDE = 64;

  private SpaceNotes() {}

  static List<String> of(Probe probe) {
    return of(
        probe.network().shape(),
        probe.spec().decoder() != null,
        probe.hasDescriptor(),
        probe.spec().neighbours().augment());
  }

  /**
   * The notes, one sentence each.
   *
   * @param shape of the model's points
   * @param decoded whether these are latents with a decoder
   * @param described whether there is a descriptor
   */
  static List<String> of(
      TensorShape shape, boolean decoded, boolean described, Augmentation augment) {
    List<String> notes = new ArrayList<>();
    if (!described && decoded) {
      notes.add(
          "decoded images are compared pixel by pixel: above %d x %d a copy that is moved or lighter"
                  .formatted(LARGEST_SIDE, LARGEST_SIDE)
              + " looks new to nearest_ratio and train_affinity; --descriptor adds gl and rp, which"
              + " see it");
    } else if (!described && isLargeImage(shape)) {
      notes.add(
          "images of %d x %d are compared pixel by pixel: a copy that is moved or lighter looks new"
                  .formatted(shape.dimension(1), shape.dimension(2))
              + " to nearest_ratio and train_affinity; --descriptor adds gl and rp, which see it");
    }
    if (described && augment == Augmentation.HFLIP) {
      notes.add(
          "gl, rp and authenticity compare images as they are, not mirrored (augment hflip): under"
              + " a descriptor that tells mirror images apart, gl takes a mirrored copy for a new"
              + " image");
    }
    return notes;
  }

  private static boolean isLargeImage(TensorShape shape) {
    return shape.rank() == 3
        && (shape.dimension(0) == 1 || shape.dimension(0) == 3)
        && Math.max(shape.dimension(1), shape.dimension(2)) > LARGEST_SIDE;
  }
}
