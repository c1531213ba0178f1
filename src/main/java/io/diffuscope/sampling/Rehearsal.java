package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.sampling.ReferenceFlows.BlockReferences;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Times the pieces of an evaluation on a loaded {@link ProbeDevice}, before the geometry of the
 * sets and the reference flows are known: arrays of the same shapes stand in for them, because what
 * a piece takes depends on shapes alone. Nothing it computes is kept.
 */
public final class Rehearsal {
  /** Work of one comparison of a block with the sets: beyond it a part of the sets stands in. */
  private static final double MOST_OPERATIONS = 2e11;

  private final Probe probe;
  private final NDManager manager;
  private final NetworkDenoiser network;
  private final DevicePoints train;
  private final FeatureMap map;
  private final LongSupplier nanos;
  private final double limit;

  /**
   * A rehearsal.
   *
   * @param limit seconds that one kind of piece is repeated for
   */
  Rehearsal(
      Probe probe,
      NDManager manager,
      NetworkDenoiser network,
      DevicePoints train,
      FeatureMap map,
      LongSupplier nanos,
      double limit) {
    this.probe = probe;
    this.manager = manager;
    this.network = network;
    this.train = train;
    this.map = map;
    this.nanos = nanos;
    this.limit = limit;
  }

  /** Something on the device that is timed. */
  private interface Piece {
    void run() throws BadInputException;
  }

  /**
   * Seconds of one run: after one that does not count, the mean of as many as fit into the limit.
   */
  private double timed(Piece piece) throws BadInputException {
    double first = once(piece);
    if (first > limit) {
      // A second run would take too long. It is a little too much, for what happens only once.
      return first;
    }
    double total = 0;
    int runs = 0;
    while (runs == 0 || total < limit) {
      total += once(piece);
      runs++;
    }
    return total / runs;
  }

  private double once(Piece piece) throws BadInputException {
    long start = nanos.getAsLong();
    piece.run();
    return (nanos.getAsLong() - start) * 1e-9;
  }

  /**
   * Seconds of one call of the network within a flow of a full block, the solver's arithmetic
   * included. A flow that takes too long is timed over its first steps.
   */
  public double call() throws BadInputException {
    int steps = probe.flow().grid().steps();
    boolean heun = probe.flow().solver() == FlowSettings.Solver.HEUN;
    double total = 0;
    int calls = 0;
    boolean warm = false;
    try (NDManager scratch = manager.newSubManager()) {
      KeptArrays kept = new KeptArrays(scratch);
      double spent = 0;
      while (calls == 0 || spent < limit) {
        try (FlowTask<Integer> flow = flow(scratch, kept)) {
          for (int step = 1; step <= steps && (calls == 0 || spent < 2 * limit); step++) {
            double seconds = once(flow::advance);
            // On a GPU an operation returns before it is done; the endpoint is waited for.
            spent += seconds;
            if (warm) {
              total += seconds;
              calls += heun && step < steps ? 2 : 1;
            } else if ((step >= 2 && spent > limit / 4) || spent > limit) {
              // The engine optimises the graph in the first calls, and Java its own code.
              warm = true;
            }
          }
          if (flow.hasArrived()) {
            double waited = once(() -> await(flow.endpoints(scratch)));
            spent += waited;
            total += calls > 0 ? waited : 0;
            warm |= spent > limit / 4;
          }
        }
      }
    }
    return total / calls;
  }

  private FlowTask<Integer> flow(NDManager owner, KeptArrays kept) throws BadInputException {
    return new FlowTask<>(owner, kept, network, probe, 0, probe.rowsOfBlock(0)) {
      @Override
      public Integer result() {
        return 0;
      }
    };
  }

  /** Reads one number, so that all work before it is done. */
  private static void await(NDArray array) {
    array.sum().getFloat();
  }

  /** Seconds of making the noises of a block on the host. */
  public double noise() throws BadInputException {
    return once(() -> probe.noise().read(0, probe.rowsOfBlock(0)));
  }

  /** Seconds that the features of one point take; 0 where points are compared as they are. */
  public double feature() throws BadInputException {
    if (map.isIdentity()) {
      return 0;
    }
    int rows = Math.min(map.rows(), probe.rowsOfBlock(0));
    return timed(
            () -> {
              try (NDManager scratch = manager.newSubManager()) {
                await(map.apply(points(scratch, rows)));
              }
            })
        / rows;
  }

  /** Elements of a feature vector; 0 where points are compared as they are. */
  public int featureDimension() {
    return map.isIdentity() ? 0 : map.dimension();
  }

  private NDArray points(NDManager owner, int rows) throws BadInputException {
    double[] noise = probe.noise().read(0, rows);
    return owner.create(noise, new Shape(rows, probe.dimension())).toType(DataType.FLOAT32, false);
  }

