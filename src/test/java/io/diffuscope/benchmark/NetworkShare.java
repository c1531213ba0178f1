package io.diffuscope.benchmark;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * How much of an evaluation is the network's own forward pass: the same number of calls with the
 * same shapes, bare, right after each evaluation.
 */
final class NetworkShare {
  /**
   * What is evaluated.
   *
   * @param folder for the cache
   */
  record Subject(
      String name, Path template, Path checkpoint, Path train, Path holdout, Path folder) {
    ProbeSpec spec(int batch, int steps) {
      return spec(batch, steps, ProbeSpec.DEFAULT_SAMPLES);
    }

    ProbeSpec spec(int batch, int steps, int samples) {
      return new ProbeSpec(
          template.toString(),
          NetworkSettings.Overrides.NONE,
          train.toString(),
          holdout.toString(),
          null,
          null,
          0,
          samples,
          batch,
          new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(steps)),
          new DenoisingSettings(List.of(0.1, 0.2, 0.5, 1.0), 4, 512),
          folder.resolve("cache").toString(),
          1L << 30);
    }
  }

  private static final int STEPS = 18;

  private final Subject subject;
  private final PrintStream out;

  NetworkShare(Subject subject, PrintStream out) {
    this.subject = subject;
    this.out = out;
  }

  Subject subject() {
    return subject;
  }

  void measure(int threads, int batch, int repetitions) throws Exception {
    JniUtils.setNumThreads(threads);
    try (Evaluations evaluations =
            Evaluations.prepare(subject.spec(batch, STEPS), subject.checkpoint());
        TorchScriptNetwork network =
            TorchScriptNetwork.load(
                subject.template(), Device.cpu(), NetworkSettings.Overrides.NONE)) {
      network.loadWeights(WeightsLocation.of(subject.checkpoint()));
      int calls = evaluations.networkCalls();
      Spread.Pairs pairs = new Spread.Pairs();
      // The first two evaluations let PyTorch optimise the graph and Java compile its code.
      for (int i = -2; i < repetitions; i++) {
        Clock evaluation = Clock.time(evaluations::evaluate);
        Clock forward = forward(network, batch, calls);
        if (i >= 0) {
          pairs.add(evaluation, forward);
        }
      }
      out.printf(
          "%s, batch %d, %d thread(s): an evaluation takes %s s, %s samples/s;%n"
              + "    %d bare forward passes take %s of it, by processor time of the thread %s%n",
          subject.name(),
          batch,
          threads,
          pairs.mine(Clock::wall).text(3),
          pairs.mine(time -> evaluations.samples() / time.wall()).text(0),
          calls,
          pairs.share(Clock::wall).text(2),
          pairs.share(Clock::processor).text(2));
    }
  }

  /** The network alone. */
  private static Clock forward(TorchScriptNetwork network, int batch, int calls) throws Exception {
    try (NDManager manager = network.manager().newSubManager()) {
      Shape points = new Shape(network.settings().shape().withFirst(batch).toArray());
      NDArray input = manager.randomNormal(points);
      NDArray labels = manager.zeros(new Shape(batch));
      return Clock.time(
          () -> {
            for (int i = 0; i < calls; i++) {
              network.forward(input, labels, null).close();
            }
          });
    }
  }

  /** Replacing the weights against reading the same file's bytes (from the page cache, both). */
  void measureSwap(int repetitions) throws Exception {
    try (TorchScriptNetwork network =
        TorchScriptNetwork.load(subject.template(), Device.cpu(), NetworkSettings.Overrides.NONE)) {
      Spread.Pairs pairs = new Spread.Pairs();
      for (int i = -repetitions; i < repetitions; i++) {
        Clock loading =
            Clock.time(() -> network.loadWeights(WeightsLocation.of(subject.checkpoint())));
        Clock reading = Clock.time(() -> readAll(subject.checkpoint()));
        if (i >= 0) {
          pairs.add(loading, reading);
        }
      }
      out.printf(
          Locale.ROOT,
          "%s: replacing the weights (%,d bytes) takes %s ms, reading the file %s ms%n",
          subject.name(),
          Files.size(subject.checkpoint()),
          pairs.mine(time -> 1e3 * time.wall()).text(2),
          pairs.yardstick(time -> 1e3 * time.wall()).text(2));
    }
  }

  /**
   * The first forward pass after new weights over one in the steady state: a graph that the engine
   * optimises anew would show here. Beside it the same after the file was merely read, since other
   * memory has passed through the processor's caches then, too; and the first passes of all, in
   * which the graph really is optimised.
   */
  void measureFirstForward(int batch, int repetitions) throws Exception {
    JniUtils.setNumThreads(1);
    try (TorchScriptNetwork network =
        TorchScriptNetwork.load(subject.template(), Device.cpu(), NetworkSettings.Overrides.NONE)) {
      Clock optimising = forward(network, batch, 2);
      forward(network, batch, 20);
      Spread.Pairs swapped = new Spread.Pairs();
      Spread.Pairs read = new Spread.Pairs();
      for (int i = 0; i < repetitions; i++) {
        network.loadWeights(WeightsLocation.of(subject.checkpoint()));
        Clock first = forward(network, batch, 1);
        swapped.add(forward(network, batch, 1), first);
        readAll(subject.checkpoint());
        first = forward(network, batch, 1);
        read.add(forward(network, batch, 1), first);
      }
      out.printf(
          Locale.ROOT,
          "%s, batch %d: the first forward pass after new weights takes %s times the next one's"
              + " processor time,%n    after reading the file alone %s; the first two passes of all"
              + " %.1f ms, two others %s ms%n",
          subject.name(),
          batch,
          swapped.share(Clock::processor).text(2),
          read.share(Clock::processor).text(2),
          1e3 * optimising.processor(),
          swapped.mine(time -> 2e3 * time.processor()).text(1));
    }
  }

  private static void readAll(Path file) throws Exception {
    if (Files.readAllBytes(file).length == 0) {
      throw new IllegalStateException(file + " is empty");
    }
  }

  /**
   * Resident memory over many short evaluations on one device. The Java heap should be of fixed
   * size and touched from the start, so that what grows is the tensors' memory.
   */
  void measureMemory(int warmUp, int evaluationCount) throws Exception {
    JniUtils.setNumThreads(1);
    try (Evaluations evaluations =
        Evaluations.prepare(subject.spec(512, 4), subject.checkpoint())) {
      for (int i = 0; i < warmUp; i++) {
        evaluations.evaluate();
      }
      ResidentMemory before = ResidentMemory.afterCollection();
      int arrays = LiveArrays.of(evaluations.device());
      for (int i = 0; i < evaluationCount; i++) {
        evaluations.evaluate();
      }
      out.printf(
          Locale.ROOT,
          "%s: %d evaluations of 4 steps take resident memory from %s to %s, arrays from %d to"
              + " %d%n",
          subject.name(),
          evaluationCount,
          before,
          ResidentMemory.afterCollection(),
          arrays,
          LiveArrays.of(evaluations.device()));
    } catch (BadInputException e) {
      throw new IllegalStateException("the benchmark's own files cannot be read", e);
    }
  }
}
