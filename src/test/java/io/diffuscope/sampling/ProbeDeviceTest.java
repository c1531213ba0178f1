package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProbeDeviceTest {
  @TempDir Path folder;

  @BeforeAll
  static void oneThread() {
    Devices.configure(1);
  }

  @Test
  void measuresACheckpointFromEndToEnd() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    try (Probe probe = Probe.open(files.smallSpec());
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      SetGeometry geometry = run(device.geometry());
      device.useGeometry(geometry);
      for (Reference reference : probe.references()) {
        for (int block = 0; block < probe.sampleBlocks(); block++) {
          assertThat(run(device.referenceBlock(reference, block)))
              .isEqualTo(probe.rowsOfBlock(block));
        }
      }
      device.useCheckpoint("a", files.checkpoint("a.safetensors", 3));
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        SampleObservation o = run(device.sampleBlock(block));
        assertThat(o.count()).isEqualTo(probe.rowsOfBlock(block));
      }
      DenoisingObservation loss = run(device.denoisingBlock(1.0, 0));
      assertThat(loss.losses()).hasSize(16);
      assertThat(Arrays.stream(loss.losses())).allMatch(value -> value > 0);
    }
  }

  private static <T> T run(Task<T> task) throws Exception {
    try (task) {
      while (task.advance()) {}
      return task.result();
    }
  }
}
