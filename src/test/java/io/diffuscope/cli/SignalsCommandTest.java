package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.signal.SignalCatalogue;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The list of signals, with and without a configuration. */
class SignalsCommandTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void listsEverySignalForPeople() {
    Outcome result = Outcome.ofMain("signals");

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    for (SignalCatalogue entry : SignalCatalogue.values()) {
      assertThat(result.output().lines()).anyMatch(l -> l.startsWith(entry.signal() + " "));
      assertThat(result.output().replaceAll("\\s+", " "))
          .contains(entry.definition(), entry.costFormula(), entry.source());
    }
    assertThat(result.output().lines()).allMatch(line -> line.length() <= 110);
  }

  @Test
  void saysOfAConfigurationWhatIsOnAndWhyTheRestIsOff() throws Exception {
    ProbeSpec spec = new ProbeFiles(folder).smallSpec();
    Path file =
        Files.writeString(
            folder.resolve("own.conf"),
            "diffuscope.signals { rp = off, denoising_gap = every 3, nearest_ratio = off }");
    JsonNode all =
        json(
            "--config",
            file.toString(),
            "--template",
            spec.template(),
            "--train",
            spec.train(),
            "--signals",
            "nearest_ratio=every 2",
            "--signals",
            "authenticity=on");

    assertThat(of(all, "pfd").get("measured").asBoolean()).isTrue();
    assertThat(of(all, "pfd").get("why").asText()).isEqualTo("to train");
    assertThat(of(all, "nearest_ratio").get("switch").asText())
        .as("an option goes over the file")
        .isEqualTo("every 2");
    assertThat(of(all, "nearest_ratio").get("why").asText()).contains("without its control");
    assertThat(of(all, "train_affinity").get("measured").asBoolean()).isFalse();
    assertThat(of(all, "train_affinity").get("why").asText()).contains("no hold-out set");
    assertThat(of(all, "denoising_gap").get("switch").asText()).isEqualTo("every 3");
    assertThat(of(all, "denoising_gap").get("measured").asBoolean()).isFalse();
    assertThat(of(all, "spikiness").get("why").asText()).contains("no representation");
    assertThat(of(all, "rp").get("why").asText()).isEqualTo("switched off");
    assertThat(of(all, "gl").get("why").asText()).contains("--descriptor");
    assertThat(of(all, "authenticity").get("why").asText()).contains("--descriptor");
    assertThat(of(all, "raw_spikiness").get("why").asText()).contains("--signals raw_spikiness=on");
  }

  @Test
  void whatCannotBeSwitchedIsRefusedWithTheNames() {
    Outcome unknown = Outcome.ofMain("signals", "--signals", "spikyness=on");
    assertThat(unknown.exit()).isEqualTo(ExitCode.USAGE);
    assertThat(unknown.errors()).contains("spikyness", "pfd, nearest_ratio");
    Outcome word = Outcome.ofMain("signals", "--signals", "rp=sometimes");
    assertThat(word.exit()).isEqualTo(ExitCode.USAGE);
    assertThat(word.errors()).contains("sometimes", "every K");
  }

  @Test
  void aFileIsHeldToTheSameWords() throws Exception {
    Path unknown = Files.writeString(folder.resolve("a.conf"), "diffuscope.signals.spikyness = on");
    assertThat(Outcome.ofMain("signals", "--config", unknown.toString()).errors())
        .contains("there is no signal \"spikyness\"");
    Path nested = Files.writeString(folder.resolve("b.conf"), "diffuscope.signals.rp.every = 5");
    assertThat(Outcome.ofMain("signals", "--config", nested.toString()).errors())
        .contains("every K");
  }

  private static JsonNode json(String... arguments) throws Exception {
    String[] all = new String[arguments.length + 3];
    all[0] = "signals";
    all[1] = "--format";
    all[2] = "json";
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    Outcome result = Outcome.ofMain(all);
    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    return new ObjectMapper().readTree(result.output());
  }

  private static JsonNode of(JsonNode all, String signal) {
    for (JsonNode entry : all) {
      if (entry.get("signal").asText().equals(signal)) {
        return entry;
      }
    }
    throw new AssertionError(signal);
  }
}
