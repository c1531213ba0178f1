package io.diffuscope.build;

import static java.util.stream.Collectors.toCollection;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Everything that the distribution carries is named in its NOTICE, in the version it carries. */
class NoticeIT {

  /** {@code - group:artifact version (licence)}. */
  private static final Pattern LIBRARY = Pattern.compile("- [\\w.-]+:(\\S+) (\\S+) \\((.+)\\)");

  /** The tensor library is another file on each platform, and one entry for all of them. */
  private static final Pattern PLATFORM =
      Pattern.compile("-(linux|osx|win)-(x86_64|aarch64)\\.jar$");

  private final Path home = Path.of(System.getProperty("diffuscope.home"));

  @Test
  void namesEveryLibraryInItsVersion() throws IOException {
    Set<String> shipped;
    try (Stream<Path> jars = Files.list(home.resolve("lib"))) {
      shipped =
          jars.map(jar -> PLATFORM.matcher(jar.getFileName().toString()).replaceFirst(".jar"))
              .filter(jar -> !jar.startsWith("diffuscope-"))
              .collect(toCollection(TreeSet::new));
    }

    assertThat(libraries()).containsExactlyInAnyOrderElementsOf(shipped);
  }

  @Test
  void statesWhatTheLicencesOfOthersAskFor() throws IOException {
    assertThat(Files.readString(home.resolve("NOTICE")))
        .contains("2026-09-20", "2026-10-16") // Change Dates of Akka and Akka HTTP
        .contains("10.24432/C50P49", "CC BY 4.0", "Alpaydin"); // the demonstration's data
    assertThat(home.resolve("LICENSE")).content().contains("Apache License", "Version 2.0");
  }

  private List<String> libraries() throws IOException {
    try (Stream<String> lines = Files.lines(home.resolve("NOTICE"))) {
      return lines
          .map(LIBRARY::matcher)
          .filter(Matcher::matches)
          .map(library -> library.group(1) + "-" + library.group(2) + ".jar")
          .toList();
    }
  }
}
