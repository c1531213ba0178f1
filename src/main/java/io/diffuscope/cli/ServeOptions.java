package io.diffuscope.cli;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of every command that serves. */
final class ServeOptions {
  @Option(
      names = "--port",
      paramLabel = "P",
      description = "Port of /metrics and the page (default 9464; 0: any free one, printed).")
  private @Nullable Integer port;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "Address to listen on (default 127.0.0.1: this machine only).")
  private @Nullable String host;

  @Option(
      names = "--evidence",
      paramLabel = "off|distances|pictures",
      description =
          "What is kept and shown of the worst samples of each checkpoint: their nearest training"
              + " points and distances, or also pictures of them (default: pictures on this machine"
              + " only, distances where --host lets others look).")
  private @Nullable String evidence;

  void addTo(Map<String, Object> overrides) {
    MeasureOptions.put(overrides, "web.port", port);
    MeasureOptions.put(overrides, "web.host", host);
    MeasureOptions.put(overrides, "evidence.mode", evidence);
  }
}
