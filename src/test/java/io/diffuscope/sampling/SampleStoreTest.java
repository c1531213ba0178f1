package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is kept is whole, found by step, and goes when it is too old. */
class SampleStoreTest {
  @TempDir private Path folder = Path.of("");

  private SampleAddress address(String run, long step, String identity) {
    return SampleAddress.of("series", run, step, identity);
  }

  private SampleAddress kept(SampleStore store, String run, long step, int minute)
      throws IOException {
    SampleAddress address = address(run, step, "content of %s %d".formatted(run, step));
    store.put(address, 0, 2, 3, new float[] {1, 2, 3, 4, 5, step});
    store.put(address, 1, 1, 3, new float[] {7, 8, 9});
    Files.setLastModifiedTime(place(address), FileTime.fromMillis(60_000L * minute));
    return address;
  }

  private Path place(SampleAddress address) {
    return folder.resolve("series").resolve(address.run()).resolve(address.folder());
  }

  @Test
  void isFoundByStepOnceAllBlocksAreThere() throws Exception {
    SampleStore store = new SampleStore(folder);
    SampleAddress address = kept(store, "a", 10, 1);
    assertThat(store.at("series", "a", 10, 2)).contains(address);
    assertThat(store.at("series", "a", 10, 3)).isEmpty();
    assertThat(store.at("series", "a", 11, 2)).isEmpty();
    assertThat(store.at("series", "b", 10, 2)).isEmpty();
    assertThat(store.at("other", "a", 10, 2)).isEmpty();
    assertThat(store.find(address, 0, 2, 3)).hasValueSatisfying(v -> assertThat(v).contains(10f));
    assertThat(store.find(address, 0, 3, 2)).isEmpty();
  }

  @Test
  void aStepThatIsWrittenAgainIsAnother() throws Exception {
    SampleStore store = new SampleStore(folder);
    SampleAddress first = kept(store, "a", 10, 1);
    SampleAddress again = address("a", 10, "another content");
    assertThat(again).isNotEqualTo(first);
    store.put(again, 0, 1, 1, new float[] {1});
    assertThat(store.at("series", "a", 10, 1)).contains(again);
    assertThat(store.at("series", "a", 10, 2)).contains(first);
  }

