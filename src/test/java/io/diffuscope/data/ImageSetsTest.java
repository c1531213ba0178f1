package io.diffuscope.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sets of images, against what PIL reads (fixtures by make_image_fixtures.py). */
class ImageSetsTest {
  private static final TensorShape COLOUR = TensorShape.of(3, 16, 24);
  private static final TensorShape GREY = TensorShape.of(1, 16, 24);
  private static final TensorShape SMALL = TensorShape.of(3, 4, 4);

  @TempDir private Path folder;

  static List<String> pictures() throws IOException {
    try (Stream<Path> files = Files.list(resource("pictures"))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".npy"))
          .map(name -> name.substring(0, name.length() - 4))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void everyKindOfImageHasTheLevelsThatPilReads(String name) throws Exception {
    boolean grey = name.contains("grey");
    copy(name, "a/" + name);
    int[] due = levels(resource("pictures/" + name + ".npy").toString());
    try (DataSet set = open(folder, grey ? GREY : COLOUR)) {
      float[] values = all(set);
      for (int i = 0; i < due.length; i++) {
        assertThat(values[i]).as("value %d", i).isEqualTo(due[i] / 127.5f - 1);
      }
      assertThat(set.labels()).isNull();
    }
    try (DataSet set = open(folder, null)) {
      assertThat(set.pointShape().dimension(0))
          .isEqualTo(grey && !name.startsWith("palette") ? 1 : 3);
    }
  }

