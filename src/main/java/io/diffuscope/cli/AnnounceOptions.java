package io.diffuscope.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options for checkpoints that the training job announces. */
final class AnnounceOptions {
  @Option(
      names = "--announce-root",
      paramLabel = "DIR",
      description =
          "Folder below which the job may announce checkpoints by POST"
              + " /api/v1/runs/RUN/checkpoints, beside the watched DIR; repeatable; a relative one"
              + " starts at the working directory. Without DIR only announcements are taken (then"
              + " give --run).")
  private @Nullable List<String> roots;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description =
          "File with the token that announcements must show (default: the environment variable"
              + " DIFFUSCOPE_TOKEN).")
  private @Nullable Path tokenFile;

  void addTo(Map<String, Object> overrides) {
    MeasureOptions.put(overrides, "announce.roots", roots);
    MeasureOptions.put(
        overrides, "web.token-file", tokenFile == null ? null : tokenFile.toString());
  }
}
