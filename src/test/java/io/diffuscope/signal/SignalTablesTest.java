package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The tables of the documents are the catalogue's. */
class SignalTablesTest {
  private static final String BEGIN = "<!-- signals:begin -->";
  private static final String END = "<!-- signals:end -->";

  @Test
  void theReadmeShowsTheCatalogueAsItIs() throws IOException {
    assertThat(table(Path.of("README.md")))
        .as("the table of signals in README.md is out of date; replace it by this one")
        .isEqualTo(SignalCatalogue.markdown().strip());
  }

  @Test
  void thePageOfSignalsShowsTheirCosts() throws IOException {
    assertThat(table(Path.of("src", "docs", "signals.md")))
        .as("the table of costs in src/docs/signals.md is out of date; replace it by this one")
        .isEqualTo(SignalCatalogue.costMarkdown().strip());
  }

  private static String table(Path file) throws IOException {
    String text = Files.readString(file);
    int begin = text.indexOf(BEGIN);
    int end = text.indexOf(END);
    assertThat(begin >= 0 && end > begin).as("%s between %s and %s", file, BEGIN, END).isTrue();
    return text.substring(begin + BEGIN.length(), end).strip();
  }
}
