package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
