package io.diffuscope.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Devices;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Decoders of {@code src/test/python/make_conditional_fixtures.py}. */
class DecoderFileTest {
  private static final TensorShape LATENT = TensorShape.of(8);

  @TempDir private Path folder;
  private NDManager manager;

  @BeforeEach
  void open() {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
  }

  @AfterEach
  void close() {
    manager.close();
  }

  /** images = 3 Q (latents / 0.5 + shift): distances are six times those of the latents. */
  @Test
  void distancesOfAnOrthogonalDecoderAreThoseOfTheLatents() throws Exception {
    DecoderFile file = DecoderFile.open(copy("linear-decoder.pt"), LATENT);
    try (FeatureMap map = file.load(manager)) {
      assertThat(map.dimension()).isEqualTo(12);
      assertThat(map.isIdentity()).isFalse();
      assertThat(map.key()).isEqualTo(file.key()).matches("decoder-[0-9a-f]{16}");
      // More than go through at a time, and a last part that has to be filled up.
      int count = 2 * map.rows() + 3;
      float[] latents = random(count * 8);
      NDArray images = map.apply(manager.create(latents, new Shape(count, 8)));
      assertThat(images.getShape()).isEqualTo(new Shape(count, 12));
      float[] values = images.toFloatArray();
      for (int i = 1; i < count; i++) {
        double due = 6 * distance(latents, 8, i);
        assertThat(distance(values, 12, i)).isCloseTo(due, within(1e-5 * due));
      }
      // The latents that shift_factor undoes become black.
      float[] zero = new float[8];
      for (int i = 0; i < 8; i++) {
        zero[i] = -.5f * (.1f * i - .3f);
      }
      assertThat(map.apply(manager.create(zero, new Shape(1, 8))).toFloatArray())
          .containsExactly(new float[12], within(1e-6f));
    }
  }

  @Test
  void featuresDoNotDependOnHowManyPointsThereAre() throws Exception {
    try (FeatureMap map = DecoderFile.open(copy("linear-decoder.pt"), LATENT).load(manager)) {
      int count = map.rows() + 5;
      float[] latents = random(count * 8);
      float[] all = map.apply(manager.create(latents, new Shape(count, 8))).toFloatArray();
      for (int rows : new int[] {1, 5, map.rows()}) {
        float[] some =
            map.apply(manager.create(Arrays.copyOf(latents, rows * 8), new Shape(rows, 8)))
                .toFloatArray();
        assertThat(some).isEqualTo(Arrays.copyOf(all, rows * 12));
      }
    }
  }

  @Test
  void applyingLeavesNothingBehind() throws Exception {
    try (FeatureMap map = DecoderFile.open(copy("linear-decoder.pt"), LATENT).load(manager)) {
      int[] arrays = new int[3];
      for (int round = 0; round < 3; round++) {
        try (NDManager scratch = manager.newSubManager()) {
          map.apply(scratch.create(random(800), new Shape(100, 8)));
        }
        arrays[round] = manager.getManagedArrays().size();
      }
      assertThat(arrays[2]).isEqualTo(arrays[1]);
    }
  }

  @Test
  void theIdentityGivesBackWhatItGets() {
    FeatureMap map = FeatureMap.identity(8);
    NDArray points = manager.create(random(16), new Shape(2, 8));
    assertThat(map.apply(points)).isSameAs(points);
    assertThat(map.isIdentity()).isTrue();
    assertThat(map.dimension()).isEqualTo(8);
  }

  @Test
  void whatCannotDecodeIsRefused() throws Exception {
    Path linear = copy("linear-decoder.pt");
    fails(
        () -> DecoderFile.open(copy("bfloat16-decoder.pt"), LATENT), Reason.UNSUPPORTED, "float32");
    fails(
        () -> DecoderFile.open(copy("zero-scale-decoder.pt"), LATENT),
        Reason.UNSUPPORTED,
        "scaling_factor");
    fails(
        () -> DecoderFile.open(linear, TensorShape.of(4, 2)),
        Reason.UNSUPPORTED,
        "shift_factor",
        "list of 4");
    fails(() -> DecoderFile.open(copy("state-dict.pt"), LATENT), Reason.UNSUPPORTED, "graph");
    fails(() -> DecoderFile.open(folder, LATENT), Reason.UNSUPPORTED, "directory");
    fails(
        () -> DecoderFile.open(folder.resolve("absent.pt"), LATENT), Reason.VANISHED, "absent.pt");
    Path text = Files.writeString(folder.resolve("text.pt"), "nothing");
    fails(() -> DecoderFile.open(text, LATENT), Reason.MALFORMED, "text.pt");
    fails(
        () -> DecoderFile.open(copy("one-image-decoder.pt"), LATENT).load(manager),
        Reason.MALFORMED,
        "one-image-decoder.pt",
        "[B, ...]");
  }

  private static double distance(float[] points, int d, int i) {
    double squared = 0;
    for (int j = 0; j < d; j++) {
      double difference = points[i * d + j] - (double) points[(i - 1) * d + j];
      squared += difference * difference;
    }
    return Math.sqrt(squared);
  }

  private static float[] random(int count) {
    SplittableRandom random = new SplittableRandom(1);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (2 * random.nextDouble() - 1);
    }
    return values;
  }

  private Path copy(String name) throws IOException {
    Path target = folder.resolve(name);
    try (InputStream in =
        Objects.requireNonNull(
            DecoderFileTest.class.getResourceAsStream("/io/diffuscope/model/" + name), name)) {
      Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
    }
    return target;
  }

  private static void fails(ThrowingCallable call, Reason reason, String... words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }
}
