import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The steps of the build that need the JDK of the toolchain rather than the one Maven runs on: the
 * formatter parses sources with that JDK's own compiler, and the flags that quiet the JVM depend on
 * its version. The launcher {@code bin/diffuscope} chooses the same flags at run time.
 *
 * <p>Run as a single-file program with google-java-format on the class path: {@code java -cp
 * google-java-format.jar Prepare.java BASEDIR check|fix}.
 */
final class Prepare {

  private Prepare() {}

  public static void main(String[] arguments) throws IOException {
    Path base = Path.of(arguments[0]);
    writeJvmFlags(base.resolve("target/jvm-flags.txt"));
    List<String> problems = format(base, arguments[1].equals("fix"));
    if (!problems.isEmpty()) {
      problems.forEach(problem -> System.err.println("[ERROR] " + problem));
      System.err.println(
          "[ERROR] Format the sources with: mvn -q process-sources -Dformat=fix"
              + " (google-java-format)");
      System.exit(1);
    }
  }

  private static void writeJvmFlags(Path file) throws IOException {
    List<String> flags = new ArrayList<>();
    flags.add("--enable-native-access=ALL-UNNAMED");
    // The option exists from 23 on; an older JVM refuses to start with it.
    if (Runtime.version().feature() >= 23) {
      flags.add("--sun-misc-unsafe-memory-access=allow");
    }
    Files.createDirectories(file.getParent());
    Files.write(file, flags);
  }

  /** Returns one line for each source that is not formatted, or that the formatter cannot read. */
  private static List<String> format(Path base, boolean fix) throws IOException {
    List<Path> sources;
    try (Stream<Path> tree = Files.walk(base.resolve("src"))) {
      sources = tree.filter(path -> path.toString().endsWith(".java")).sorted().toList();
    }
    Formatter formatter =
        new Formatter(JavaFormatterOptions.builder().reorderModifiers(true).build());
    return sources.parallelStream()
        .flatMap(source -> format(base, source, formatter, fix).stream())
        .toList();
  }

  private static List<String> format(Path base, Path source, Formatter formatter, boolean fix) {
    Path name = base.relativize(source);
    try {
      String text = Files.readString(source);
      String formatted = formatter.formatSourceAndFixImports(text);
      if (formatted.equals(text)) {
        return List.of();
      }
      if (fix) {
        Files.writeString(source, formatted);
        return List.of();
      }
      return List.of(name + " is not formatted");
    } catch (IOException | FormatterException failure) {
      return List.of(name + ": " + failure.getMessage());
    }
  }
}
