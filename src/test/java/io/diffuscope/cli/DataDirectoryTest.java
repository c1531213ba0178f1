package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointFiles;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.SeriesId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
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

  /** Linux' device that is always full takes the place of a full disk. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aFullDiskIsAWarningAndTheLockHolds() throws Exception {
    Files.createSymbolicLink(folder.resolve("monitor.lock"), Path.of("/dev/full"));
    try (DataDirectory held = DataDirectory.lock(folder)) {
      assertThat(held.describe("process 4711"))
          .contains(folder.resolve("monitor.lock").toString(), "No space left on device")
          .contains("the evaluation goes on");
    }
  }

  @Test
  void aFileSystemOfTheNetworkIsAWarning() throws Exception {
    try (DataDirectory held = DataDirectory.lock(folder)) {
      assertThat(held.sharing()).isNull();
    }
    assertThat(DataDirectory.sharing(folder, "nfs4"))
        .contains(folder.toString(), "(nfs4)", "a --data-dir on a disk of this machine is safer");
  }

  @Test
  void oneThatCannotBeMadeIsRefusedByName() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    assertThatThrownBy(() -> DataDirectory.lock(file.resolve("state")))
        .isInstanceOf(CannotServeException.class)
        .hasMessageContaining(file.resolve("state").toString())
        .hasMessageContaining("choose another --data-dir");
  }

  /** A monitor that was killed leaves a hold; the evaluation that it was for begins again. */
  @Test
  void aHoldStaysAsLongAsItsEvaluationIsOpen() throws Exception {
    HoldSettings settings = new HoldSettings(HoldSettings.Mode.COPY, 1 << 20);
    Path file = Files.writeString(folder.resolve("step-7.safetensors"), "weights");
    Checkpoint checkpoint = CheckpointFiles.describe(file);
    Path holds = folder.resolve("holds");
    SeriesId series = new SeriesId("run", "probe", "source");
    Instant at = Instant.parse("2026-11-23T10:11:12Z");
    try (RunStore store = DataDirectory.journal(folder)) {
      store.append(series, List.of(new RunEvent.EvaluationStarted("run", at, checkpoint, true)));

      Holds taken = DataDirectory.holds(folder, settings, store);
      assertThat(taken.request(checkpoint).take().inPlace()).isNull();
      assertThat(holds).isNotEmptyDirectory();
      DataDirectory.holds(folder, settings, store);
      assertThat(holds).isNotEmptyDirectory();

      store.append(
          series, List.of(new RunEvent.EvaluationFailed("run", at, checkpoint, "engine", "why")));
      DataDirectory.holds(folder, settings, store);
      assertThat(holds).isEmptyDirectory();
    }
  }
}
