package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a Java process holds, by what the system and the JDK say of it from outside. Linux only.
 *
 * @param liveHeap bytes of the heap that a full collection leaves, without the gaps between regions
 *     that the collector fills
 * @param resident bytes of memory in use, heap and all
 * @param descriptors what each open file descriptor points to
 */
record ProcessMemory(long liveHeap, long resident, List<String> descriptors) {
  private static final Pattern TOTAL = Pattern.compile("(?m)^Total\\s+\\d+\\s+(\\d+)");
  private static final Pattern GAPS =
      Pattern.compile(
          "(?m)^\\s*\\d+:\\s+\\d+\\s+(\\d+)\\s+\\[Ljdk\\.internal\\.vm\\.FillerElement;");
  private static final Pattern RESIDENT = Pattern.compile("(?m)^VmRSS:\\s+(\\d+) kB");

  static ProcessMemory of(long pid) throws Exception {
    Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
    // A histogram of live objects begins with a full collection.
    Outcome histogram =
        Outcome.ofProcess(List.of(jcmd.toString(), Long.toString(pid), "GC.class_histogram"));
    assertThat(histogram.exit()).as(histogram.errors()).isZero();
    long gaps =
        GAPS.matcher(histogram.output())
            .results()
            .mapToLong(line -> Long.parseLong(line.group(1)))
            .sum();
    long liveHeap = number(TOTAL, histogram.output()) - gaps;
    Path process = Path.of("/proc", Long.toString(pid));
    long resident = number(RESIDENT, Files.readString(process.resolve("status"))) * 1024;
    return new ProcessMemory(liveHeap, resident, descriptors(process));
  }

  private static List<String> descriptors(Path process) throws IOException {
    try (Stream<Path> links = Files.list(process.resolve("fd"))) {
      return links.flatMap(ProcessMemory::target).sorted().toList();
    }
  }

  private static Stream<String> target(Path link) {
    try {
      return Stream.of(Files.readSymbolicLink(link).toString());
    } catch (IOException e) {
      return Stream.of(); // closed meanwhile
    }
  }

  private static long number(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    assertThat(matcher.find()).as(text).isTrue();
    return Long.parseLong(matcher.group(1));
  }
}
