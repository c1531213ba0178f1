package io.diffuscope.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Memory that this process occupies now, in KiB; -1 where the system does not say. */
record ResidentMemory(long kibibytes) {
  private static ResidentMemory now() throws IOException {
    return read("VmRSS:");
  }

  /** The most that this process ever occupied. */
  static ResidentMemory peak() throws IOException {
    return read("VmHWM:");
  }

  private static ResidentMemory read(String key) throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.isReadable(status)) {
      return new ResidentMemory(-1);
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith(key))
        .map(line -> new ResidentMemory(Long.parseLong(line.replaceAll("\\D", ""))))
        .findFirst()
        .orElse(new ResidentMemory(-1));
  }

  /** What is left once buffers that nobody refers to are gone: they live outside the Java heap. */
  static ResidentMemory afterCollection() throws IOException, InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      // Buffers are freed by a thread of the library's own.
      Thread.sleep(100);
    }
    return now();
  }

  @Override
  public String toString() {
    return kibibytes < 0 ? "unknown" : String.format(Locale.ROOT, "%.1f MiB", kibibytes / 1024.0);
  }
}
