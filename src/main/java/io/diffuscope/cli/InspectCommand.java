package io.diffuscope.cli;

import io.diffuscope.checkpoint.Inspection;
import io.diffuscope.checkpoint.Layouts;
import io.diffuscope.checkpoint.s3.S3FileSystemProvider;
import io.diffuscope.config.Configuration;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.data.ImageInspection;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.Locations;
import io.diffuscope.tensorfile.NpzFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessMode;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code diffuscope inspect PATH}: says what a file or directory is, and why it is not taken. */
@Command(
    name = "inspect",
    description =
        "Say what a path is: the layout of a checkpoint directory, the steps in it, which are"
            + " complete and why others are not, which weights would be read, and whether they fit"
            + " a template; or what a data set holds and how it would be read. Of weights it reads"
            + " headers only; images and arrays it reads whole. Changes nothing.",
    footer = {
      "",
      "Examples:",
      "  diffuscope inspect runs/7",
      "  diffuscope inspect runs/7/checkpoint-4000 --template net.pt",
      "  diffuscope inspect model.pt --tensors",
      "  diffuscope inspect net.pt          (an exported network)",
      "  diffuscope inspect train.npy       (a data set)",
      "  diffuscope inspect images.zip      (or a folder of images)",
      "",
      "The exit code is 3 where there is no checkpoint that could be measured, and for images that",
      "are no data set as they are."
    })
final class InspectCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "PATH",
      description =
          "A checkpoint, a directory of checkpoints (also s3://BUCKET/PREFIX), an exported network"
              + " or a data set.")
  private Path path = Path.of("");

  @Option(
      names = "--template",
      paramLabel = "NET.pt",
      description = "Also tell which of its parameters the weights fit.")
  private @Nullable Path template;

  @Option(
      names = "--weights",
      paramLabel = "auto|ema|raw|NAME",
      defaultValue = "auto",
      description =
          "Which copy of the weights: averaged (EMA) ones where there are any (default), or else.")
  private String weights = "auto";

  @Option(names = "--tensors", description = "List every tensor with its type and shape.")
  private boolean listTensors;

  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration file (HOCON), for diffuscope.s3 where PATH is in a bucket.")
  private @Nullable Path config;

  @Override
  public Integer call() throws Exception {
    PrintWriter out = spec.commandLine().getOut();
    S3FileSystemProvider.configure(
        new SettingsReader(Configuration.load(config, Map.of())).objectStore());
    requireExisting();
    boolean isHere = !Locations.isElsewhere(path.toString());
    if (isHere && TorchScriptNetwork.isExported(path)) {
      TemplateReport.print(path, out);
      return ExitCode.OK;
    }
    if (isDataSet()) {
      printArray(out);
      return ExitCode.OK;
    }
    if (isHere && Files.isRegularFile(path.resolve("index.json"))) {
      printDataFolder(out);
      return ExitCode.OK;
    }
    boolean archive = path.toString().toLowerCase(Locale.ROOT).endsWith(".zip");
    Inspection seen = Layouts.inspect(path, weights);
    if (isHere && (archive || seen.layout() == null)) {
      Optional<ImageInspection> images = images();
      if (images.isPresent()) {
        return DataSetReport.print(path, images.get(), out) ? ExitCode.OK : ExitCode.BAD_INPUT;
      }
    }
    InspectionReport.print(path, seen, out);
    Inspection.Found newest = InspectionReport.newestComplete(seen);
    if (newest == null || newest.weights() == null) {
      return ExitCode.BAD_INPUT;
    }
    out.println();
    if (isHere && path.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors")) {
      tellWhereItIsData(out);
    }
    return WeightsReport.print(newest.weights(), template, listTensors, out)
        ? ExitCode.OK
        : ExitCode.BAD_INPUT;
  }

  private Optional<ImageInspection> images() throws BadInputException {
    try (StatusLine status = StatusLine.onStandardError()) {
      return ImageInspection.of(
          path,
          (what, done, total) -> {
            if (done < total) {
              status.progress("reading " + what, done, total);
            }
          });
    }
  }

  /** Weights have many tensors, and data one, or one and labels. */
  private void tellWhereItIsData(PrintWriter out) {
    try (DataSet set = DataSets.open(path.toString(), "data set", null)) {
      DataSetReport.print(set, out);
    } catch (BadInputException noData) {
      // Then it is weights, as it was told.
    }
  }

  private void requireExisting() throws BadInputException {
    if (Locations.isElsewhere(path.toString())) {
      requireReachable();
      return;
    }
    if (Files.notExists(path, LinkOption.NOFOLLOW_LINKS)) {
      throw new BadInputException(path, Reason.VANISHED, "no such file or directory");
    }
    if (Files.isSymbolicLink(path) && !Files.exists(path)) {
      throw new BadInputException(path, Reason.VANISHED, "a link to something that is not there");
    }
    requireReachable();
  }

  private void requireReachable() throws BadInputException {
    try {
      path.getFileSystem().provider().checkAccess(path, AccessMode.READ);
    } catch (IOException e) {
      throw BadInputException.of(path, e);
    }
  }

  private boolean isDataSet() {
    String name = path.toString().toLowerCase(Locale.ROOT);
    return Files.isRegularFile(path) && (name.endsWith(".npy") || name.endsWith(".npz"));
  }

  /** What {@code export_data} writes; no trainer gives a directory of checkpoints this index. */
  private void printDataFolder(PrintWriter out) throws BadInputException {
    try (DataSet set = DataSets.open(path.toString(), "data set", null)) {
      out.printf("%s:%n", path);
      DataSetReport.print(set, out);
    }
  }

  private void printArray(PrintWriter out) throws BadInputException {
    if (path.toString().toLowerCase(Locale.ROOT).endsWith(".npz")) {
      try (NpzFile arrays = NpzFile.open(path)) {
        for (String name : arrays.names()) {
          try (ArrayFile array = arrays.array(name)) {
            print(array, out);
          }
        }
      }
      DataSetReport.printReading(path.toString(), out);
      return;
    }
    try (ArrayFile array = ArrayFile.open(path.toString())) {
      print(array, out);
    }
    DataSetReport.printReading(path.toString(), out);
  }

  private static void print(ArrayFile array, PrintWriter out) {
    out.printf(
        "%s: an array %s of type %s%n",
        array.source(), array.shape(), array.type().toString().toLowerCase(Locale.ROOT));
  }
}
