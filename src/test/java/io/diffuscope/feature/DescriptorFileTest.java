package io.diffuscope.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.feature.Preprocessing.Channels;
import io.diffuscope.feature.Preprocessing.Resize;
import io.diffuscope.model.Devices;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Against torchvision and PyTorch; {@code src/test/python/make_descriptor_fixtures.py}. */
class DescriptorFileTest {
  private static final TensorShape PICTURE = TensorShape.of(3, 16, 16);
  private static final List<Double> MEAN = List.of(0.485, 0.456, 0.406);
  private static final List<Double> STD = List.of(0.229, 0.224, 0.225);
  private static final List<Double> HALF = List.of(0.5, 0.5, 0.5);

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

  /** Values are a few units wide; torchvision itself computes in float32. */
  @ParameterizedTest
  @CsvSource({
    "enlarged, 3, 8, 8, 20, 20",
    "shrunk, 3, 33, 21, 10, 10",
    "grey, 1, 7, 5, 16, 16",
    "odd, 3, 29, 41, 13, 13",
    "short_edge, 3, 17, 26, 11, 16",
    "cropped, 3, 12, 9, 12, 12",
    "tall, 3, 19, 8, 13, 13"
  })
  void imagesArePreparedAsByTorchvision(
      String name, int channels, int height, int width, int wantedHeight, int wantedWidth)
      throws Exception {
    TensorShape shape = TensorShape.of(channels, height, width);
    DescriptorInputs inputs = new DescriptorInputs(preprocessing(name), shape, manager);
    Shape wanted = new Shape(2, 3, wantedHeight, wantedWidth);
    assertThat(inputs.shape(2)).isEqualTo(wanted);
    int d = Math.toIntExact(shape.elements());
    float[] points = read("descriptor-inputs.npz", name + "_points", 2 * d);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray found = inputs.of(scratch.create(points, new Shape(2, d)), scratch);
      assertThat(found.getShape()).isEqualTo(wanted);
      float[] expected =
          read("descriptor-inputs.npz", name + "_inputs", Math.toIntExact(wanted.size()));
      assertThat(found.toFloatArray()).containsExactly(expected, within(2e-5f));
    }
  }

  private static Preprocessing preprocessing(String name) {
    return switch (name) {
      case "enlarged" -> of(Resize.SQUARE, 20, Interpolation.BILINEAR, null, true);
      case "shrunk" -> of(Resize.SQUARE, 10, Interpolation.BILINEAR, null, true);
      case "grey" -> of(Resize.SQUARE, 16, Interpolation.BICUBIC, null, false);
      case "odd" -> of(Resize.SQUARE, 13, Interpolation.BICUBIC, null, false);
      case "short_edge" -> of(Resize.SHORT_EDGE, 11, Interpolation.BILINEAR, null, true);
      case "tall" -> of(Resize.SHORT_EDGE, 16, Interpolation.BICUBIC, 13, true);
      default ->
          new Preprocessing(
              false,
              Resize.SHORT_EDGE,
              15,
              Interpolation.BICUBIC,
              12,
              MEAN,
              STD,
              Channels.BGR,
              false);
    };
  }

  private static Preprocessing of(
      Resize resize,
      int size,
      Interpolation interpolation,
      @Nullable Integer crop,
      boolean imageNet) {
    return new Preprocessing(
        true,
        resize,
        size,
        interpolation,
        crop,
        imageNet ? MEAN : HALF,
        imageNet ? STD : HALF,
        Channels.RGB,
        false);
  }

  @ParameterizedTest
  @EnumSource(Preset.class)
  void featuresOfAPresetAreThoseOfPyTorch(Preset preset) throws Exception {
    DescriptorFile file =
        DescriptorFile.open(copy("descriptor.pt"), preset.label(), PreprocessingKeys.NONE);
    try (FeatureMap map = file.load(manager, FeatureMap.identity(768), PICTURE)) {
      assertThat(map.dimension()).isEqualTo(16);
      assertThat(map.key()).isEqualTo(file.key()).matches("descriptor-[0-9a-f]{16}");
      float[] samples = read("similarities.npz", "samples", 12 * 768);
      float[] found = map.apply(manager.create(samples, new Shape(12, 768))).toFloatArray();
      float[] expected = read("similarities.npz", preset.label() + "_features", 12 * 16);
      float[] pillow = read("similarities.npz", preset.label() + "_pillow", 12 * 16);
      for (int i = 0; i < 12; i++) {
        float[] mine = Arrays.copyOfRange(found, 16 * i, 16 * i + 16);
        float[] theirs = Arrays.copyOfRange(expected, 16 * i, 16 * i + 16);
        float[] rounded = Arrays.copyOfRange(pillow, 16 * i, 16 * i + 16);
        assertThat(distance(mine, theirs)).isLessThan(1e-4 * distance(theirs, new float[16]));
        // Rounded to 8 bits and clipped to them between the passes.
        assertThat(distance(mine, rounded)).isLessThan(.06 * distance(theirs, new float[16]));
      }
      float[] one = Arrays.copyOf(samples, 768);
      assertThat(map.apply(manager.create(one, new Shape(1, 768))).toFloatArray())
          .as("a feature does not depend on how many there are")
          .containsExactly(Arrays.copyOf(found, 16));
    }
  }

  @Test
  void vectorsOfUnitLengthWhereAskedFor() throws Exception {
    PreprocessingKeys keys = PreprocessingKeys.of(Map.of("l2_norm", true));
    DescriptorFile file = DescriptorFile.open(copy("pixels-descriptor.pt"), null, keys);
    try (FeatureMap map = file.load(manager, FeatureMap.identity(12), TensorShape.of(3, 2, 2))) {
      float[] point = {0, 0, .3f, 0, 0, 0, 0, -.4f, 0, 0, 0, 0};
      float[] expected = {0, 0, .6f, 0, 0, 0, 0, -.8f, 0, 0, 0, 0};
      assertThat(map.apply(manager.create(point, new Shape(1, 12))).toFloatArray())
          .containsExactly(expected, within(1e-6f));
    }
  }

  @Test
  void applyingLeavesNothingBehind() throws Exception {
    DescriptorFile file =
        DescriptorFile.open(copy("descriptor.pt"), "dinov2", PreprocessingKeys.NONE);
    try (FeatureMap map = file.load(manager, FeatureMap.identity(768), PICTURE)) {
      int[] arrays = new int[3];
      for (int round = 0; round < 3; round++) {
        try (NDManager scratch = manager.newSubManager()) {
          map.apply(scratch.create(new float[9 * 768], new Shape(9, 768)));
        }
        arrays[round] = manager.getManagedArrays().size();
      }
      assertThat(arrays[2]).isEqualTo(arrays[1]);
    }
  }

  @Test
  void keysReplaceThoseOfAPresetAndPresetsThoseOfTheFile() throws Exception {
    Path file = copy("pixels-descriptor.pt");
    DescriptorFile own = DescriptorFile.open(file, null, PreprocessingKeys.NONE);
    assertThat(own.preprocessing().roundToBytes()).isFalse();
    DescriptorFile preset = DescriptorFile.open(file, "inception", PreprocessingKeys.NONE);
    assertThat(preset.preprocessing()).isEqualTo(Preset.INCEPTION.preprocessing());
    DescriptorFile both =
        DescriptorFile.open(
            file, "inception", PreprocessingKeys.of(Map.of("size", 75, "channels", "bgr")));
    assertThat(both.preprocessing().size()).isEqualTo(75);
    assertThat(both.preprocessing().channels()).isEqualTo(Channels.BGR);
    assertThat(both.preprocessing().interpolation()).isEqualTo(Interpolation.BICUBIC);
    assertThat(List.of(own.key(), preset.key(), both.key())).doesNotHaveDuplicates();
  }

  @Test
  void whatCannotDescribeIsRefused() throws Exception {
    Path file = copy("descriptor.pt");
    refused(() -> DescriptorFile.open(file, null, PreprocessingKeys.NONE), "size", "preset");
    refused(() -> DescriptorFile.open(file, "ssdc", PreprocessingKeys.NONE), "sscd_disc_mixup");
    for (Map<String, ?> wrong :
        List.of(
            Map.of("size", 0),
            Map.of("size", 100_000),
            Map.of("std", List.of(1, 0, 1)),
            Map.of("mean", List.of(1)),
            Map.of("interpolation", "nearest"),
            Map.of("colour", "rgb"))) {
      String key = wrong.keySet().iterator().next();
      refused(() -> DescriptorFile.open(file, "dinov2", PreprocessingKeys.of(wrong)), key);
    }
    DescriptorFile crop =
        DescriptorFile.open(file, "dinov2", PreprocessingKeys.of(Map.of("crop", 300)));
    refused(() -> crop.requireImages(PICTURE), "300");
    DescriptorFile dino = DescriptorFile.open(file, "dinov2", PreprocessingKeys.NONE);
    refused(() -> dino.requireImages(TensorShape.of(768)), "[768]");
    refused(() -> dino.requireImages(TensorShape.of(4, 32, 32)), "[4, 32, 32]");
    refused(() -> DescriptorFile.open(folder, "dinov2", PreprocessingKeys.NONE), "directory");
    Path absent = folder.resolve("absent.pt");
    refused(() -> DescriptorFile.open(absent, "dinov2", PreprocessingKeys.NONE), "absent.pt");
    Path text = Files.writeString(folder.resolve("text.pt"), "nothing");
    refused(() -> DescriptorFile.open(text, "dinov2", PreprocessingKeys.NONE), "torch.jit.save");
  }

  /** An archive of another kind, one with a graph that is none, and one that is never unpacked. */
  @Test
  void hostileArchivesAreRefused() throws Exception {
    Path plain = archive("plain.pt", "archive/data.pkl", new byte[9]);
    refused(() -> DescriptorFile.open(plain, "dinov2", PreprocessingKeys.NONE), "graph");
    byte[] exploit = "cposix\nsystem\n(S'touch pwned'\ntR.".getBytes(StandardCharsets.US_ASCII);
    Path hostile = archive("hostile.pt", "archive/code/x.py", exploit);
    refused(
        () ->
            DescriptorFile.open(hostile, "dinov2", PreprocessingKeys.NONE)
                .load(manager, FeatureMap.identity(768), PICTURE),
        "hostile.pt",
        "cannot describe");
    Path large = archive("large.pt", "archive/code/extra/diffuscope.json", new byte[200 << 20]);
    assertThat(Files.size(large)).isLessThan(1 << 20);
    refused(() -> DescriptorFile.open(large, "dinov2", PreprocessingKeys.NONE), "large.pt");
  }

  @Test
  void whatItReturnsIsChecked() throws Exception {
    refused(() -> load("nan-descriptor.pt"), "NaN");
    refused(() -> load("map-descriptor.pt"), "(1, 3, 16, 16)", "one vector");
    refused(() -> load("fixed-descriptor.pt"), "fixed-descriptor.pt", "(1, 3, 16, 16)", "preset");
  }

  private FeatureMap load(String name) throws IOException {
    return DescriptorFile.open(copy(name), null, PreprocessingKeys.NONE)
        .load(manager, FeatureMap.identity(768), PICTURE);
  }

  private Path archive(String name, String entry, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry(entry));
      zip.write(content);
      zip.putNextEntry(new ZipEntry("archive/version"));
      zip.write('3');
    }
    return file;
  }

  private static double distance(float[] a, float[] b) {
    double squared = 0;
    for (int i = 0; i < a.length; i++) {
      squared += Math.pow(a[i] - (double) b[i], 2);
    }
    return Math.sqrt(squared);
  }

  private float[] read(String file, String name, int size) throws IOException {
    try (ArrayFile array = ArrayFile.open(copy(file) + ":" + name)) {
      assertThat(array.shape().elements()).isEqualTo(size);
      FloatBuffer values = FloatBuffer.allocate(size);
      array.readRows(0, Math.toIntExact(array.shape().dimension(0)), values);
      return values.array();
    }
  }

  private Path copy(String name) throws IOException {
    Path target = folder.resolve(name);
    try (InputStream in =
        Objects.requireNonNull(DescriptorFileTest.class.getResourceAsStream(name), name)) {
      Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
    }
    return target;
  }

  private static void refused(ThrowingCallable call, String... words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.reason()).isNotEqualTo(Reason.CHANGED))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }
}
