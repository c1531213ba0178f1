package io.diffuscope.cli;

import io.diffuscope.demo.DemoData;
import io.diffuscope.run.EvaluationException;
import io.diffuscope.run.JournalDamagedException;
import io.diffuscope.run.RunStoreException;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.Locations;
import java.io.PrintWriter;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line. */
@Command(
    name = "diffuscope",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Version.class,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Watches a diffusion-model training job and tells, live and with error bars, whether the"
          + " model is generalizing or memorizing its training set."
    },
    exitCodeListHeading = "%nExit codes:%n",
    subcommands = {
      DemoCommand.class,
      WatchCommand.class,
      EvaluateCommand.class,
      InspectCommand.class,
      PlanCommand.class,
      SignalsCommand.class,
      RunsCommand.class,
      HistoryCommand.class,
      ExportCommand.class,
      ForgetCommand.class,
      BackupCommand.class,
      RestoreCommand.class
    })
public final class Main implements Runnable {
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

  private Main() {}

  public static void main(String[] arguments) {
    System.exit(execute(arguments));
  }

  /** Runs one command and returns its exit code. */
  static int execute(String... arguments) {
    CommandLine all = new CommandLine(new Main());
    tellExitCodes(all);
    return all.registerConverter(EstimateRows.Format.class, word(EstimateRows.Format.class))
        .registerConverter(SignalsCommand.Format.class, word(SignalsCommand.Format.class))
        .registerConverter(RunsCommand.Format.class, word(RunsCommand.Format.class))
        .registerConverter(HistoryCommand.Format.class, word(HistoryCommand.Format.class))
        .registerConverter(PlanReport.Format.class, word(PlanReport.Format.class))
        .registerConverter(Path.class, Main::path)
        .registerConverter(DemoData.Source.class, word(DemoData.Source.class))
        .setParameterExceptionHandler(Main::explain)
        .setExecutionExceptionHandler(Main::explain)
        .execute(arguments);
  }

  private static void tellExitCodes(CommandLine command) {
    Map<String, String> codes = new LinkedHashMap<>();
    ExitCode.meanings().forEach((code, meaning) -> codes.put(code.toString(), meaning));
    command.getCommandSpec().usageMessage().exitCodeList(codes);
    command.getSubcommands().values().forEach(Main::tellExitCodes);
  }

  private static Path path(String given) {
    try {
      return Locations.pathOf(given);
    } catch (InvalidPathException | FileSystemNotFoundException e) {
      throw new TypeConversionException(
          "'%s' is no path: %s".formatted(given, String.valueOf(e.getMessage())));
    }
  }

  /**
   * Options with a few possible words: told in lower case, as the help and the manual have them.
   */
  private static <E extends Enum<E>> ITypeConverter<E> word(Class<E> type) {
    return given -> {
      for (E constant : type.getEnumConstants()) {
        if (constant.name().equalsIgnoreCase(given)) {
          return constant;
        }
      }
      throw new TypeConversionException(
          "expected %s but was '%s'"
              .formatted(
                  Arrays.stream(type.getEnumConstants())
                      .map(constant -> constant.name().toLowerCase(Locale.ROOT))
                      .collect(Collectors.joining(" or ")),
                  given));
    };
  }

  /** Why a monitor cannot go on: a file that only the tensor engine could refuse, or else we. */
  private static int codeOf(@Nullable Throwable cause, PrintWriter err) {
    if (cause instanceof EvaluationException e) {
      return ExitCode.ofFailure(e.reason());
    }
    if (cause != null) {
      cause.printStackTrace(err);
    }
    return ExitCode.FAILURE;
  }

  /** The cause, and where help is; a whole page of help would push the cause off the screen. */
  private static int explain(ParameterException failure, String[] arguments) {
    CommandLine command = failure.getCommandLine();
    PrintWriter err = command.getErr();
    printError(err, String.valueOf(failure.getMessage()));
    UnmatchedArgumentException.printSuggestions(failure, err);
    err.printf("Try '%s --help'.%n", command.getCommandSpec().qualifiedName());
    err.flush();
    return ExitCode.USAGE;
  }

  private static void printError(PrintWriter err, String message) {
    err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + message);
  }

  /** One sentence for what a user can mend; a stack trace only for what is our own fault. */
  private static int explain(Exception failure, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    int code =
        switch (failure) {
          case BadInputException e -> ExitCode.BAD_INPUT;
          case CannotServeException e -> ExitCode.CANNOT_SERVE;
          case RunStoreException e -> ExitCode.CANNOT_SERVE;
          case JournalDamagedException e -> ExitCode.BAD_INPUT;
          case SettingsReader.InvalidSettingException e -> ExitCode.USAGE;
          case MonitorFailedException e -> codeOf(e.getCause(), err);
          default -> {
            failure.printStackTrace(err);
            yield ExitCode.FAILURE;
          }
        };
    String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
    printError(err, message);
    err.flush();
    return code;
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