  /** A number that is another one than was written would be a wrong result. */
  @Test
  void whatIsDamagedIsNotUsed() throws Exception {
    SampleStore store = new SampleStore(folder);
    SampleAddress address = kept(store, "a", 10, 1);
    Path file = place(address).resolve("block-00000.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 2] ^= 1;
    Files.write(file, bytes);
    assertThat(store.find(address, 0, 2, 3)).isEmpty();
    assertThat(store.find(address, 1, 1, 3)).isPresent();
    Files.writeString(file, "cut");
    assertThat(store.find(address, 0, 2, 3)).isEmpty();
  }

  @Test
  void theOldestGoAndOnlyOfOneRun() throws Exception {
    SampleStore store = new SampleStore(folder);
    kept(store, "b", 1, 0);
    for (int i = 1; i <= 6; i++) {
      kept(store, "a", 100L * i, i);
    }
    Files.writeString(folder.resolve("series").resolve("a").resolve("notes.txt"), "mine");
    store.trim("a", 4, Long.MAX_VALUE);
    assertThat(steps("a")).containsExactly("300", "400", "500", "600");
    assertThat(steps("b")).containsExactly("1");
    // The newest two stay whatever they take.
    store.trim("a", 4, 0);
    assertThat(steps("a")).containsExactly("500", "600");
    assertThat(folder.resolve("series").resolve("a").resolve("notes.txt")).exists();
  }

  private Stream<String> steps(String run) throws IOException {
    try (Stream<Path> all = Files.list(folder.resolve("series").resolve(run))) {
      return all
          .map(path -> String.valueOf(path.getFileName()))
          .filter(name -> name.contains("-"))
          .map(name -> name.substring(0, name.indexOf('-')))
          .sorted()
          .toList()
          .stream();
    }
  }

  @Test
  void aRunIsForgottenInEverySeriesAndNoOtherIs() throws Exception {
    SampleStore store = new SampleStore(folder);
    SampleAddress gone = kept(store, "a", 10, 1);
    SampleAddress negative = kept(store, "a", -3, 1);
    SampleAddress elsewhere = SampleAddress.of("another series", "a", 20, "content");
    store.put(elsewhere, 0, 1, 1, new float[] {1});
    SampleAddress other = kept(store, "a.b", 10, 1);
    // Half a block, of a program that was killed.
    Files.writeString(place(gone).resolve(".block-00002.safetensors.x.tmp"), "half");
    long expected = sizeOf(place(gone)) + sizeOf(place(negative));
    assertThat(expected).isPositive();
    assertThat(store.bytes("a"))
        .isEqualTo(
            expected
                + sizeOf(
                    folder.resolve("another series").resolve("a").resolve(elsewhere.folder())));
    assertThat(store.bytes("b")).isZero();

    store.forget("a");
    assertThat(store.bytes("a")).isZero();
    assertThat(folder.resolve("series").resolve("a")).doesNotExist();
    assertThat(folder.resolve("another series")).isEmptyDirectory();
    assertThat(store.isComplete(other, 2)).isTrue();
    store.forget("a");
    SampleAddress again = kept(store, "a", 10, 1);
    assertThat(store.at("series", "a", 10, 2)).contains(again);
    new SampleStore(folder.resolve("none")).forget("a");
  }

  private static long sizeOf(Path place) throws IOException {
    long bytes = 0;
    try (Stream<Path> all = Files.list(place)) {
      for (Path file : all.toList()) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }

  /** "." and ".." are valid ids of runs, and mean other folders to a file system. */
  @ParameterizedTest
  @ValueSource(strings = {".", "..", "...", "-"})
  void aRunCalledAfterAFolderAboveHasAPlaceOfItsOwn(String run) throws Exception {
    SampleStore store = new SampleStore(folder.resolve("store"));
    SampleAddress address = address(run, 10, "content");
    SampleAddress other = address("a", 10, "content");
    store.put(other, 0, 1, 1, new float[] {1});
    store.put(address, 0, 1, 1, new float[] {2});
    assertThat(store.at("series", run, 10, 1)).contains(address);
    assertThat(store.find(address, 0, 1, 1)).hasValueSatisfying(v -> assertThat(v).contains(2f));
    assertThat(store.find(other, 0, 1, 1)).hasValueSatisfying(v -> assertThat(v).contains(1f));
    try (Stream<Path> all = Files.list(folder.resolve("store"))) {
      assertThat(all).hasSize(1);
    }
    assertThat(store.bytes(run)).isEqualTo(store.bytes("a")).isPositive();
    store.forget(run);
    assertThat(store.bytes(run)).isZero();
    assertThat(store.isComplete(other, 1)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../series/a", "a/10-x", "/", "a\u0000", "%2e%2e"})
  void whatIsNoIdIsNotForgotten(String run) throws Exception {
    SampleStore store = new SampleStore(folder);
    SampleAddress address = kept(store, "a", 10, 1);
    SampleAddress dots = address("..", 10, "content");
    store.put(dots, 0, 1, 1, new float[] {2});
    assertThat(store.bytes(run)).isZero();
    store.forget(run);
    assertThat(store.at("series", run, 10, 1)).isEmpty();
    assertThat(store.isComplete(address, 2)).isTrue();
    assertThat(store.isComplete(dots, 1)).isTrue();
  }

  @Test
  void somebodyElsesFilesAndWhatLinksLeadToStay() throws Exception {
    Path own = folder.resolve("store");
    SampleStore store = new SampleStore(own);
    store.put(address("a", 10, "content"), 0, 1, 1, new float[] {1});
    Path run = own.resolve("series").resolve("a");
    Path notes = Files.writeString(run.resolve("notes.txt"), "mine");
    Path outside = Files.createDirectories(folder.resolve("outside"));
    Path precious = Files.writeString(outside.resolve("weights.pt"), "precious");
    Files.createSymbolicLink(run.resolve("20-linked"), outside);
    Files.createDirectories(own.resolve("other series"));
    Path linkedRun = Files.createDirectories(outside.resolve("30-content"));
    Path inside = Files.writeString(linkedRun.resolve("file"), "precious");
    Files.createSymbolicLink(own.resolve("other series").resolve("a"), outside);
    Files.createSymbolicLink(own.resolve("third series"), folder);

    // Older than what the store has, so that trimming would take it first.
    Files.setLastModifiedTime(linkedRun, FileTime.fromMillis(1));
    store.put(address("a", 20, "content"), 0, 1, 1, new float[] {1});
    store.trim("a", 2, 0);
    assertThat(inside).exists();
    store.forget("a");
    assertThat(store.bytes("a")).isZero();
    assertThat(notes).exists();
    assertThat(precious).exists();
    assertThat(inside).exists();
  }

  @Test
  void whatCannotBeRemovedIsNamedAndTheRestGoes() throws Exception {
    SampleStore store = new SampleStore(folder);
    SampleAddress stuck = kept(store, "a", 10, 1);
    SampleAddress free = kept(store, "a", 20, 2);
    Files.createDirectories(place(stuck).resolve("folder").resolve("in it"));
    assertThatThrownBy(() -> store.forget("a"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(place(stuck).toString());
    assertThat(place(free)).doesNotExist();
  }

  @Test
  void nothingIsKeptWhereNothingCanBeWritten() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "no folder");
    SampleStore store = new SampleStore(file);
    SampleAddress address = address("a", 10, "content");
    store.put(address, 0, 1, 1, new float[] {1});
    assertThat(store.find(address, 0, 1, 1)).isEmpty();
    assertThat(store.at("series", "a", 10, 1)).isEmpty();
    store.trim("a", 2, 0);
  }
}