  @Test
  void aGreyImageHasThreeEqualChannelsWhereTheModelTakesThree() throws Exception {
    copy("grey.png", "1.png");
    float[] one;
    try (DataSet set = open(folder, GREY)) {
      one = all(set);
    }
    try (DataSet set = open(folder, COLOUR)) {
      float[] three = all(set);
      for (int channel = 0; channel < 3; channel++) {
        assertThat(Arrays.copyOfRange(three, channel * 384, (channel + 1) * 384)).isEqualTo(one);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cmyk.jpg|UNSUPPORTED|CMYK",
        "grey-16bit.png|UNSUPPORTED|16 bits",
      })
  void imagesWithoutOneMeaningAreRefused(String name, Reason reason, String words)
      throws Exception {
    copy("rgb.png", "1.png");
    copy(name, "2.png");
    fails(() -> open(folder, COLOUR), reason, "2.png", words, "8-bit PNG");
  }

  @Test
  void coloursForAGreyModelAreRefused() throws Exception {
    copy("rgb.png", "x/1.png");
    fails(() -> open(folder, GREY), Reason.WRONG_SHAPE, "x/1.png", "[1, 16, 24]", "convert('L')");
  }

  @Test
  void anotherSizeIsRefusedWithWhatToRun() throws Exception {
    copy("rgb.png", "1.png");
    fails(
        () -> open(folder, TensorShape.of(3, 32, 32)),
        Reason.WRONG_SHAPE,
        "1.png",
        "24 pixels wide and 16 high",
        "[3, 32, 32]",
        "--resolution=32x32");
    fails(() -> open(folder, TensorShape.of(4, 16, 24)), Reason.WRONG_SHAPE, "latents");
    fails(() -> open(folder, TensorShape.of(384)), Reason.WRONG_SHAPE, "[384]");
  }

  /**
   * The header claims 2^31 - 1 pixels each way: nothing may be made of it before it is compared.
   */
  @Test
  void theHeaderIsComparedBeforeAnythingIsDecoded() throws Exception {
    byte[] png = Files.readAllBytes(resource("pictures/rgb.png"));
    ByteBuffer.wrap(png).putInt(16, Integer.MAX_VALUE).putInt(20, Integer.MAX_VALUE);
    CRC32 checksum = new CRC32();
    checksum.update(png, 12, 17);
    ByteBuffer.wrap(png).putInt(29, (int) checksum.getValue());
    Files.write(folder.resolve("1.png"), png);
    fails(() -> open(folder, COLOUR), Reason.WRONG_SHAPE, "2147483647 pixels wide");
    fails(() -> open(folder, null), Reason.MALFORMED, "1.png", "2147483647 pixels");
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb.png", "palette.png", "baseline.jpg", "progressive.jpg"})
  void everyTruncatedFileIsRefused(String name) throws Exception {
    byte[] whole = Files.readAllBytes(resource("pictures/" + name));
    ImageDecoder decoder = new ImageDecoder(COLOUR);
    byte[] target = new byte[decoder.elements()];
    decoder.decode(name, whole, target, 0);
    for (int length = 1; length < whole.length; length += 3) {
      byte[] cut = Arrays.copyOf(whole, length);
      fails(() -> decoder.decode(name, cut, target, 0), Reason.TRUNCATED, name, "copy it again");
    }
    fails(() -> decoder.decode(name, new byte[0], target, 0), Reason.EMPTY, name);
  }

  /** Whatever byte is wrong: an image or bad input, nothing else. */
  @ParameterizedTest
  @ValueSource(strings = {"rgba.png", "palette-4bit.png", "interlaced.png", "progressive.jpg"})
  void damagedFilesFailAsBadInput(String name) throws Exception {
    byte[] whole = Files.readAllBytes(resource("pictures/" + name));
    ImageDecoder decoder = new ImageDecoder(COLOUR);
    byte[] target = new byte[decoder.elements()];
    int refused = 0;
    for (int at = 0; at < whole.length; at++) {
      byte[] damaged = whole.clone();
      damaged[at] ^= (byte) (1 + at * 37 % 255);
      try {
        decoder.decode(name, damaged, target, 0);
      } catch (BadInputException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(whole.length / 20);
  }

  @Test
  void imagesInOtherFormatsAreNotLeftOutSilently() throws Exception {
    copy("rgb.png", "1.png");
    Files.writeString(folder.resolve("notes.txt"), "not an image");
    Files.createDirectories(folder.resolve(".thumbnails"));
    Files.writeString(folder.resolve(".thumbnails/1.png"), "not an image");
    try (DataSet set = open(folder, COLOUR)) {
      assertThat(set.size()).isEqualTo(1);
    }
    Files.writeString(folder.resolve("3.png"), "not an image");
    fails(() -> open(folder, COLOUR), Reason.MALFORMED, "3.png", "neither PNG nor JPEG");
    Files.move(folder.resolve("3.png"), folder.resolve("3.webp"));
    fails(() -> open(folder, COLOUR), Reason.UNSUPPORTED, "3.webp", "save it as PNG");
  }

  @Test
  void theOrderIsThatOfCodePoints() {
    List<String> names =
        new ArrayList<>(
            List.of("a", "B", "10.png", "9.png", "\uFF5E", "\uD83D\uDE00", "a/b", "a-b"));
    names.sort(ImageNames.ORDER);
    // sorted([...]) in Python.
    assertThat(names)
        .containsExactly("10.png", "9.png", "B", "a", "a-b", "a/b", "\uFF5E", "\uD83D\uDE00");
  }

  @ParameterizedTest
  @ValueSource(strings = {"edm.zip", "edm-one-hot.zip", "edm-unlabelled.zip"})
  void archivesOfEdmAreSetsWithTheirLabels(String name) throws Exception {
    try (DataSet set = open(resource(name), SMALL)) {
      assertThat(set.size()).isEqualTo(5);
      float[] values = all(set);
      for (int i = 0; i < 5; i++) {
        assertThat(values[48 * i]).isEqualTo(40 * i / 127.5f - 1);
        assertThat(values[48 * i + 47]).isEqualTo((40 * i + 2) / 127.5f - 1);
      }
      if (name.contains("unlabelled")) {
        assertThat(set.labels()).isNull();
      } else {
        assertThat(set.labels()).containsExactly(6, 0, 3, 3, 1);
      }
    }
  }

  @Test
  void labelsThatAreNoClassesAreRefused() throws Exception {
    fails(() -> open(resource("edm-soft.zip"), SMALL), Reason.MALFORMED, "dataset.json", "one-hot");
    copy("rgb.png", "1.png");
    String[][] cases = {
      {"{\"labels\": [[\"1.png\", -1]]}", "no class"},
      {"{\"labels\": [[\"1.png\", 1.5]]}", "no class"},
      {"{\"labels\": [[\"1.png\", 1], [\"1.png\", 2]]}", "twice"},
      {"{\"labels\": [[\"1.png\"]]}", "no class"},
      {"{\"labels\": {}}", "no list"},
      {"{\"labels\": [[\"1.png\", 1]", "JSON"},
    };
    for (String[] one : cases) {
      Files.writeString(folder.resolve("dataset.json"), one[0]);
      fails(() -> open(folder, COLOUR), Reason.MALFORMED, "dataset.json", one[1]);
    }
    Files.writeString(folder.resolve("dataset.json"), "{\"labels\": [[\"2.png\", 1]]}");
    fails(() -> open(folder, COLOUR), Reason.MISMATCH, "no label of 1.png");
  }

  @Test
  void foldersAreClassesOnlyWhereThereIsNoDoubt() throws Exception {
    copy("rgb.png", "dog/1.png");
    copy("rgba.png", "cat/7.png");
    copy("palette.png", "dog/0.png");
    try (DataSet set = open(folder, COLOUR)) {
      assertThat(set.labels()).containsExactly(0, 1, 1);
      assertThat(set.classNames()).containsExactly("cat", "dog");
      try (DataSet same = open(folder, COLOUR)) {
        DataSets.requireSameClasses(set, same);
      }
      Path other = Files.createDirectories(folder.resolveSibling("other-" + folder.getFileName()));
      Files.createDirectories(other.resolve("dog"));
      Files.createDirectories(other.resolve("owl"));
      Files.copy(folder.resolve("dog/1.png"), other.resolve("dog/1.png"));
      Files.copy(folder.resolve("dog/1.png"), other.resolve("owl/1.png"));
      try (DataSet others = open(other, COLOUR)) {
        fails(
            () -> DataSets.requireSameClasses(set, others), Reason.MISMATCH, "folders of classes");
      }
    }
    copy("rgb.png", "0.png");
    try (DataSet set = open(folder, COLOUR)) {
      assertThat(set.labels()).as("one image lies beside the folders").isNull();
    }
    assertThat(ClassFolders.of(List.of("00000/img00000000.png", "00001/img00001000.png"))).isNull();
    assertThat(ClassFolders.of(List.of("all/1.png", "all/2.png"))).isNull();
    assertThat(ClassFolders.of(List.of("a/1.png", "b/c/2.png"))).isNull();
  }

  @Test
  void linksAreFollowedUnlessTheyLeadBack() throws Exception {
    copy("rgb.png", "a/1.png");
    Files.createSymbolicLink(folder.resolve("a/2.png"), folder.resolve("a/1.png"));
    try (DataSet set = open(folder, COLOUR)) {
      assertThat(set.size()).isEqualTo(2);
    }
    Path loop = Files.createSymbolicLink(folder.resolve("a/up"), folder);
    fails(() -> open(folder, COLOUR), Reason.UNSUPPORTED, "a/up", "leads back");
    Files.delete(loop);
    Files.createSymbolicLink(folder.resolve("a/3.png"), folder.resolve("nothing"));
    fails(() -> open(folder, COLOUR), Reason.VANISHED, "a/3.png", "not there");
  }

  @Test
  void filesThatVanishOrChangeAfterTheListingAreNoticed() throws Exception {
    copy("rgb.png", "1.png");
    copy("rgb.png", "2.png");
    copy("rgb.png", "3.png");
    try (FolderImages images = FolderImages.list(folder)) {
      Files.delete(folder.resolve("2.png"));
      Files.setLastModifiedTime(folder.resolve("3.png"), FileTime.fromMillis(1));
      assertThat(images.read(0)).hasSizeGreaterThan(100);
      fails(() -> images.read(1), Reason.VANISHED, "2.png");
      fails(() -> images.read(2), Reason.CHANGED, "3.png");
      ImageSets sets = new ImageSets(images, "training set", ImagePreparation.NONE, 1 << 20);
      fails(() -> sets.open(COLOUR), Reason.VANISHED, "2.png");
    }
  }

  @Test
  void aFolderWithoutImagesSaysWhatItCouldBe() {
    fails(() -> open(folder, COLOUR), Reason.VANISHED, "PNG or JPEG", "export_data");
  }

  @Test
  void aLargeSetIsDecodedOnceAndTheSameFromTheCache() throws Exception {
    copy("rgb.png", "1.png");
    copy("baseline.jpg", "2.jpg");
    Path cache = folder.resolveSibling("cache-" + folder.getFileName());
    ImagePreparation preparation = ImagePreparation.cachedIn(cache);
    String key;
    try (DataSet memory = open(folder, COLOUR)) {
      assertThat(memory).isInstanceOf(LevelsDataSet.class);
      key = memory.contentKey();
    }
    try (FolderImages images = FolderImages.list(folder);
        DataSet file = new ImageSets(images, "set", ImagePreparation.NONE, 0).open(COLOUR)) {
      assertThat(file).isInstanceOf(FileDataSet.class);
      assertThat(file.source()).isEqualTo(folder.toString());
      assertThat(file.contentKey()).isEqualTo(key);
    }
    for (int i = 0; i < 2; i++) {
      try (FolderImages images = FolderImages.list(folder);
          DataSet file = new ImageSets(images, "set", preparation, 0).open(COLOUR)) {
        assertThat(file.contentKey()).isEqualTo(key);
      }
      assertThat(filesIn(cache.resolve("images"))).hasSize(1);
    }
    // What is in the cache is read instead of the images: it was made of their names, sizes, times.
    Path kept = filesIn(cache.resolve("images")).getFirst();
    byte[] bytes = Files.readAllBytes(kept);
    bytes[bytes.length - 1] ^= 1;
    Files.write(kept, bytes);
    try (FolderImages images = FolderImages.list(folder);
        DataSet file = new ImageSets(images, "set", preparation, 0).open(COLOUR)) {
      assertThat(file.contentKey()).isNotEqualTo(key);
    }
    Files.write(kept, new byte[7]);
    try (FolderImages images = FolderImages.list(folder);
        DataSet file = new ImageSets(images, "set", preparation, 0).open(COLOUR)) {
      assertThat(file.contentKey()).as("a damaged file is made again").isEqualTo(key);
    }
    Files.setLastModifiedTime(folder.resolve("1.png"), FileTime.fromMillis(1));
    try (FolderImages images = FolderImages.list(folder);
        DataSet file = new ImageSets(images, "set", preparation, 0).open(COLOUR)) {
      assertThat(file.contentKey()).isEqualTo(key);
    }
    assertThat(filesIn(cache.resolve("images"))).as("another state of the folder").hasSize(2);
  }

  @Test
  void aFailureLeavesNothingInTheCache() throws Exception {
    copy("rgb.png", "1.png");
    Files.writeString(folder.resolve("2.png"), "not an image");
    Path cache = folder.resolveSibling("cache-" + folder.getFileName());
    try (FolderImages images = FolderImages.list(folder)) {
      ImageSets sets = new ImageSets(images, "set", ImagePreparation.cachedIn(cache), 0);
      fails(() -> sets.open(COLOUR), Reason.MALFORMED, "2.png");
    }
    assertThat(filesIn(cache.resolve("images"))).isEmpty();
  }

  @Test
  void progressIsToldWhereItTakesMoreThanASecond() throws Exception {
    for (int i = 0; i < 600; i++) {
      copy("rgb.png", "%03d.png".formatted(i));
    }
    List<String> told = new ArrayList<>();
    long[] now = {0};
    try (FolderImages images = FolderImages.list(folder)) {
      for (long step : new long[] {700_000_000L, 100_000_000L, 1_000_000_000L}) {
        new ImageBlocks(
                images,
                new ImageDecoder(COLOUR),
                "training set",
                (what, done, total) -> told.add(what + " " + done + "/" + total),
                () -> now[0] += step)
            .to((levels, length) -> {});
        told.add("-");
      }
    }
    assertThat(told)
        .containsExactly(
            "images of the training set 600/600",
            "-",
            "-",
            "images of the training set 512/600",
            "images of the training set 600/600",
            "-");
  }

  @Test
  void uint8ArraysStayUint8InMemory() throws Exception {
    try (DataSet set = open(resource("images-u1.npy"), TensorShape.of(1, 8, 8))) {
      assertThat(set).isInstanceOf(LevelsDataSet.class);
    }
    try (DataSet set = open(resource("exported-u8"), TensorShape.of(1, 2, 2))) {
      assertThat(set).isInstanceOf(LabelledDataSet.class);
    }
    try (DataSet set = open(resource("images-flat.npy"), TensorShape.of(64))) {
      assertThat(set).isInstanceOf(MemoryDataSet.class);
    }
  }

  @Test
  void archivesAreReadDeflatedAndWithHiddenMembersPassedOver() throws Exception {
    Path zip = zip("a/2.png", "a/1.png", "__MACOSX/a/._1.png", "readme.txt");
    try (DataSet set = open(zip, COLOUR)) {
      assertThat(set.size()).isEqualTo(2);
      assertThat(set.source()).isEqualTo(zip.toString());
    }
    fails(() -> open(zip("readme.txt"), COLOUR), Reason.EMPTY, "no PNG or JPEG");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../1.png", "/1.png", "a\\1.png", "a/../../1.png"})
  void namesThatLeadOutAreRefused(String name) throws Exception {
    fails(() -> open(zip("2.png", name), COLOUR), Reason.MALFORMED, "no place in a folder");
  }

  @Test
  void hostileArchivesAreRefused() throws Exception {
    Path zip = zip("a.png", "b.png");
    byte[] whole = Files.readAllBytes(zip);
    int second = entry(whole, 1);
    String a = "encrypted|two members|lie over|link|sized|huge|method|checksum|cut";
    for (String flaw : a.split("\\|", -1)) {
      byte[] bytes = whole.clone();
      ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      Reason reason = Reason.MALFORMED;
      String words = flaw;
      switch (flaw) {
        case "encrypted" -> {
          in.putShort(second + 8, (short) (in.getShort(second + 8) | 1));
          reason = Reason.UNSUPPORTED;
        }
        case "two members" -> in.put(second + 46, (byte) 'a');
        case "lie over" -> in.putInt(second + 42, in.getInt(entry(whole, 0) + 42));
        case "link" -> {
          in.put(second + 5, (byte) 3).putInt(second + 38, 0120777 << 16);
          reason = Reason.UNSUPPORTED;
        }
        case "sized" -> {
          in.putInt(second + 24, Integer.MAX_VALUE);
          words = "cannot have the size";
        }
        case "huge" -> {
          in.putShort(bytes.length - 12, (short) -1);
          words = "too small";
        }
        case "method" -> {
          in.putShort(second + 10, (short) 14);
          reason = Reason.UNSUPPORTED;
        }
        case "checksum" -> in.putInt(second + 16, 7);
        default -> {
          bytes = Arrays.copyOf(bytes, bytes.length - 5);
          reason = Reason.TRUNCATED;
          words = "ends before its directory";
        }
      }
      Path changed = Files.write(folder.resolve("changed.zip"), bytes);
      fails(() -> open(changed, COLOUR), reason, "changed.zip", words);
    }
  }

  @Test
  void aMemberThatUnpacksToMuchIsRefusedBeforeItIsUnpacked() throws Exception {
    Path zip = folder.resolve("bomb.zip");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(zip))) {
      out.putNextEntry(new ZipEntry("1.png"));
      byte[] zeros = new byte[1 << 20];
      for (int i = 0; i < 33; i++) {
        out.write(zeros);
      }
    }
    fails(() -> open(zip, COLOUR), Reason.UNSUPPORTED, "1.png", "make it smaller");
  }

  /** Where the directory's entry of a member begins. */
  private static int entry(byte[] zip, int number) {
    ByteBuffer in = ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN);
    int at = in.getInt(zip.length - 6);
    for (int i = 0; i < number; i++) {
      at += 46 + in.getShort(at + 28) + in.getShort(at + 30) + in.getShort(at + 32);
    }
    return at;
  }

  private Path zip(String... names) throws IOException {
    Path file = folder.resolve("set.zip");
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (String name : names) {
        zip.putNextEntry(new ZipEntry(name));
        boolean image = name.endsWith(".png") && !name.contains("._");
        zip.write(
            image
                ? Files.readAllBytes(resource("pictures/rgb.png"))
                : "text".getBytes(StandardCharsets.UTF_8));
      }
    }
    return file;
  }

  private static List<Path> filesIn(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private void copy(String picture, String name) throws IOException {
    Path target = folder.resolve(name);
    Files.createDirectories(Objects.requireNonNull(target.getParent()));
    Files.copy(resource("pictures/" + picture), target);
  }

  private static int[] levels(String npy) throws IOException {
    try (ArrayFile file = ArrayFile.open(npy)) {
      double[] values = file.readDoubles();
      return Arrays.stream(values).mapToInt(value -> (int) value).toArray();
    }
  }

  private static DataSet open(Path spec, @Nullable TensorShape model) throws BadInputException {
    return DataSets.open(spec.toString(), "training set", model);
  }

  private static float[] all(DataSet data) throws IOException {
    int size = (int) data.size();
    FloatBuffer values = FloatBuffer.allocate(size * (int) data.pointShape().elements());
    data.read(0, size, values);
    assertThat(values.hasRemaining()).isFalse();
    return values.array();
  }

  private static Path resource(String name) {
    return Path.of(
        URI.create(Objects.requireNonNull(ImageSetsTest.class.getResource(name), name).toString()));
  }

  private static void fails(ThrowingCallable call, Reason reason, String... words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }
}
