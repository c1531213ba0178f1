package io.diffuscope.cli;

import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.NoiseSchedule;
import io.diffuscope.model.Preconditioning;
import io.diffuscope.model.SigmaRange;
import io.diffuscope.model.TemplateMatch;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an exported network is, and how weights fit it, for people. */
final class TemplateReport {
  private static final int MOST_NAMES = 8;

  private TemplateReport() {}

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
    SigmaRange range = settings.sigmaRange();
    out.printf("  noise levels     %s%n", range.equals(SigmaRange.ALL) ? "any" : range);
  }

  /**
   * Prints how weights fit a template.
   *
   * @return whether they do
   */
  static boolean printMatch(
      Path template, TensorSource weights, @Nullable String part, PrintWriter out)
      throws BadInputException {
    try (TensorSource graph = WeightFiles.open(template)) {
      TemplateMatch match = TemplateMatch.of(graph, weights, part);
      int fitting = match.tensors().size() - match.wrongShapes().size();
      int all = match.tensors().size() + match.missing().size();
      out.printf(
          "%s: %d of %d parameters match%s%n",
          template, fitting, all, match.isComplete() ? "" : ", so these weights cannot be used");
      out.printf("  %s%n", match.choice());
      list("missing", match.missing(), out);
      list("of another shape", match.wrongShapes(), out);
      list("buffers that the template cannot take", match.lostBuffers(), out);
      list("ignored", match.extra(), out);
      return match.isComplete();
    }
  }

  private static void list(String what, List<String> names, PrintWriter out) {
    if (!names.isEmpty()) {
      int more = names.size() - MOST_NAMES;
      out.printf(
          "  %s: %s%s%n",
          what,
          String.join(", ", names.stream().limit(MOST_NAMES).toList()),
          more > 0 ? " and %d more".formatted(more) : "");
    }
  }
}
