package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.sampling.NeighbourSearch.Exclusion;
import io.diffuscope.sampling.NeighbourSearch.Nearest;
import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.statistics.Strata;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds the {@link SetGeometry}: blocks of queries against whole sets, one block a piece, once per
 * pair of sets. It costs as much as all distances between the points of both sets, two or three
 * times over. Where that exceeds {@link NeighbourSettings#geometryOperations}, points drawn at
 * random stand for the others: the duplicate distance is the median over them, near duplicates are
 * looked for around them, the control is a share of them, and the hold-out check is made with them.
 * Equal points are found by their hashes always, however large the sets are.
 */
final class GeometryTask implements Task<SetGeometry> {
  /** Raised with every change of what is found. */
  static final String FORMAT = "geometry 4";

  /** Points closer than this share of the median nearest-neighbour distance are duplicates. */
  private static final double DUPLICATE_SHARE = 1.0 / 3;

  /** Work on one block of queries, or a decision between two rounds of blocks. */
  private interface Piece {
    void run() throws BadInputException;
  }

  /** Work on the queries {@code first .. first + count - 1} of a set. */
  private interface BlockPiece {
    void run(int first, int count) throws BadInputException;
  }

  private final NDManager manager;
  private final DataSet train;
  private final DevicePoints trainPoints;
  private final @Nullable DataSet holdout;
  private final DataSet originalTrain;
  private final Orbit orbit;
  private final Orbit originalOrbit;
  private final NeighbourSettings settings;
  private final int batchSize;
  private final long residentBytes;
  private final long seed;
  private final Split split;
  private final Deque<Piece> pieces = new ArrayDeque<>();
  private int done;

  /** Pieces that the choice of hold-out points will add, at most. */
  private int later;

  /** Training and hold-out points whose neighbours are looked for, ascending. */
  private final int[] askedTrain;

  private int[] askedHoldout = new int[0];

  /** Of each asked training point. */
  private final double[] trainDistance;

  private final DisjointSets merged;
  private double duplicateDistance;
  private int[] identical = new int[0];
  private int[] groups = new int[0];
  private double[] holdoutFirst = new double[0];
  private double[] holdoutSecond = new double[0];

  /** Hold-out points that equal no training point and none before them. */
  private int[] unique = new int[0];

  /** Whether a hold-out point is known to have a duplicate among the training points. */
  private boolean[] inTrain = new boolean[0];

  private DisjointSets holdoutMerged = new DisjointSets(0);
  private int holdoutDuplicates;
  private @Nullable SplitUnits units;
  private int holdoutEqual;
  private int holdoutNear;
  private int acrossEqual;
  private int acrossNear;
  private @Nullable HoldoutCheck check;

  /**
   * A search.
   *
   * @param sets as they are compared
   * @param originalTrain the training set in the model's own space, where equal points are equal
   *     whatever the features' rounding
   * @param originalHoldout the hold-out set there
   * @param batchSize queries of one block
   * @param split how the sets were split
   */
  GeometryTask(
      NDManager parent,
      ComparedSets sets,
      DataSet originalTrain,
      @Nullable DataSet originalHoldout,
      int batchSize,
      long residentBytes,
      NeighbourSettings settings,
      long seed,
      Split split) {
    this.manager = parent.newSubManager();
    this.train = sets.train();
    this.trainPoints = sets.trainPoints();
    this.holdout = sets.holdout();
    this.orbit = sets.orbit();
    // Mirrored latents are no latents of mirrored images.
    this.originalOrbit = sets.train() == originalTrain ? orbit : Orbit.SINGLE;
    this.settings = settings;
    this.originalTrain = originalTrain;
    this.batchSize = batchSize;
    this.residentBytes = residentBytes;
    this.seed = seed;
    this.split = split;
    int n = Math.toIntExact(train.size());
    int h = holdout == null ? 0 : Math.toIntExact(holdout.size());
    int most = settings.mostQueries(n, trainPoints.dimension());
    this.askedTrain = drawn(n, most);
    this.trainDistance = new double[askedTrain.length];
    this.merged = new DisjointSets(n);
    pieces.add(this::mergeIdentical);
    forEachBlock(askedTrain.length, this::trainAgainstTrain);
    pieces.add(this::chooseDuplicateDistance);
    forEachBlock(askedTrain.length, this::mergeDuplicates);
    pieces.add(() -> groups = merged.labels());
    DataSet compared = holdout;
    if (compared != null) {
      askedHoldout = drawn(h, most);
      holdoutFirst = new double[askedHoldout.length];
      holdoutSecond = new double[askedHoldout.length];
      DataSet asked = RowSubset.of(compared, askedHoldout);
      forEachBlock(askedHoldout.length, (first, count) -> holdoutAgainstTrain(asked, first, count));
      int pooled = settings.mostPooled(trainPoints.dimension());
      later =
          blocks(askedHoldout.length)
              + blocks(Math.min(n, pooled))
              + blocks(Math.min(Math.min(n, h), pooled))
              + 2;
      pieces.add(() -> findCopies(originalHoldout == null ? compared : originalHoldout));
      pieces.add(() -> findHoldoutDuplicates(compared));
    }
  }

  /** At most so many of {@code 0 .. size - 1}, drawn at random, ascending. */
  private int[] drawn(int size, int most) {
    return size <= most
        ? IntStream.range(0, size).toArray()
        : new Random(seed).ints(0, size).distinct().limit(most).sorted().toArray();
  }

  private int blocks(int size) {
    return (size + batchSize - 1) / batchSize;
  }

  private void forEachBlock(int size, BlockPiece piece) {
    for (int first = 0; first < size; first += batchSize) {
      int from = first;
      int count = Math.min(batchSize, size - first);
      pieces.add(() -> piece.run(from, count));
    }
  }

  /**
   * Equal points are one group whatever the distances, and are left out of each other's nearest
   * neighbours: in a set where every point is there twice the median distance would be 0.
   */
  private void mergeIdentical() throws BadInputException {
    identical = IdenticalPoints.labels(originalOrbit, originalTrain);
    for (int i = 0; i < identical.length; i++) {
      merged.merge(identical[i], i);
    }
  }

  private void trainAgainstTrain(int first, int count) throws BadInputException {
    int[] labels = TrainGroups.of(identical, asked(first, count));
    Nearest nearest =
        search(
            trainPoints,
            RowSubset.of(train, askedTrain),
            first,
            count,
            new Exclusion(identical, labels));
    System.arraycopy(nearest.firstDistance(), 0, trainDistance, first, count);
  }

  private int[] asked(int first, int count) {
    return Arrays.copyOfRange(askedTrain, first, first + count);
  }

  private void chooseDuplicateDistance() {
    double[] sorted = Arrays.stream(trainDistance).filter(Double::isFinite).sorted().toArray();
    duplicateDistance = sorted.length == 0 ? 0 : DUPLICATE_SHARE * sorted[sorted.length / 2];
  }

  private void mergeDuplicates(int first, int count) throws BadInputException {
    // Of equal points one is enough, or a set of blank images would have a pair of each two.
    int[] close =
        IntStream.range(first, first + count)
            .filter(i -> trainDistance[i] < duplicateDistance)
            .map(i -> askedTrain[i])
            .filter(i -> identical[i] == i || !isAsked(identical[i]))
            .toArray();
    if (close.length == 0) {
      return;
    }
    try (NDManager scratch = manager.newSubManager()) {
      NDArray queries = HostArrays.points(scratch, RowSubset.of(train, close), 0, close.length);
      new NeighbourSearch(trainPoints, orbit)
          .closerThan(
              queries, duplicateDistance, (query, point) -> merged.merge(close[query], point));
    }
  }

  private boolean isAsked(int point) {
    return Arrays.binarySearch(askedTrain, point) >= 0;
  }

  private void holdoutAgainstTrain(DataSet set, int first, int count) throws BadInputException {
    Nearest nearest = search(trainPoints, set, first, count, null);
    // As of samples: the control must not know fewer duplicates than what it is the control of.
    int[] labels =
        new TrainGroups(
                trainPoints,
                new NeighbourSearch(trainPoints, orbit),
                groups,
                askedTrain.length == groups.length,
                duplicateDistance)
            .around(nearest.firstIndex(), manager);
    int[] nearestGroups = TrainGroups.of(labels, nearest.firstIndex());
    Nearest outside = search(trainPoints, set, first, count, new Exclusion(labels, nearestGroups));
    System.arraycopy(nearest.firstDistance(), 0, holdoutFirst, first, count);
    System.arraycopy(outside.firstDistance(), 0, holdoutSecond, first, count);
  }

  /**
   * Finds the hold-out points that equal a training point or an earlier hold-out point. Equal
   * points have equal features but for rounding: their distance is 0.
   */
  private void findCopies(DataSet set) throws BadInputException {
    int[] labels = IdenticalPoints.labels(originalOrbit, originalTrain, set);
    int n = groups.length;
    holdoutMerged = new DisjointSets(labels.length - n);
    for (int i = n; i < labels.length; i++) {
      if (labels[i] >= n) {
        holdoutMerged.merge(labels[i] - n, i - n);
      }
    }
    unique = IntStream.range(0, labels.length - n).filter(i -> labels[n + i] == n + i).toArray();
    holdoutEqual = DuplicateCounts.sharing(Arrays.copyOfRange(labels, n, labels.length));
    inTrain = new boolean[labels.length - n];
    for (int i = 0; i < inTrain.length; i++) {
      inTrain[i] = labels[n + i] < n;
      acrossEqual += inTrain[i] ? 1 : 0;
    }
    for (int i = 0; i < holdoutFirst.length; i++) {
      if (labels[n + askedHoldout[i]] < n) {
        holdoutFirst[i] = 0;
      }
    }
  }

  /**
   * Adds the pieces that group near duplicates of the hold-out set as those of the training set
   * are: sets that were treated differently would be found to differ.
   */
  private void findHoldoutDuplicates(DataSet set) throws BadInputException {
    DevicePoints points = load(RowSubset.of(set, unique));
    int[] asked =
        Arrays.stream(unique).filter(i -> Arrays.binarySearch(askedHoldout, i) >= 0).toArray();
    DataSet queries = RowSubset.of(set, asked);
    later -= blocks(askedHoldout.length) + 1;
    forEachBlock(
        asked.length,
        (first, count) -> {
          try (NDManager scratch = manager.newSubManager()) {
            new NeighbourSearch(points, orbit)
                .closerThan(
                    HostArrays.points(scratch, queries, first, count),
                    duplicateDistance,
                    (query, point) -> holdoutMerged.merge(asked[first + query], unique[point]));
          }
        });
    pieces.add(
        () -> {
          points.close();
          chooseCompared(set);
        });
  }

  /**
   * Hold-out points that have a duplicate in the training set would count copies as independent. Of
   * a group of others one stands for all.
   */
  private void chooseCompared(DataSet set) throws BadInputException {
    later = 0;
    int[] holdoutGroups = holdoutMerged.labels();
    holdoutNear = DuplicateCounts.sharing(holdoutGroups);
    for (int i = 0; i < holdoutFirst.length; i++) {
      boolean isNear = holdoutFirst[i] < duplicateDistance || holdoutFirst[i] == 0;
      inTrain[askedHoldout[i]] |= isNear;
    }
    for (boolean isNear : inTrain) {
      acrossNear += isNear ? 1 : 0;
    }
    boolean[] taken = new boolean[inTrain.length];
    int[] kept =
        Arrays.stream(unique)
            .filter(i -> !inTrain[i])
            .filter(
                i -> {
                  boolean isFirst = !taken[holdoutGroups[i]];
                  taken[holdoutGroups[i]] = true;
                  return isFirst;
                })
            .toArray();
    holdoutDuplicates = inTrain.length - kept.length;
    int[] distinct = IntStream.range(0, groups.length).filter(i -> groups[i] == i).toArray();
    SplitUnits found = SplitUnits.of(split, distinct, kept, seed);
    units = found;
    int most = settings.mostPooled(trainPoints.dimension());
    int[] compared = chosen(found.compared(), Math.max(most / 2, most - distinct.length));
    int[] pooled = chosen(distinct, most - compared.length);
    boolean isWhole =
        pooled.length == distinct.length && compared.length == found.compared().length;
    SplitUnits checked = isWhole ? found : SplitUnits.of(split, pooled, compared, seed);
    Strata strata = checked.strata();
    if (strata.trainUnits() >= 2 && strata.holdoutUnits() >= 2 && strata.canExchange()) {
      checkHoldout(RowSubset.of(train, pooled), RowSubset.of(set, checked.compared()), checked);
    }
  }

  /** At most so many of some points, drawn at random, ascending. */
  private int[] chosen(int[] points, int most) {
    return TrainGroups.of(points, drawn(points.length, most));
  }

  /**
   * Adds the pieces of the hold-out check. Of each group of duplicates it sees one point, and
   * neighbours are looked for outside of a point's own unit: a point whose neighbours are its own
   * copies, or images of its own patient, says nothing about the split.
   */
  private void checkHoldout(DataSet trainPart, DataSet holdoutPart, SplitUnits found)
      throws BadInputException {
    int n = Math.toIntExact(trainPart.size());
    int h = Math.toIntExact(holdoutPart.size());
    DevicePoints trainPartPoints = n == train.size() ? trainPoints : load(trainPart);
    DevicePoints holdoutPartPoints = load(holdoutPart);
    int[] pooledNeighbour = new int[n + h];
    NeighbourTies ties = new NeighbourTies(n, h, seed);
    forEachBlock(
        n,
        (first, count) -> {
          Nearest own =
              search(
                  trainPartPoints,
                  trainPart,
                  first,
                  count,
                  exceptEqual(found.train(), first, count));
          Nearest other = search(holdoutPartPoints, trainPart, first, count, null);
          for (int i = 0; i < count; i++) {
            pooledNeighbour[first + i] =
                ties.isFirst(own.distance()[i], other.distance()[i], first + i)
                    ? own.index()[i][0]
                    : n + other.index()[i][0];
          }
        });
    forEachBlock(
        h,
        (first, count) -> {
          Nearest own =
              search(
                  holdoutPartPoints,
                  holdoutPart,
                  first,
                  count,
                  exceptEqual(found.holdout(), first, count));
          Nearest other = search(trainPartPoints, holdoutPart, first, count, null);
          for (int i = 0; i < count; i++) {
            pooledNeighbour[n + first + i] =
                ties.isFirst(other.distance()[i], own.distance()[i], n + first + i)
                    ? other.index()[i][0]
                    : n + own.index()[i][0];
          }
        });
    pieces.add(() -> check = check(pooledNeighbour, n, found));
  }

  private HoldoutCheck check(int[] pooledNeighbour, int n, SplitUnits found) {
    Strata strata = found.strata();
    if (strata.count() == 1
        && strata.trainUnits() + strata.holdoutUnits() == pooledNeighbour.length) {
      return HoldoutCheck.of(pooledNeighbour, n, seed);
    }
    int[] pooledUnits = new int[pooledNeighbour.length];
    for (int i = 0; i < pooledUnits.length; i++) {
      pooledUnits[i] = i < n ? found.train()[i] : strata.trainUnits() + found.holdout()[i - n];
    }
    return HoldoutCheck.of(pooledNeighbour, pooledUnits, strata, seed);
  }

  private DevicePoints load(DataSet set) throws BadInputException {
    int rows = Math.min(batchSize, DevicePoints.blockRows(set));
    return DevicePoints.load(manager, set, trainPoints.centre(), rows, residentBytes);
  }

  /** Leaves out, for each of these queries, itself and the points that equal it. */
  private static Exclusion exceptEqual(int[] labels, int first, int count) {
    return new Exclusion(labels, Arrays.copyOfRange(labels, first, first + count));
  }

  private Nearest search(
      DevicePoints points, DataSet set, int first, int count, @Nullable Exclusion exclusion)
      throws BadInputException {
    try (NDManager scratch = manager.newSubManager()) {
      return new NeighbourSearch(points, orbit)
          .nearestTwo(HostArrays.points(scratch, set, first, count), exclusion);
    }
  }

  @Override
  public boolean advance() throws BadInputException {
    Piece piece = pieces.poll();
    if (piece != null) {
      piece.run();
      done++;
    }
    return !pieces.isEmpty();
  }

  @Override
  public double progress() {
    return (double) done / Math.max(1, done + pieces.size() + later);
  }

  @Override
  public Part part() {
    return new Part("neighbours within the sets", progress());
  }

  @Override
  public SetGeometry result() {
    SplitUnits found = units;
    int trainEqual = DuplicateCounts.sharing(identical);
    int trainNear = DuplicateCounts.sharing(groups);
    if (found == null) {
      return SetGeometry.ofTrain(
          duplicateDistance,
          groups,
          new DuplicateCounts(trainEqual, trainNear, 0, 0, 0, 0),
          askedTrain.length);
    }
    double[] ratios =
        IntStream.range(0, holdoutFirst.length)
            .filter(i -> holdoutFirst[i] > 0)
            .mapToDouble(i -> holdoutFirst[i] / holdoutSecond[i])
            .toArray();
    int[] positions = SetGeometry.positions(groups);
    return new SetGeometry(
        duplicateDistance,
        groups,
        Arrays.stream(positions).map(group -> found.train()[group]).toArray(),
        new DuplicateCounts(
            trainEqual, trainNear, holdoutEqual, holdoutNear, acrossEqual, acrossNear),
        found.compared(),
        found.holdout(),
        found.strata(),
        found.sharedGroups(),
        found.otherClasses(),
        holdoutDuplicates,
        ratios,
        check,
        askedTrain.length);
  }

  @Override
  public void close() {
    manager.close();
  }
}
