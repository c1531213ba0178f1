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
import java.nio.file.StandardCopyOption;
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
    EvidenceBooks.keep(
        store(10, 64 << 20), completed("r", 400L), List.of(worst(7, .2), worst(9, .5)), null);

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
    EvidenceBooks.keep(
        store(10, 64 << 20),
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
      EvidenceBooks.keep(
          store,
          completed("r", step, i),
          List.of(worst(i, step == 1700 ? .01 : .5)),
          i < 9 ? null : 900L);
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
          EvidenceBooks.keep(store, completed(run, 100L * process + i + 1, i), noise(i), null);
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
    EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(1, .5)), null);
    EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(2, .5)), null);
    assertThat(store.of("r")).hasSize(1);
    assertThat(store.of("r").getFirst().worst().getFirst().sample()).isEqualTo(2);

    // Started again with distances alone: the old picture would be of other samples.
    EvidenceStore distances =
        EvidenceStore.in(folder, new EvidenceSettings(Mode.DISTANCES, 8, 10, 64 << 20));
    assertThat(distances.sheet("r", "5")).as("not shown, though it lies there").isNull();
    WorstSample numbers = new WorstSample(1, 2, .5, 3, 1, 1, -1, Double.POSITIVE_INFINITY, null);
    EvidenceBooks.keep(distances, completed("r", 5L), List.of(numbers), null);
    assertThat(files("r")).containsExactly("5.json");
  }

  @Test
  void aCheckpointWithoutAStepIsNamedAfterItself() throws Exception {
    EvidenceStore store = store(4, 64 << 20);
    EvidenceBooks.keep(store, completed("r", null), List.of(worst(1, .5)), null);
    String name = store.of("r").getFirst().name();
    assertThat(Evidence.isName(name)).isTrue();
    assertThat(read(store.sheet("r", name)).getHeight()).isPositive();
    for (int i = 0; i < 6; i++) {
      EvidenceBooks.keep(store, completed("r", 10L + i, i), List.of(worst(1, .6 + i * .01)), null);
    }
    assertThat(store.of("r")).hasSize(4);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"..", ".", "../r", "r/5", "", "%2e%2e", "5.json", "/etc/passwd", "5\u0000", "-5"})
  void namesThatAreNoneOfOursAreNotLookedFor(String name) throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(1, .5)), null);
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
    EvidenceBooks.keep(store, completed("..", 5L), List.of(worst(1, .5)), null);
    assertThat(store.of("..")).hasSize(1);
    try (Stream<Path> entries = Files.list(temporary)) {
      assertThat(entries).containsExactly(folder);
    }
  }

  @Test
  void aLinkIsNotFollowed() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(1, .5)), null);
    Path secret = temporary.resolve("secret.png");
    Files.write(secret, read("r", "5.png"));
    Files.createSymbolicLink(folder.resolve("run-r").resolve("6.png"), secret);
    assertThat(store.sheet("r", "6")).isNull();
  }

  @Test
  void whatIsDamagedIsLeftOutAndTheRestStays() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    for (long step = 1; step <= 6; step++) {
      EvidenceBooks.keep(store, completed("r", step, (int) step), List.of(worst(1, .5)), null);
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
    EvidenceBooks.keep(again, completed("r", 10L), List.of(worst(1, .5)), null);
    assertThat(again.of("r")).extracting(Evidence::step).containsExactly(4L, 5L, 6L, 10L);
    assertThat(files("r")).doesNotContain(".8.png.abc.tmp", "9.png");
  }

  @Test
  void aFolderThatCannotBeWrittenIsAnErrorThatNamesIt() throws Exception {
    // The superuser may write everywhere, but not below a file.
    Files.writeString(folder, "a file");
    EvidenceStore store = store(10, 64 << 20);
    assertThatThrownBy(
            () -> EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(1, .5)), null))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(folder.toString());
    assertThat(store.of("r")).isEmpty();
    Files.delete(folder);
    assertThatCode(() -> EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(1, .5)), null))
        .doesNotThrowAnyException();
    assertThat(store.of("r")).hasSize(1);
  }

  /** An evaluation whose result was never recorded, and one that was, at the same step. */
  @Test
  void whatNoRecordTellsOfIsRemovedWhenARunGoesOn() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    List<RunEvent.EvaluationCompleted> completed = new ArrayList<>();
    for (int i = 1; i <= 4; i++) {
      completed.add(completed("r", 10L * i, i));
      EvidenceBooks.keep(store, completed("r", 10L * i, i), List.of(worst(i, .5)), null);
    }
    completed.add(completed("r", null, 9));
    EvidenceBooks.keep(store, completed("r", null, 9), List.of(worst(1, .5)), null);
    EvidenceBooks.keep(store, completed("other", 20L, 2), List.of(worst(1, .5)), null);
    // Measured again, and killed before that was recorded.
    EvidenceBooks.keep(store, completed("r", 30L, 7), List.of(worst(1, .5)), null);
    EvidenceBooks.keep(store, completed("r", 50L, 8), List.of(worst(1, .5)), null);
    Files.writeString(folder.resolve("run-r").resolve("notes.txt"), "mine");

    EvidenceStore again = store(10, 64 << 20);
    again.goOn("r", completed, null);
    assertThat(again.of("r")).extracting(Evidence::step).containsExactly(10L, 20L, 40L, null);
    assertThat(files("r")).hasSize(9).contains("notes.txt");
    assertThat(again.of("other")).hasSize(1);
    again.goOn("other", List.of(), null);
    assertThat(again.of("other")).isEmpty();
    again.goOn("none", List.of(), null);
    again.goOn("../evidence/run-r", List.of(), null);
    assertThat(again.of("r")).hasSize(4);
  }

  /** Killed between the record of a result and its picture, or before the record. */
  @Test
  void whatWasDraftedIsKeptOnceItsResultIsRecorded() throws Exception {
    RunEvent.EvaluationCompleted event = completed("r", 5L);
    EvidenceStore store = store(10, 64 << 20);
    store.draft("r", "probe", event.checkpoint(), List.of(worst(7, .2)));
    assertThat(store.of("r")).as("no result tells of it").isEmpty();

    EvidenceStore again = store(10, 64 << 20);
    again.goOn("r", List.of(completed("r", 4L), event), null);
    assertThat(again.of("r"))
        .singleElement()
        .satisfies(kept -> assertThat(kept.isOf(event)).isTrue());
    assertThat(read(again.sheet("r", "5")).getHeight()).isPositive();
    assertThat(files("r")).containsExactly("5.json", "5.png");

    store.draft("r", "another probe", event.checkpoint(), List.of(worst(8, .2)));
    assertThat(store.keep(event, null)).as("it is of another measurement").isFalse();
    store.draft("r", "probe", event.checkpoint(), List.of(worst(8, .2)));
    Files.write(path("r", "draft.table"), new byte[] {'{'});
    assertThat(store.keep(event, null)).as("it is damaged").isFalse();
    again.goOn("r", List.of(event), null);
    assertThat(files("r")).containsExactly("5.json", "5.png");
    assertThat(again.of("r").getFirst().worst().getFirst().sample()).isEqualTo(7);
  }

  /** Killed after any of the steps in which a draft becomes evidence. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void whatWasHalfKeptIsKeptWhole(int steps) throws Exception {
    RunEvent.EvaluationCompleted before = completed("r", 5L, 1);
    RunEvent.EvaluationCompleted event = completed("r", 5L, 2);
    EvidenceStore store = store(10, 64 << 20);
    EvidenceBooks.keep(store, before, List.of(worst(7, .2)), null);
    store.draft("r", "probe", event.checkpoint(), List.of(worst(8, .9)));
    byte[] table = read("r", "draft.table");
    byte[] sheet = read("r", "draft.sheet");
    byte[] earlier = read("r", "5.png");
    assertThat(sheet).isNotEqualTo(earlier);
    store.keep(event, null);
    byte[] kept = read("r", "5.json");
    Files.write(path("r", "draft.table"), table);
    if (steps < 3) {
      Files.move(path("r", "5.png"), path("r", "draft.sheet"));
    }
    if (steps < 2) {
      Files.delete(path("r", "5.json"));
    }
    if (steps < 1) {
      Files.write(path("r", "5.png"), earlier);
    }

    EvidenceStore again = store(10, 64 << 20);
    again.goOn("r", List.of(before, event), null);
    assertThat(files("r")).containsExactly("5.json", "5.png");
    assertThat(read("r", "5.json")).isEqualTo(kept);
    assertThat(read("r", "5.png")).isEqualTo(sheet);
  }

  @Test
  void whatIsDamagedIsDroppedWhenARunGoesOn() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    List<RunEvent.EvaluationCompleted> completed = new ArrayList<>();
    for (long step = 1; step <= 9; step++) {
      completed.add(completed("r", step, (int) step));
      EvidenceBooks.keep(store, completed("r", step, (int) step), List.of(worst(step, .5)), null);
    }
    Path run = folder.resolve("run-r");
    Files.writeString(run.resolve("1.json"), "{\"run\":");
    Files.copy(run.resolve("9.json"), run.resolve("2.json"), StandardCopyOption.REPLACE_EXISTING);
    Files.write(run.resolve("3.json"), new byte[1 << 20]);
    byte[] whole = read("r", "4.png");
    Files.write(run.resolve("4.png"), Arrays.copyOf(whole, whole.length - 1));
    Files.delete(run.resolve("5.png"));
    whole[whole.length / 2] ^= 1;
    Files.write(run.resolve("6.png"), whole);
    // It cannot be read now, which does not say that it is damaged.
    Files.delete(run.resolve("7.json"));
    Files.createSymbolicLink(run.resolve("7.json"), run.resolve("9.json"));

    assertThat(store.goOn("r", completed, null))
        .as("what can be measured again")
        .extracting(event -> event.checkpoint().step())
        .containsExactlyInAnyOrder(1L, 2L, 3L, 4L, 5L, 6L);
    assertThat(store.goOn("r", completed, null)).as("once").isEmpty();
    assertThat(files("r"))
        .containsExactlyInAnyOrder(
            "4.json", "5.json", "6.json", "7.json", "7.png", "8.json", "8.png", "9.json", "9.png");
    List<Evidence> kept = store.of("r");
    assertThat(kept).extracting(Evidence::step).containsExactly(4L, 5L, 6L, 8L, 9L);
    assertThat(kept)
        .extracting(Evidence::pictured)
        .containsExactly(false, false, false, true, true);
    assertThat(kept).allSatisfy(e -> assertThat(e.worst().getFirst().sample()).isEqualTo(e.step()));
  }

  /** The reference is the file as it was written; whatever is missing of it is noticed. */
  @Test
  void aSheetIsWholeOrNotShown() throws Exception {
    byte[] png = EvidenceSheet.png(5L, List.of(worst(1, .5)));
    assertThat(KeptEvidence.isWhole(png)).isTrue();
    for (int length = 0; length < png.length; length++) {
      assertThat(KeptEvidence.isWhole(Arrays.copyOf(png, length))).as("%d", length).isFalse();
    }
    assertThat(KeptEvidence.isWhole(Arrays.copyOf(png, png.length + 1))).isFalse();
    for (int i = 0; i < png.length; i++) {
      png[i] ^= 4;
      assertThat(KeptEvidence.isWhole(png)).as("byte %d", i).isFalse();
      png[i] ^= 4;
    }
  }

  @Test
  void aRunIsForgottenAndNoOtherIs() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    for (String run : List.of("r", "..", ".", "r.")) {
      EvidenceBooks.keep(store, completed(run, 5L), List.of(worst(1, .5)), 5L);
    }
    for (String run : List.of("..", ".", "r")) {
      assertThat(store.bytes(run)).isEqualTo(Files.size(path(run, "5.json")) + size(run, "5.png"));
      store.forget(run);
      assertThat(store.bytes(run)).isZero();
      assertThat(store.of(run)).isEmpty();
      assertThat(folder.resolve("run-" + run)).doesNotExist();
      store.forget(run);
    }
    assertThat(store.of("r.")).hasSize(1);
    for (String run : List.of("", "../evidence/run-r.", "r./5", "/")) {
      store.forget(run);
      assertThat(store.bytes(run)).isZero();
    }
    assertThat(store.of("r.")).hasSize(1);
    EvidenceBooks.keep(store, completed("r", 6L), List.of(worst(1, .5)), null);
    assertThat(store.of("r")).extracting(Evidence::step).containsExactly(6L);
  }

  /** Else the room that a run had would be counted for ever, and others would give way to it. */
  @Test
  void whatIsForgottenTakesNoRoom() throws Exception {
    EvidenceStore store = store(1000, EvidenceSettings.FEWEST_BYTES);
    for (int i = 0; i < 20; i++) {
      EvidenceBooks.keep(store, completed("a", i + 1L, i), noise(i), null);
    }
    long before = store.bytes("a");
    assertThat(before).isGreaterThan(EvidenceSettings.FEWEST_BYTES * 2 / 3);
    store.forget("a");
    for (int i = 0; i < 20; i++) {
      EvidenceBooks.keep(store, completed("b", i + 1L, i), noise(i), null);
    }
    assertThat(store.bytes("b")).isEqualTo(before);
    store.goOn("b", List.of(completed("b", 20L, 19)), null);
    for (int i = 0; i < 19; i++) {
      EvidenceBooks.keep(store, completed("c", i + 1L, i), noise(i), null);
    }
    assertThat(store.bytes("b") + store.bytes("c")).isEqualTo(before);
  }

  @Test
  void somebodyElsesFilesAndWhatLinksLeadToStay() throws Exception {
    EvidenceStore store = store(10, 64 << 20);
    EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(1, .5)), null);
    Path outside = Files.createDirectories(temporary.resolve("outside"));
    Path precious = Files.writeString(outside.resolve("1.png"), "precious");
    Files.createSymbolicLink(path("r", "6.png"), precious);
    Files.writeString(path("r", "notes.txt"), "mine");
    Files.createSymbolicLink(folder.resolve("run-linked"), outside);
    store.forget("r");
    store.forget("linked");
    store.goOn("linked", List.of(), null);
    assertThat(files("r")).containsExactly("notes.txt");
    assertThat(precious).exists();
  }

  @Test
  void whatWasKeptBeforeItWasSwitchedOffCanBeForgotten() throws Exception {
    EvidenceBooks.keep(store(10, 64 << 20), completed("r", 5L), List.of(worst(1, .5)), null);
    EvidenceStore off = EvidenceStore.in(folder, EvidenceSettings.OFF);
    assertThat(off.of("r")).isEmpty();
    assertThat(off.sheet("r", "5")).isNull();
    assertThat(off.bytes("r")).isPositive();
    off.forget("r");
    assertThat(folder.resolve("run-r")).doesNotExist();
    EvidenceStore.NONE.forget("r");
    EvidenceStore.NONE.goOn("r", List.of(completed("r", 5L)), null);
    assertThat(EvidenceStore.NONE.bytes("r")).isZero();
  }

  private Path path(String run, String file) {
    return folder.resolve("run-" + run).resolve(file);
  }

  private long size(String run, String file) throws IOException {
    return Files.size(path(run, file));
  }

  @Test
  void offKeepsNothing() throws Exception {
    EvidenceStore store = EvidenceStore.in(folder, EvidenceSettings.OFF);
    EvidenceBooks.keep(store, completed("r", 5L), List.of(worst(1, .5)), null);
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
    EvidenceBooks.keep(store(10, 64 << 20), completed("r", 5L), List.of(worst(1, .5)), null);
    assertThat(new String(read("r", "5.json"), StandardCharsets.UTF_8))
        .contains("\"nearest_train\":3", "\"holdout_distance\":0.7", "\"group_size\":2")
        .doesNotContain("name");
  }
}
