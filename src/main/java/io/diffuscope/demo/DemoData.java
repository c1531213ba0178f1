package io.diffuscope.demo;

import io.diffuscope.data.MixtureParameters;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.NpzFile;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The files that a demonstration needs, in a folder, as a stranger's training job would have them.
 *
 * <pre>{@code
 * DemoData data = DemoData.write(folder, DemoData.Source.DIGITS, 128, 1);
 * }</pre>
 *
 * @param train training set, float32 {@code [N, 1, 8, 8]} in [-1, 1] for the digits
 * @param holdout as many other points of the same distribution
 * @param template TorchScript of the network to train, with its settings
 * @param teacher the distribution itself as a mixture teacher; null for the digits, whose
 *     distribution nobody knows
 */
public record DemoData(Path train, Path holdout, Path template, @Nullable Path teacher) {
  /** Where the points come from. */
  public enum Source {
    /**
     * The 1,797 digits of the UCI optical-digits set (E. Alpaydin, C. Kaynak, 1998, CC BY 4.0), at
     * x / 8 - 1.
     */
    DIGITS,
    /** Draws from a mixture of ten low-rank Gaussians fitted to the digits. */
    MIXTURE
  }

  private static final TensorShape POINT = TensorShape.of(1, 8, 8);

  /**
   * Writes {@code train.npy}, {@code holdout.npy}, {@code template.pt} and, for the mixture, {@code
   * teacher.npz}, replacing what is there.
   *
   * @param folder created when it does not exist
   * @param trainSize points to train on, and as many to hold out
   * @param seed of the choice of points, or of the draws
   * @throws IllegalArgumentException when {@code trainSize} is below 1, above what memory
   *     addresses, or above half the digits
   * @throws IOException when a file cannot be written
   */
  public static DemoData write(Path folder, Source source, int trainSize, long seed)
      throws IOException {
    if (trainSize < 1) {
      throw new IllegalArgumentException("the training set has at least one point");
    }
    if (trainSize > Integer.MAX_VALUE / 2 / POINT.elements()) {
      throw new IllegalArgumentException(
          "a training set of " + trainSize + " points is too large for the demo");
    }
    Files.createDirectories(folder);
    RandomGenerator random = new SplittableRandom(seed);
    Path template = DemoResource.NETWORK.copyTo(folder.resolve("template.pt"));
    Path teacher = null;
    float[] points;
    if (source == Source.DIGITS) {
      points = digits(folder, 2 * trainSize, random);
    } else {
      teacher = DemoResource.MIXTURE.copyTo(folder.resolve("teacher.npz"));
      points = new MixtureDraws(MixtureParameters.read(teacher)).draw(2 * trainSize, random);
    }
    int half = points.length / 2;
    TensorShape shape = POINT.withFirst(trainSize);
    Path train = folder.resolve("train.npy");
    Path holdout = folder.resolve("holdout.npy");
    NpyWriter.write(train, shape, Arrays.copyOf(points, half));
    NpyWriter.write(holdout, shape, Arrays.copyOfRange(points, half, points.length));
    return new DemoData(train, holdout, template, teacher);
  }

  private static float[] digits(Path folder, int count, RandomGenerator random) throws IOException {
    Path copy = Files.createTempFile(folder, "digits", ".npz");
    try {
      DemoResource.DIGITS.copyTo(copy);
      try (NpzFile archive = NpzFile.open(copy);
          ArrayFile images = archive.array("images")) {
        return choose(images.readDoubles(), count, random);
      }
    } finally {
      Files.deleteIfExists(copy);
    }
  }

  private static float[] choose(double[] images, int count, RandomGenerator random) {
    int size = (int) POINT.elements();
    int available = images.length / size;
    if (count > available) {
      throw new IllegalArgumentException(
          "there are "
              + available
              + " digits, half of which are held out: choose a training size of at most "
              + available / 2
              + ", or the mixture, which has no limit");
    }
    int[] order = shuffled(available, random);
    float[] points = new float[count * size];
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < size; j++) {
        points[i * size + j] = (float) (images[order[i] * size + j] / 8 - 1);
      }
    }
    return points;
  }

  /** Fisher and Yates' shuffle of 0, ..., n - 1. */
  private static int[] shuffled(int n, RandomGenerator random) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
