package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CheckpointFilesTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "network-snapshot-002500.safetensors, 2500",
    "ema_0.999_001200.pt, 1200",
    "demo-step00000042.safetensors, 42",
    "0000000.safetensors, 0",
    "unet-v2-77.safetensors, 77",
    "step-5-ema.safetensors, 5",
    "model-latest.safetensors,",
    "weights.pt2,",
    "step-99999999999999999999.safetensors,",
    "7, 7",
  })
  void theStepIsTheLastDigitsOfTheName(String name, @Nullable Long step) {
    assertThat(CheckpointFiles.stepOf(name)).isEqualTo(step);
  }

  @Test
  void identityChangesWithTimeAndInodeAlone() throws IOException {
    Path file = Files.writeString(directory.resolve("step-3.safetensors"), "abc");
    Checkpoint first = CheckpointFiles.describe(file);
    assertThat(CheckpointFiles.describe(file)).isEqualTo(first);
    FileTime time = Files.getLastModifiedTime(file);

    Files.setLastModifiedTime(file, FileTime.from(Instant.parse("2026-01-01T00:00:00Z")));
    assertThat(CheckpointFiles.describe(file).identity()).isNotEqualTo(first.identity());

    Path other = Files.writeString(directory.resolve("other"), "abd");
    Files.setLastModifiedTime(other, time);
    Files.move(other, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    assertThat(CheckpointFiles.describe(file).identity()).isNotEqualTo(first.identity());
    assertThat(CheckpointFiles.describe(file).step()).isEqualTo(3);
  }

  @Test
  void aMissingFileCannotBeDescribed() {
    assertThatThrownBy(() -> CheckpointFiles.describe(directory.resolve("none")))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void timesThatMakeNoSenseAreRefused() {
    DirectorySettings settings = DirectorySettings.of(directory);
    assertThatThrownBy(() -> settings.withPollInterval(Duration.ZERO))
        .hasMessageContaining("poll interval");
    assertThatThrownBy(() -> settings.withQuietPeriod(Duration.ofMillis(-1)))
        .hasMessageContaining("quiet period");
    assertThatThrownBy(() -> settings.withSettleTimeout(Duration.ofSeconds(1)))
        .hasMessageContaining("shorter than the quiet period");
    assertThat(settings.withQuietPeriod(Duration.ZERO).quietPeriod()).isZero();
  }

  @Test
  void theDirectoryIsMadeAbsolute() {
    assertThat(DirectorySettings.of(Path.of("a", "..", "b")).directory())
        .isEqualTo(Path.of("b").toAbsolutePath());
  }
}
