package io.diffuscope.benchmark;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.EmpiricalDenoiser;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.NeighbourSearch;
import io.diffuscope.sampling.NoiseBank;
import io.diffuscope.sampling.ProbabilityFlow;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.io.PrintStream;
import java.util.Locale;

/**
 * The empirical flow and the neighbour search against plain float32 matrix products of the same
 * shapes, which are what both mostly consist of. A call of the denoiser counts as its two products,
 * {@code 4 B N d} floating-point operations, and a search as one.
 */
final class EmpiricalThroughput implements AutoCloseable {
  private static final int BLOCK_ROWS = 4096;

  private final NDManager manager = NDManager.newBaseManager();
  private final int n;
  private final int d;
  private final DevicePoints points;
  private final NDArray plainPoints;
  private final PrintStream out;

  EmpiricalThroughput(int n, TensorShape shape, PrintStream out) throws BadInputException {
    this.n = n;
    this.d = Math.toIntExact(shape.elements());
    this.out = out;
    float[] values =
        manager.randomNormal(0, 0.5f, new Shape(n, d), DataType.FLOAT32).toFloatArray();
    DataSet set = DataSet.of("benchmark", shape, values);
    this.points =
        DevicePoints.load(manager, set, DevicePoints.meanOf(set), BLOCK_ROWS, Long.MAX_VALUE);
    this.plainPoints = manager.create(values, new Shape(n, d));
  }

  /** Whole flows; plain products are timed after each step, so that both see the same machine. */
  void measureFlow(int threads, int batch, int steps, int repetitions) throws Exception {
    JniUtils.setNumThreads(threads);
    FlowSettings settings = new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(steps));
    EmpiricalDenoiser denoiser = EmpiricalDenoiser.create(points);
    double[] noise = NoiseBank.seeded(0, d).read(0, batch);
    Spread.Pairs pairs = new Spread.Pairs();
    for (int i = 0; i < repetitions; i++) {
      Clock flowTime = Clock.ZERO;
      Clock plainTime = Clock.ZERO;
      try (ProbabilityFlow flow = ProbabilityFlow.start(manager, denoiser, settings, noise, batch);
          NDManager scratch = manager.newSubManager()) {
        Products products = new Products(scratch, batch);
        while (!flow.isFinished()) {
          flowTime = flowTime.plus(Clock.time(flow::advance));
          if (flow.step() < steps) {
            plainTime = plainTime.plus(Clock.time(products::both));
          }
          plainTime = plainTime.plus(Clock.time(products::both));
        }
      }
      pairs.add(flowTime, plainTime);
    }
    report(
        "empirical flow, %d steps".formatted(steps),
        threads,
        batch,
        (2 * steps - 1) * operations(batch),
        pairs);
  }

  /** Single calls at one noise level. */
  void measureCall(int threads, int batch, double sigma, int repetitions) throws Exception {
    JniUtils.setNumThreads(threads);
    EmpiricalDenoiser denoiser = EmpiricalDenoiser.create(points);
    Spread.Pairs pairs = new Spread.Pairs();
    for (int i = -1; i < repetitions; i++) {
      try (NDManager scratch = manager.newSubManager()) {
        Products products = new Products(scratch, batch);
        NDArray noise = scratch.randomNormal(new Shape(batch, d)).toType(DataType.FLOAT64, false);
        NDArray start = plainPoints.get("0:" + Math.min(batch, n));
        start.attach(scratch);
        NDArray x = noise.mul(sigma);
        if (batch <= n) {
          x = x.add(start.toType(DataType.FLOAT64, false));
        }
        NDArray noisy = x;
        Clock call = Clock.time(() -> denoiser.denoise(noisy, sigma));
        Clock plain = Clock.time(products::both);
        if (i >= 0) {
          pairs.add(call, plain);
        }
      }
    }
    report("empirical denoiser, sigma " + sigma, threads, batch, operations(batch), pairs);
  }

  /** The two nearest points of each query. */
  void measureSearch(int threads, int queries, int repetitions) throws Exception {
    JniUtils.setNumThreads(threads);
    NeighbourSearch search = new NeighbourSearch(points);
    Spread.Pairs pairs = new Spread.Pairs();
    for (int i = 0; i < repetitions; i++) {
      try (NDManager scratch = manager.newSubManager()) {
        Products products = new Products(scratch, queries);
        NDArray asked = scratch.randomNormal(new Shape(queries, d));
        pairs.add(Clock.time(() -> search.nearestTwo(asked, null)), Clock.time(products::first));
      }
    }
    report("neighbour search", threads, queries, operations(queries) / 2, pairs);
  }

  private double operations(int batch) {
    return 4.0 * batch * n * d;
  }

  private void report(String what, int threads, int batch, double operations, Spread.Pairs pairs) {
    out.printf(
        Locale.ROOT,
        "%s, N = %d, d = %d, batch %d, %d thread(s), %.1f GFLOP:%n    %s GFLOP/s, plain products %s"
            + " GFLOP/s, ratio %s, by processor time of the thread %s%n",
        what,
        n,
        d,
        batch,
        threads,
        operations * 1e-9,
        pairs.mine(time -> operations / time.wall() * 1e-9).text(1),
        pairs.yardstick(time -> operations / time.wall() * 1e-9).text(1),
        pairs.share(Clock::wall).text(2),
        pairs.share(Clock::processor).text(2));
  }

  /** The products of a call and nothing else: {@code [B, d] [d, N]} and {@code [B, N] [N, d]}. */
  private final class Products {
    private final NDArray left;
    private final NDArray transposed;
    private final NDArray weights;

    Products(NDManager scratch, int batch) {
      left = scratch.randomNormal(new Shape(batch, d));
      weights = scratch.randomNormal(new Shape(batch, n));
      transposed = plainPoints.transpose();
      transposed.attach(scratch);
    }

    void first() {
      left.matMul(transposed).close();
    }

    void both() {
      first();
      weights.matMul(plainPoints).close();
    }
  }

  @Override
  public void close() {
    manager.close();
  }
}
