package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.Picture;
import io.diffuscope.sampling.WorstSample;
import io.diffuscope.sampling.WorstSample.Trio;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Evidence for tests of other packages. */
public final class EvidenceBooks {
  private EvidenceBooks() {}

  /** Keeps two samples with pictures of a checkpoint. */
  public static void keep(EvidenceStore store, String run, long step) throws IOException {
    Picture gray = new Picture(1, 2, 2, new byte[] {0, 64, (byte) 128, (byte) 255});
    Trio trio = new Trio(gray, gray, gray);
    keep(
        store,
        new RunEvent.EvaluationCompleted(
            run,
            Instant.EPOCH.plusSeconds(step),
            Checkpoint.ofFile("id", "/run/step-%d.safetensors".formatted(step), step),
            "probe",
            List.of(),
            RunEvent.Standing.JUDGED,
            1,
            1,
            null,
            true),
        List.of(
            new WorstSample(7, 3, .2, 4, 1, 2, 5, .7, trio),
            new WorstSample(9, 3, .5, -1, Double.POSITIVE_INFINITY, 1, 5, .7, trio)),
        null);
  }

  /** Keeps the evidence of a result as a run does that is not disturbed. */
  static void keep(
      EvidenceStore store,
      RunEvent.EvaluationCompleted event,
      List<WorstSample> worst,
      @Nullable Long bestStep)
      throws IOException {
    store.draft(event.run(), event.probe(), event.checkpoint(), worst);
    store.keep(event, bestStep);
  }
}
