package io.diffuscope.checkpoint;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.DirectorySettings.LayoutSettings;
import io.diffuscope.checkpoint.DirectorySettings.Markers;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of a directory with entries of which none is a checkpoint. */
class UnmatchingTest {
  @TempDir private Path directory = Path.of("");

  @Test
  void aPatternThatMissesCheckpointsIsTold() throws Exception {
    for (int step = 1; step <= 11; step++) {
      Files.createFile(directory.resolve("step-%d.safetensors".formatted(step)));
    }
    Sighting.Unmatched told = requireNonNull(list("auto", "*.foo"));
    assertThat(told.looksLikeCheckpoints()).isTrue();
    assertThat(told.message())
        .startsWith(directory + ": none of the 11 entries there is a checkpoint")
        .contains("*.foo", "step-1.safetensors", "and 6 more", "check --pattern");
    assertThat(list("auto", "*.safetensors")).isNull();
    assertThat(list("edm", null))
        .extracting(Sighting.Unmatched::message)
        .asString()
        .contains("the layout edm", "check --layout");
  }

  @Test
  void weightsOfUnknownNamesAreSuspectAndNotesAreNot() throws Exception {
    assertThat(list("auto", null)).as("empty").isNull();
    Files.createFile(directory.resolve("config.yaml"));
    assertThat(list("auto", null))
        .extracting(Sighting.Unmatched::looksLikeCheckpoints)
        .isEqualTo(false);
    Files.createFile(directory.resolve("mine.PTH"));
    Sighting.Unmatched told = requireNonNull(list("auto", null));
    assertThat(told.looksLikeCheckpoints()).isTrue();
    assertThat(told.message()).contains("a layout that is known", "mine.PTH", "--pattern 'ckpt_");
  }

  private Sighting.@Nullable Unmatched list(String layout, @Nullable String pattern)
      throws Exception {
    return new DirectoryListing(
            DirectorySettings.of(directory)
                .withLayout(new LayoutSettings(layout, pattern, "auto", Markers.REQUIRED)))
        .list()
        .unmatched();
  }
}
