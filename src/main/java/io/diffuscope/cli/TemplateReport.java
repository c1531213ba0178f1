package io.diffuscope.cli;

import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.NoiseSchedule;
import io.diffuscope.model.Preconditioning;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipFile;

/** What an exported network is, and how weights fit it, for people. */
final class TemplateReport {
  private static final String SETTINGS = "/extra/diffuscope.json";

  private TemplateReport() {}

  /** Whether a file is a network that was exported for Diffuscope. */
  static boolean isTemplate(Path file) {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (ZipFile zip = new ZipFile(file.toFile())) {
      return zip.stream().anyMatch(entry -> entry.getName().endsWith(SETTINGS));
    } catch (IOException e) {
      // No archive, or not to be read: whoever reads it as something else says why.
      return false;
    }
  }

  static void print(Path file, PrintWriter out) throws BadInputException {
    NetworkSettings settings =
        TorchScriptNetwork.readSettings(file, NetworkSettings.Overrides.NONE);
    out.printf("%s: an exported network%n", file);
    out.printf("  preconditioning  %s%n", settings.preconditioning().label());
    out.printf("  shape            %s%n", settings.shape());
    Integer classes = settings.classes();
    out.printf(
        "  classes          %s%n",
        classes == null
            ? "none: unconditional"
            : "%d, null label %s, guidance %s"
                .formatted(
                    classes,
                    settings.nullLabel() == null ? "none" : settings.nullLabel().toString(),
                    settings.guidance()));
    if (settings.preconditioning() == Preconditioning.EDM) {
      out.printf("  sigma_data       %s%n", settings.sigmaData());
    }
    NoiseSchedule schedule = settings.schedule();
    if (schedule != null) {
      out.printf("  timesteps        %s%n", schedule.sigmas().size());
    }
    out.printf("  trained on sigma %s%n", settings.sigmaRange());
  }
}