  /** Seconds that comparing one sample with the references and the sets takes. */
  public double comparison(@Nullable SetGeometry geometry) throws BadInputException {
    try (NDManager scratch = manager.newSubManager()) {
      int rows =
          map.isIdentity() ? probe.rowsOfBlock(0) : Math.min(map.rows(), probe.rowsOfBlock(0));
      NDArray features = points(scratch, rows);
      features = map.isIdentity() ? features : map.apply(features);
      features.attach(scratch);
      NDArray samples = features;
      Map<Reference, NDArray> theirs = new EnumMap<>(Reference.class);
      for (Reference reference : probe.references()) {
        NDArray copy = features.duplicate();
        copy.attach(scratch);
        theirs.put(reference, copy);
      }
      BlockReferences references =
          new BlockReferences(
              theirs, theirs.containsKey(Reference.TRAIN) ? new int[rows] : null, null);
      double share = share(rows);
      Samples sets = standIns(scratch, geometry, share);
      double seconds = timed(() -> sets.observe(0, 0, samples, references));
      return seconds / rows / share;
    }
  }

  /** Part of the sets that the comparison is timed with. */
  private double share(int rows) {
    if (!map.isIdentity()) {
      // Features of all points may not be there yet.
      return Math.min(1, (double) map.rows() / probe.train().size());
    }
    DataSet holdout = probe.holdout();
    long points = probe.train().size() + (holdout == null ? 0 : holdout.size());
    return Math.min(1, MOST_OPERATIONS / (2.0 * rows * probe.dimension() * points));
  }

  private Samples standIns(NDManager owner, @Nullable SetGeometry known, double share)
      throws BadInputException {
    DataSet set = part(probe.train(), share, owner);
    DevicePoints trainPoints = share == 1 && map.isIdentity() ? train : load(owner, set, share);
    DataSet holdout = probe.holdout();
    DevicePoints holdoutPoints = null;
    if (holdout != null && probe.train().size() >= 2) {
      int[] compared = known == null ? null : known.comparedHoldout();
      int size =
          compared == null ? (int) Math.min(holdout.size(), probe.train().size()) : compared.length;
      double mine = Math.max(2.0, size) / holdout.size() * share;
      holdoutPoints = load(owner, part(holdout, mine, owner), share);
    }
    SetGeometry geometry =
        known != null && share == 1 ? known : withoutDuplicates(Math.toIntExact(set.size()));
    return new Samples(trainPoints, ComparedSets.orbit(probe, map), geometry, holdoutPoints);
  }

  private DevicePoints load(NDManager owner, DataSet set, double share) throws BadInputException {
    // As large a part is read from disk as of the whole set.
    return DevicePoints.load(
        owner,
        set,
        new double[Math.toIntExact(set.pointShape().elements())],
        DevicePoints.blockRows(set),
        (long) (probe.spec().residentBytes() * share));
  }

  /** The first points of a set; their features where there is a map. */
  private DataSet part(DataSet set, double share, NDManager owner) throws BadInputException {
    int rows = (int) Math.clamp(Math.round(set.size() * share), 1L, set.size());
    if (map.isIdentity()) {
      return RowSubset.of(set, IntStream.range(0, rows).toArray());
    }
    try (NDManager scratch = owner.newSubManager()) {
      NDArray features = map.apply(HostArrays.points(scratch, set, 0, Math.min(rows, map.rows())));
      return DataSet.of(set.source(), TensorShape.of(map.dimension()), features.toFloatArray());
    }
  }

  /** A geometry that leaves all points in. */
  private static SetGeometry withoutDuplicates(int trainSize) {
    return SetGeometry.ofTrain(
        0, IntStream.range(0, trainSize).toArray(), DuplicateCounts.NONE, trainSize);
  }

  /**
   * Seconds of one block of the denoising loss, with images and noises on the device, and made
   * anew; null without a hold-out set or noise levels.
   */
  public double @Nullable [] losses(@Nullable SetGeometry geometry) throws BadInputException {
    DataSet holdout = probe.holdout();
    int[] compared = geometry == null ? null : geometry.comparedHoldout();
    if (compared == null && holdout != null) {
      int size = (int) Math.min(holdout.size(), probe.train().size());
      compared = IntStream.range(0, size).toArray();
    }
    if (holdout == null
        || compared == null
        || compared.length < 2
        || probe.denoising().sigmas().isEmpty()) {
      return null;
    }
    DenoisingPlan plan =
        new DenoisingPlan(
            probe.train(), RowSubset.of(holdout, compared), probe.denoising(), probe.classLabels());
    double sigma = probe.denoising().sigmas().getFirst();
    try (NDManager scratch = manager.newSubManager()) {
      KeptArrays kept = new KeptArrays(scratch);
      double keptSeconds = timed(() -> loss(scratch, kept, plan, sigma));
      try (NDManager other = scratch.newSubManager()) {
        double anew = once(() -> loss(other, new KeptArrays(other), plan, sigma));
        return new double[] {keptSeconds, anew};
      }
    }
  }

  private void loss(NDManager owner, KeptArrays kept, DenoisingPlan plan, double sigma)
      throws BadInputException {
    try (DenoisingTask task =
        new DenoisingTask(owner, kept, network.unguided(), probe, plan, sigma, 0)) {
      while (task.advance()) {}
    }
  }
}
