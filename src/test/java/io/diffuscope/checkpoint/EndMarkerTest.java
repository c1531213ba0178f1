package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EndMarkerTest {
  private static final long NOON = 1_800_000_000L;

  @TempDir private Path folder = Path.of("");

  private Optional<Sighting> look(EndMarker marker) throws Exception {
    DirectorySettings settings =
        DirectorySettings.of(folder).withPattern("step-{step}.safetensors");
    return marker.look(new DirectoryListing(settings).list().candidates());
  }

  private EndMarker marker(String name) {
    return new EndMarker(folder, name, Duration.ofMinutes(1));
  }

  private void write(String name, long second) throws Exception {
    Path file = folder.resolve(name);
    Files.writeString(file, name);
    Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(second)));
  }

  @Test
  void isToldOnceWhenItIsThere() throws Exception {
    write("step-10.safetensors", NOON);
    EndMarker marker = marker("DONE");
    assertThat(look(marker)).isEmpty();
    write("DONE", NOON + 5);
    assertThat(look(marker)).contains(new Sighting.TrainingOver("the end marker DONE is there"));
    assertThat(look(marker)).isEmpty();
  }

  @Test
  void alsoWithAHiddenNameAndWithoutACheckpoint() throws Exception {
    write(".done", NOON);
    assertThat(look(marker(".done"))).isPresent();
  }

  /** The requeued job has begun to write: the marker is that of the attempt before. */
  @Test
  void oneThatACheckpointHasOutlivedDoesNotCountUntilItIsWrittenAgain() throws Exception {
    write("DONE", NOON);
    write("step-10.safetensors", NOON - 100);
    write("step-20.safetensors", NOON + 61);
    EndMarker marker = marker("DONE");
    assertThat(look(marker)).isEmpty();
    write("DONE", NOON + 70);
    assertThat(look(marker)).isPresent();
  }

  @Test
  void aLastCheckpointMayBeWrittenShortlyAfterIt() throws Exception {
    write("DONE", NOON);
    write("step-20.safetensors", NOON + 60);
    assertThat(look(marker("DONE"))).isPresent();
  }

  @Test
  void aDirectoryIsNone() throws Exception {
    Files.createDirectory(folder.resolve("DONE"));
    assertThat(look(marker("DONE"))).isEmpty();
  }
}
