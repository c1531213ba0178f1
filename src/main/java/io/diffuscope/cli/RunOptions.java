package io.diffuscope.cli;

import java.util.Map;
import picocli.CommandLine.ArgGroup;

/** What {@code watch} and {@code plan} take beside what is measured, under headings of its own. */
final class RunOptions {
  @ArgGroup(validate = false, order = 1, heading = "%nWhich checkpoints:%n")
  private LayoutOptions layout = new LayoutOptions();

  @ArgGroup(validate = false, order = 2, heading = "%nWhich runs:%n")
  private SourceOptions source = new SourceOptions();

  @ArgGroup(validate = false, order = 3, heading = "%nPace, when training is faster:%n")
  private PaceOptions pace = new PaceOptions();

  @ArgGroup(validate = false, order = 4, heading = "%nThe end:%n")
  private EndOptions end = new EndOptions();

  @ArgGroup(validate = false, order = 5, heading = "%nPage and metrics:%n")
  private ServeOptions serve = new ServeOptions();

  @ArgGroup(validate = false, order = 6, heading = "%nAnnouncements:%n")
  private AnnounceOptions announce = new AnnounceOptions();

  /** Puts what was given over the configuration. */
  void addTo(Map<String, Object> overrides) {
    layout.addTo(overrides);
    source.addTo(overrides);
    pace.addTo(overrides);
    end.addTo(overrides);
    serve.addTo(overrides);
    announce.addTo(overrides);
  }
}
