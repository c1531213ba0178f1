package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.run.EvidenceSettings.Mode;
import io.diffuscope.sampling.Picture;
import io.diffuscope.sampling.WorstSample;
import io.diffuscope.sampling.WorstSample.Trio;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EvidenceStoreTest {
  private static final Instant START = Instant.parse("2026-11-22T10:00:00Z");

  @TempDir private Path temporary;
  private Path folder;

  @BeforeEach
  void choose() {
    folder = temporary.resolve("evidence");
  }

  @Test
  void whatIsKeptIsFoundAgainByAnotherProcess() throws Exception {
    store(10, 64 << 20).keep(completed("r", 400L), List.of(worst(7, .2), worst(9, .5)), null);

    EvidenceStore again = store(10, 64 << 20);
    List<Evidence> kept = again.of("r");
    assertThat(kept).hasSize(1);
    assertThat(kept.getFirst().step()).isEqualTo(400);
    assertThat(kept.getFirst().pictured()).isTrue();
    assertThat(kept.getFirst().worst())
        .containsExactly(
            new Evidence.Row(7, 3, .2, 4, 1.0, .2, 2, 5, .7),
            new Evidence.Row(9, 3, .5, 4, 1.0, .5, 2, 5, .7));
    BufferedImage sheet = read(again.sheet("r", "400"));
    assertThat(sheet.getWidth()).isBetween(300, 1200);
    assertThat(again.of("other")).isEmpty();
    assertThat(again.sheet("r", "401")).isNull();
  }

  @Test
  void whatIsNotThereIsNull() throws Exception {
    store(10, 64 << 20)
        .keep(
            completed("r", 1L),
            List.of(
                new WorstSample(
                    1, 2, .5, -1, Double.POSITIVE_INFINITY, 1, -1, Double.POSITIVE_INFINITY, null)),
            null);
    Evidence kept = store(10, 64 << 20).of("r").getFirst();
    assertThat(kept.pictured()).isFalse();
    assertThat(kept.worst())
        .containsExactly(new Evidence.Row(1, 2, .5, null, null, 0, 1, null, null));
    assertThat(files("r")).containsExactly("1.json");
  }

  /** A red sample beside a blue training image, for a person as for this test. */
  @Test
  void aSheetShowsSampleTrainAndHoldoutSideBySide() throws Exception {
    Trio trio = new Trio(plain(255, 0, 0), plain(0, 0, 255), plain(0, 255, 0));
    BufferedImage sheet = read(EvidenceSheet.png(5L, List.of(worst(1, .2).with(trio))));
    List<Integer> seen = new ArrayList<>();
    for (int x = 0; x < sheet.getWidth(); x++) {
      int rgb = sheet.getRGB(x, 130) & 0xFFFFFF;
      if (List.of(0xFF0000, 0x0000FF, 0x00FF00).contains(rgb)
          && (seen.isEmpty() || seen.getLast() != rgb)) {
        seen.add(rgb);
      }
    }
    assertThat(seen).containsExactly(0xFF0000, 0x0000FF, 0x00FF00);
  }

  @Test
  void everyLetterOfTheLabelsCanBeDrawn() {
    for (String text :
        List.of(
            "step 0123456789: the 16 samples nearest to training images",
            "no step",
            "sample train holdout no second d1/d2 3 times",
            EvidenceSheet.number(-1e-9) + EvidenceSheet.number(12345678) + "1e+04")) {
      assertThat(PixelText.knows(text)).as(text).isTrue();
    }
    for (double value : new double[] {0, 1e-9, .00123, .5, 3.14159, 99.999, 1234.5, 9999.9, 3e8}) {
      assertThat(EvidenceSheet.number(value).length()).as("%s", value).isLessThanOrEqualTo(6);
    }
  }

  /**
   * The first, the newest, the verdict's best, the worst; the others spread evenly in logarithms.
   */
  @Test
  void whatTellsLeastGoesFirst() throws Exception {
    EvidenceStore store = store(8, 64 << 20);
    for (int i = 0; i < 40; i++) {
      long step = 100 + 100L * i;
      // The worst of all is in the middle, and so is the best.
      store.keep(
          completed("r", step, i), List.of(worst(i, step == 1700 ? .01 : .5)), i < 9 ? null : 900L);
    }
    List<Long> steps = store.of("r").stream().map(Evidence::step).toList();
    assertThat(steps).hasSize(8).contains(100L, 900L, 1700L, 4000L).isSorted();
    assertThat(steps.get(1)).as("early steps lie closer together").isLessThanOrEqualTo(500);
    assertThat(files("r")).hasSize(16);
    assertThat(store(8, 64 << 20).of("r")).isEqualTo(store.of("r"));
  }

  @Test
  void allRunsTogetherStayWithinTheirBytes() throws Exception {
    long most = EvidenceSettings.FEWEST_BYTES;
    for (int process = 0; process < 2; process++) {
      EvidenceStore store = store(1000, most);
      for (int i = 0; i < 12; i++) {
        for (String run : List.of("a", "b")) {
          store.keep(completed(run, 100L * process + i + 1, i), noise(i), null);
          assertThat(bytes()).isLessThanOrEqualTo(most);
          assertThat(store.of(run).getLast().step()).isEqualTo(100L * process + i + 1);
        }
      }
      assertThat(bytes()).as("room is used").isGreaterThan(most / 2);
      assertThat(store.of("a")).hasSizeGreaterThan(1);
      assertThat(store.of("b")).hasSizeGreaterThan(1);
    }
  }

  @Test
  void noSheetIsLarge() throws Exception {
    assertThat(EvidenceSheet.png(5L, noise(1)).length).isLessThan(1 << 20);
  }

  @Test
  void aCheckpointThatIsEvaluatedAgainReplacesItsSheet() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    store.keep(completed("r", 5L), List.of(worst(1, .5)), null);
    store.keep(completed("r", 5L), List.of(worst(2, .5)), null);
    assertThat(store.of("r")).hasSize(1);
    assertThat(store.of("r").getFirst().worst().getFirst().sample()).isEqualTo(2);

    // Started again with distances alone: the old picture would be of other samples.
    EvidenceStore distances =
        EvidenceStore.in(folder, new EvidenceSettings(Mode.DISTANCES, 8, 10, 64 << 20));
    assertThat(distances.sheet("r", "5")).as("not shown, though it lies there").isNull();
    WorstSample numbers = new WorstSample(1, 2, .5, 3, 1, 1, -1, Double.POSITIVE_INFINITY, null);
    distances.keep(completed("r", 5L), List.of(numbers), null);
    assertThat(files("r")).containsExactly("5.json");
  }

  @Test
  void aCheckpointWithoutAStepIsNamedAfterItself() throws Exception {
    EvidenceStore store = store(4, 64 << 20);
    store.keep(completed("r", null), List.of(worst(1, .5)), null);
    String name = store.of("r").getFirst().name();
    assertThat(Evidence.isName(name)).isTrue();
    assertThat(read(store.sheet("r", name)).getHeight()).isPositive();
    for (int i = 0; i < 6; i++) {
      store.keep(completed("r", 10L + i, i), List.of(worst(1, .6 + i * .01)), null);
    }
    assertThat(store.of("r")).hasSize(4);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"..", ".", "../r", "r/5", "", "%2e%2e", "5.json", "/etc/passwd", "5\u0000", "-5"})
  void namesThatAreNoneOfOursAreNotLookedFor(String name) throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    store.keep(completed("r", 5L), List.of(worst(1, .5)), null);
    Files.write(temporary.resolve("secret.png"), read("r", "5.png"));
    assertThat(store.sheet("r", name)).isNull();
    assertThat(store.sheet(name, "5")).isNull();
    assertThat(store.of(name)).isEmpty();
    assertThat(store.sheet("r", "../../secret")).isNull();
  }

  /** ".." is a valid id of a run. */
  @Test
  void aRunCalledAfterTheFolderAboveStaysInside() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    store.keep(completed("..", 5L), List.of(worst(1, .5)), null);
    assertThat(store.of("..")).hasSize(1);
    try (Stream<Path> entries = Files.list(temporary)) {
      assertThat(entries).containsExactly(folder);
    }
  }

  @Test
  void aLinkIsNotFollowed() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    store.keep(completed("r", 5L), List.of(worst(1, .5)), null);
    Path secret = temporary.resolve("secret.png");
    Files.write(secret, read("r", "5.png"));
    Files.createSymbolicLink(folder.resolve("run-r").resolve("6.png"), secret);
    assertThat(store.sheet("r", "6")).isNull();
  }

  @Test
  void whatIsDamagedIsLeftOutAndTheRestStays() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    for (long step = 1; step <= 6; step++) {
      store.keep(completed("r", step, (int) step), List.of(worst(1, .5)), null);
    }
    Path run = folder.resolve("run-r");
    Files.writeString(run.resolve("1.json"), "{\"run\":");
    Files.writeString(run.resolve("2.json"), "null");
    Files.write(run.resolve("3.json"), new byte[1 << 20]);
    Files.copy(run.resolve("6.json"), run.resolve("7.json"));
    Files.writeString(run.resolve("4.png"), "no picture");
    Files.delete(run.resolve("5.png"));
    Files.writeString(run.resolve(".8.png.abc.tmp"), "half");
    Files.write(run.resolve("9.png"), read("r", "6.png"));

    EvidenceStore again = store(10, 64 << 20);
    assertThat(again.of("r")).extracting(Evidence::step).containsExactly(4L, 5L, 6L);
    assertThat(again.sheet("r", "4")).isNull();
    assertThat(again.sheet("r", "5")).isNull();
    assertThat(again.sheet("r", "6")).isNotNull();
    again.keep(completed("r", 10L), List.of(worst(1, .5)), null);
    assertThat(again.of("r")).extracting(Evidence::step).containsExactly(4L, 5L, 6L, 10L);
    assertThat(files("r")).doesNotContain(".8.png.abc.tmp", "9.png");
  }

  @Test
  void aFolderThatCannotBeWrittenIsAnErrorThatNamesIt() throws Exception {
    // The superuser may write everywhere, but not below a file.
    Files.writeString(folder, "a file");
    EvidenceStore store = store(10, 64 << 20);
    assertThatThrownBy(() -> store.keep(completed("r", 5L), List.of(worst(1, .5)), null))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(folder.toString());
    assertThat(store.of("r")).isEmpty();
    Files.delete(folder);
    assertThatCode(() -> store.keep(completed("r", 5L), List.of(worst(1, .5)), null))
        .doesNotThrowAnyException();
    assertThat(store.of("r")).hasSize(1);
  }

  @Test
  void offKeepsNothing() throws Exception {
    EvidenceStore store = EvidenceStore.in(folder, EvidenceSettings.OFF);
    store.keep(completed("r", 5L), List.of(worst(1, .5)), null);
    assertThat(store.of("r")).isEmpty();
    assertThat(folder).doesNotExist();
  }

  private EvidenceStore store(int sheets, long bytes) {
    return EvidenceStore.in(folder, new EvidenceSettings(Mode.PICTURES, 8, sheets, bytes));
  }

  private static RunEvent.EvaluationCompleted completed(String run, @Nullable Long step) {
    return completed(run, step, 0);
  }

  private static RunEvent.EvaluationCompleted completed(
      String run, @Nullable Long step, int seconds) {
    return new RunEvent.EvaluationCompleted(
        run,
        START.plusSeconds(seconds),
        Checkpoint.ofFile("id", "/run/final weights!.pt", step),
        "probe",
        List.of(),
        step == null ? RunEvent.Standing.NO_STEP : RunEvent.Standing.JUDGED,
        1,
        1,
        null,
        true);
  }

  private static WorstSample worst(long sample, double ratio) {
    Picture gray = new Picture(1, 2, 2, new byte[] {0, 64, (byte) 128, (byte) 255});
    return new WorstSample(sample, 3, ratio, 4, 1, 2, 5, .7, new Trio(gray, gray, gray));
  }

  /** Pictures that do not compress. */
  private static List<WorstSample> noise(int seed) {
    Random random = new Random(seed);
    List<WorstSample> worst = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      byte[] levels = new byte[3 * 64 * 64];
      random.nextBytes(levels);
      Picture picture = new Picture(3, 64, 64, levels);
      worst.add(new WorstSample(i, 3, .5, 4, 1, 1, 5, .7, new Trio(picture, picture, picture)));
    }
    return worst;
  }

  private static Picture plain(int... rgb) {
    byte[] levels = new byte[3 * 16];
    for (int channel = 0; channel < 3; channel++) {
      Arrays.fill(levels, channel * 16, (channel + 1) * 16, (byte) rgb[channel]);
    }
    return new Picture(3, 4, 4, levels);
  }

  private static BufferedImage read(byte @Nullable [] png) throws IOException {
    return Objects.requireNonNull(
        ImageIO.read(new ByteArrayInputStream(Objects.requireNonNull(png))));
  }

  private byte[] read(String run, String file) throws IOException {
    return Files.readAllBytes(folder.resolve("run-" + run).resolve(file));
  }

  private List<String> files(String run) throws IOException {
    try (Stream<Path> entries = Files.list(folder.resolve("run-" + run))) {
      return entries.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  private long bytes() throws IOException {
    long sum = 0;
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        sum += Files.size(file);
      }
    }
    return sum;
  }

  /** What a person reads in the file is what the API tells. */
  @Test
  void theTableIsJsonInSnakeCase() throws Exception {
    store(10, 64 << 20).keep(completed("r", 5L), List.of(worst(1, .5)), null);
    assertThat(new String(read("r", "5.json"), StandardCharsets.UTF_8))
        .contains("\"nearest_train\":3", "\"holdout_distance\":0.7", "\"group_size\":2")
        .doesNotContain("name");
  }
}
