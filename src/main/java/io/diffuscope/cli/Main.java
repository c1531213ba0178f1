package io.diffuscope.cli;

import io.diffuscope.tensorfile.BadInputException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;

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
    exitCodeList = {
      "0:done",
      "1:failed for a reason that no input explains",
      "2:options that make no sense",
      "3:a file cannot be used: missing, malformed, of the wrong shape",
      "4:the port or the data directory cannot be had",
      "130:interrupted (Ctrl-C)"
    },
    subcommands = {DemoCommand.class, WatchCommand.class, EvaluateCommand.class})
public final class Main implements Runnable {
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

  private Main() {}

  public static void main(String[] arguments) {
    System.exit(execute(arguments));
  }

  /** Runs one command and returns its exit code. */
  static int execute(String... arguments) {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(Main::explain)
        .execute(arguments);
  }

  /** One sentence for what a user can mend; a stack trace only for what is our own fault. */
  private static int explain(Exception failure, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    int code =
        switch (failure) {
          case BadInputException e -> ExitCode.BAD_INPUT;
          case CannotServeException e -> ExitCode.CANNOT_SERVE;
          case SettingsReader.InvalidSettingException e -> ExitCode.USAGE;
          case MonitorFailedException e -> ExitCode.FAILURE;
          default -> {
            failure.printStackTrace(err);
            yield ExitCode.FAILURE;
          }
        };
    String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
    err.println(Ansi.AUTO.string("@|bold,red error:|@ ") + message);
    err.flush();
    return code;
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
