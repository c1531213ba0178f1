package io.diffuscope.run;

import io.diffuscope.sampling.Augmentation;
import io.diffuscope.sampling.ComparisonSpace;
import io.diffuscope.sampling.Probe;
import io.diffuscope.tensorfile.TensorShape;
import java.util.ArrayList;
import java.util.List;

/** What is to be said of the space that points are compared in. */
final class SpaceNotes {
  private SpaceNotes() {}

  static List<String> of(Probe probe) {
    return of(
        probe.network().shape(),
        probe.spec().decoder() != null,
        probe.hasDescriptor(),
        probe.comparesDescribed(),
        probe.spec().neighbours().augment());
  }

  /**
   * The notes, one sentence each.
   *
   * @param shape of the model's points
   * @param decoded whether these are latents with a decoder
   * @param described whether there is a descriptor
   * @param under whether it makes what is compared
   */
  static List<String> of(
      TensorShape shape, boolean decoded, boolean described, boolean under, Augmentation augment) {
    List<String> notes = new ArrayList<>();
    if (under) {
      notes.add(
          "images are compared as what the descriptor makes of them, in pfd, nearest_ratio,"
              + " train_affinity and the hold-out check (neighbours.space = points compares them as"
              + " they are)");
    } else if (decoded) {
      notes.add(
          "decoded images are compared pixel by pixel: above %d x %d a copy that is moved or lighter"
                  .formatted(ComparisonSpace.LARGEST_SIDE, ComparisonSpace.LARGEST_SIDE)
              + " looks new to nearest_ratio and train_affinity; "
              + advice(described));
    } else if (ComparisonSpace.isLargeImage(shape)) {
      notes.add(
          "images of %d x %d are compared pixel by pixel: a copy that is moved or lighter looks new"
                  .formatted(shape.dimension(1), shape.dimension(2))
              + " to nearest_ratio and train_affinity; "
              + advice(described));
    }
    if (described && augment == Augmentation.HFLIP) {
      notes.add(
          "gl, rp and authenticity compare images as they are, not mirrored (augment hflip): under"
              + " a descriptor that tells mirror images apart, gl takes a mirrored copy for a new"
              + " image");
    }
    return notes;
  }

  private static String advice(boolean described) {
    return described
        ? "gl and rp see it, and with neighbours.space = descriptor these do, too"
        : "with --descriptor they see it, and gl and rp are on";
  }
}
