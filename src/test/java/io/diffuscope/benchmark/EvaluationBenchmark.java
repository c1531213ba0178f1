package io.diffuscope.benchmark;

import io.diffuscope.demo.DemoData;
import io.diffuscope.model.Devices;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.JournalTrial;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Prints where the time of an evaluation goes, as ratios of things measured side by side: {@code
 * src/docs/benchmarks.md} says how to run and read it.
 *
 * <p>Arguments: the sections to run ({@code network}, {@code weights}, {@code memory}, {@code
 * batch}, {@code plan}, {@code flow}, {@code neighbours}, {@code images}, {@code journal}), or
 * {@code all}.
 */
public final class EvaluationBenchmark {
  private static final List<String> SECTIONS =
      List.of(
          "network",
          "weights",
          "memory",
          "batch",
          "plan",
          "flow",
          "neighbours",
          "images",
          "journal");
  private static final TensorShape IMAGE = TensorShape.of(3, 32, 32);
  private static final TensorShape DIGIT = TensorShape.of(1, 8, 8);

  private final PrintStream out;
  private final Path folder;
  private final int cores = Runtime.getRuntime().availableProcessors();

  private EvaluationBenchmark(PrintStream out, Path folder) {
    this.out = out;
    this.folder = folder;
  }

  /** Runs the sections named, or all. */
  public static void main(String[] arguments) throws Exception {
    List<String> sections =
        List.of(arguments).equals(List.of("all")) ? SECTIONS : List.of(arguments);
    if (sections.isEmpty() || !SECTIONS.containsAll(sections)) {
      throw new IllegalArgumentException("sections are all, or some of " + SECTIONS);
    }
    Devices.configure(1);
    // The number of threads can be changed once the engine is there.
    Devices.best();
    Path folder = Files.createTempDirectory("diffuscope-benchmark");
    try {
      EvaluationBenchmark benchmark = new EvaluationBenchmark(System.out, folder);
      benchmark.machine();
      for (String section : sections) {
        benchmark.run(section);
      }
      benchmark.machine();
    } finally {
      delete(folder);
    }
  }

  private void machine() {
    out.printf(
        Locale.ROOT,
        "%d cores, Java %s, load average %.1f; each figure is a median with the range around it%n",
        cores,
        Runtime.version().feature(),
        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
  }

  private void run(String section) throws Exception {
    out.printf("%n%s%n", section);
    switch (section) {
      case "network" -> {
        demo().measure(1, 512, 9);
        demo().measure(Math.min(2, cores), 512, 9);
      }
      case "weights" -> {
        demo().measureSwap(100);
        demo().measureFirstForward(512, 100);
        new WeightLoading(folder, out).measure(5);
      }
      case "memory" -> demo().measureMemory(100, 200);
      case "batch" -> {
        for (int batch : new int[] {128, 256, 512, ProbeSpec.MOST_ROWS}) {
          demo().measure(1, batch, 5);
        }
      }
      case "plan" -> {
        NetworkShare.Subject subject = demo().subject();
        PlanRatio ratio = new PlanRatio(out);
        for (int batch : new int[] {128, 512, ProbeSpec.MOST_ROWS}) {
          ratio.measure(subject.spec(batch, 18), subject.checkpoint(), 5);
        }
        ratio.measure(subject.spec(512, 18, 4000), subject.checkpoint(), 5);
      }
      case "flow" -> flow();
      case "neighbours" -> {
        try (EmpiricalThroughput large = new EmpiricalThroughput(50_000, IMAGE, out)) {
          large.measureSearch(Math.min(2, cores), 1000, 3);
        }
      }
      case "images" -> new ImageSetStart(folder, 50_000, out).measure(Math.min(2, cores), 1000);
      case "journal" ->
          new JournalTrial(
                  Files.createDirectories(folder.resolve("journal")),
                  JournalTrial.atLeast(200, List.of(RunEvents.everything())),
                  out)
              .measure(500);
      default -> throw new IllegalArgumentException(section);
    }
  }

  private void flow() throws Exception {
    int threads = Math.min(2, cores);
    try (EmpiricalThroughput small = new EmpiricalThroughput(128, DIGIT, out)) {
      small.measureFlow(1, 512, 18, 20);
    }
    try (EmpiricalThroughput middle = new EmpiricalThroughput(10_000, IMAGE, out)) {
      for (double sigma : new double[] {80, 1, 0.01}) {
        middle.measureCall(threads, 512, sigma, 3);
      }
      middle.measureFlow(threads, 512, 18, 2);
    }
    try (EmpiricalThroughput large = new EmpiricalThroughput(50_000, IMAGE, out)) {
      large.measureFlow(threads, 512, 3, 1);
    }
  }

  private NetworkShare demo() throws IOException {
    Path own = Files.createDirectories(folder.resolve("demo"));
    DemoData data = DemoData.write(own, DemoData.Source.DIGITS, 128, 1);
    Path checkpoint = new ProbeFiles(own).checkpoint("checkpoint.safetensors", 3);
    return new NetworkShare(
        new NetworkShare.Subject(
            "demo network", data.template(), checkpoint, data.train(), data.holdout(), own),
        out);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
