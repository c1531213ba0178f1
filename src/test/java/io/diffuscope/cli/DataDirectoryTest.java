package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void isHeldByOneAtATime() throws Exception {
    Path directory = folder.resolve("not/there/yet");
    try (DataDirectory held = DataDirectory.lock(directory)) {
      held.describe("process 4711, http://127.0.0.1:9464/, a longer text");
      held.describe("process 4711, http://127.0.0.1:9464/");
      assertThatThrownBy(() -> DataDirectory.lock(directory))
          .isInstanceOf(CannotServeException.class)
          .hasMessage(
              directory
                  + " belongs to a running monitor (process 4711, http://127.0.0.1:9464/):"
                  + " stop it, or choose another --data-dir");
    }
    DataDirectory.lock(directory).close();
  }

  @Test
  void oneThatCannotBeMadeIsRefusedByName() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    assertThatThrownBy(() -> DataDirectory.lock(file.resolve("state")))
        .isInstanceOf(CannotServeException.class)
        .hasMessageContaining(file.resolve("state").toString())
        .hasMessageContaining("choose another --data-dir");
  }
}
