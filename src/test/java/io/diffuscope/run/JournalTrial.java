package io.diffuscope.run;

import com.typesafe.config.ConfigFactory;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.statistics.Estimate;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** How long a run's memory takes to write, to read again, and how large it is on the disk. */
public final class JournalTrial {
  private static final SeriesId SERIES = new SeriesId("run", "probe", "/run");
  private static final int SAMPLES = 1000;
  private static final double MILLION = 1e6;

  private final Path folder;
  private final List<SignalEstimate> kinds;
  private final PrintStream out;
  private final SplittableRandom random = new SplittableRandom(1);

  /**
   * A trial.
   *
   * @param kinds an estimate of every kind that a checkpoint has
   */
  public JournalTrial(Path folder, List<SignalEstimate> kinds, PrintStream out) {
    this.folder = folder;
    this.kinds = List.copyOf(kinds);
    this.out = out;
  }

  /** Writes a run of so many checkpoints, one after the other, and goes on from it. */
  public void measure(int checkpoints) throws Exception {
    write(checkpoints);
    long bytes = Files.size(H2RunStore.file(folder));
    out.printf(
        Locale.ROOT,
        "  %d checkpoints of %d estimates and %d samples: %.1f MiB on the disk once closed%n",
        checkpoints,
        kinds.size(),
        SAMPLES,
        bytes / (double) (1 << 20));
    recover("with its snapshot");
    try (H2RunStore store = H2RunStore.in(folder);
        Connection connection = DriverManager.getConnection(store.url());
        Statement statement = connection.createStatement()) {
      statement.execute("DELETE FROM \"snapshot\"");
    }
    recover("from its events alone");
  }

  private SignalEstimate drawn(SignalEstimate kind) {
    double value = random.nextDouble();
    double error = value / 20;
    return new SignalEstimate(
        kind.signal(),
        kind.reference(),
        kind.statistic(),
        kind.sigma(),
        new Estimate(value, error, value - 2 * error, value + 2 * error, SAMPLES));
  }

  private double[] distances() {
    return random.doubles(SAMPLES).toArray();
  }

  private void write(int checkpoints) throws Exception {
    long[] nanos = new long[checkpoints];
    try (EntityLife life = life(H2RunStore.in(folder))) {
      life.recovered();
      life.decide(new RunDecisions.Begin("Run", "probe", true, List.of(), true));
      for (int i = 0; i < checkpoints; i++) {
        Checkpoint checkpoint =
            Checkpoint.ofFile("step-" + i, "/run/step-%d.safetensors".formatted(i), (long) i);
        List<SignalEstimate> estimates = kinds.stream().map(this::drawn).toList();
        long start = System.nanoTime();
        life.decide(new RunDecisions.Find(checkpoint, null));
        life.store()
            .keepDistances(
                SERIES,
                checkpoint.identity(),
                Map.of(Reference.TRAIN, distances(), Reference.HOLDOUT, distances()));
        life.decide(new RunDecisions.Complete(checkpoint, estimates, null, 1));
        nanos[i] = System.nanoTime() - start;
      }
    }
    long[] sorted = Arrays.stream(nanos).sorted().toArray();
    out.printf(
        Locale.ROOT,
        "  a checkpoint found, measured and kept: %.1f ms (%.1f to %.1f in nine of ten)%n",
        sorted[checkpoints / 2] / MILLION,
        sorted[checkpoints / 20] / MILLION,
        sorted[checkpoints - 1 - checkpoints / 20] / MILLION);
  }

  private void recover(String how) throws Exception {
    long start = System.nanoTime();
    H2RunStore store = H2RunStore.in(folder);
    double opened = (System.nanoTime() - start) / MILLION;
    try (EntityLife life = life(store)) {
      double system = (System.nanoTime() - start) / MILLION;
      life.recovered();
      double state = (System.nanoTime() - start) / MILLION;
      int events = life.kept().size();
      double history = (System.nanoTime() - start) / MILLION;
      out.printf(
          Locale.ROOT,
          "  goes on %s: database open after %.0f ms, actors after %.0f, state after %.0f,"
              + " history of %,d events read after %.0f%n",
          how,
          opened,
          system,
          state,
          events,
          history);
    }
  }

  private static EntityLife life(H2RunStore store) throws IOException {
    return new EntityLife(
        store,
        SERIES,
        RunMachine.settings(Pace.all(1_000_000), Ending.NEVER),
        ConfigFactory.load());
  }

  /** At least so many estimates, of all kinds in turn. */
  public static List<SignalEstimate> atLeast(int count, List<SignalEstimate> kinds) {
    return IntStream.range(0, Math.max(count, kinds.size()))
        .mapToObj(i -> kinds.get(i % kinds.size()))
        .toList();
  }
}
