package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.statistics.Strata;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GeometryTaskTest {
  private static final int D = 4;

  private NDManager manager;

  @BeforeEach
  void open() {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void aSetWithoutDuplicatesHasNoGroups() throws Exception {
    SetGeometry geometry = find(gaussians(60, 1), null);
    assertThat(geometry.hasTrainDuplicates()).isFalse();
    assertThat(geometry.trainGroups()).containsExactly(IntStream.range(0, 60).toArray());
    assertThat(geometry.comparedHoldout()).isNull();
    assertThat(geometry.holdoutCheck()).isNull();
    assertThat(geometry.summary()).isEqualTo(GeometrySummary.ofPoints(60, 0));
    assertThat(geometry.duplicateDistance())
        .isCloseTo(medianNearest(gaussians(60, 1)) / 3, within(1e-6));
  }

  @Test
  void groupsTriplesFoursAndChains() throws Exception {
    float[] points = gaussians(60, 1);
    copy(points, 5, 20);
    copy(points, 5, 40);
    copy(points, 7, 30);
    copy(points, 7, 31);
    copy(points, 7, 59);
    double link = find(points, null).duplicateDistance() * .9;
    // A chain of close links whose ends are not close: one group.
    for (int i = 1; i <= 4; i++) {
      copy(points, 10, 10 + i);
      points[(10 + i) * D] += (float) (i * link);
    }
    SetGeometry geometry = find(points, null);
    int[] groups = geometry.trainGroups();
    assertThat(groupOf(groups, 20)).containsExactly(5, 20, 40);
    assertThat(groupOf(groups, 7)).containsExactly(7, 30, 31, 59);
    assertThat(groupOf(groups, 13)).containsExactly(10, 11, 12, 13, 14);
    assertThat(geometry.duplicates().trainNear()).isEqualTo(12);
    assertThat(TrainGroups.of(geometry.trainGroups(), new int[] {40, 41})).containsExactly(5, 41);
  }

  /** Where every point is there three times, the median distance is 0 but the groups are not. */
  @Test
  void groupsASetInWhichEveryPointIsThreeTimes() throws Exception {
    float[] once = gaussians(20, 2);
    float[] thrice = new float[3 * once.length];
    for (int copy = 0; copy < 3; copy++) {
      System.arraycopy(once, 0, thrice, copy * once.length, once.length);
    }
    SetGeometry geometry = find(thrice, null);
    assertThat(geometry.duplicates().trainNear()).isEqualTo(60);
    assertThat(geometry.trainGroups())
        .containsExactly(IntStream.range(0, 60).map(i -> i % 20).toArray());
    assertThat(geometry.duplicateDistance()).isCloseTo(medianNearest(once) / 3, within(1e-6));
  }

  @Test
  void leavesOutHoldoutPointsThatAreInTheTrainingSet() throws Exception {
    float[] train = gaussians(60, 1);
    float[] holdout = gaussians(50, 2);
    System.arraycopy(train, 3 * D, holdout, 0, D);
    System.arraycopy(train, 9 * D, holdout, 10 * D, D);
    holdout[10 * D] += .01f;
    SetGeometry geometry = find(train, holdout);
    int[] left =
        firstOfEach(
            groupsByHand(holdout, geometry.duplicateDistance()),
            IntStream.range(0, 50)
                .filter(i -> nearest(holdout, i, train, -1) >= geometry.duplicateDistance()));
    assertThat(left).doesNotContain(0, 10).hasSizeGreaterThan(35);
    assertThat(geometry.comparedHoldout()).containsExactly(left);
    assertThat(geometry.holdoutDuplicates()).isEqualTo(50 - left.length);
    double[] ratios = Objects.requireNonNull(geometry.controlRatios());
    // The control is a share of all but exact copies: near ones are what it counts.
    assertThat(ratios).hasSize(49);
    for (int i = 0; i < 49; i++) {
      double[] distances = sortedDistances(holdout, i + 1, train);
      assertThat(ratios[i]).isCloseTo(distances[0] / distances[1], within(1e-5));
    }
    GeometrySummary summary = geometry.summary();
    assertThat(summary.comparedHoldout()).isEqualTo(left.length);
    assertThat(summary.holdoutDuplicates()).isEqualTo(50 - left.length);
    assertThat(summary.controlPoints()).isEqualTo(49);
    assertThat(summary.controlCopies()).isPositive();
    assertThat(summary.controlCopies())
        .isEqualTo((int) Arrays.stream(ratios).filter(r -> r < 1.0 / 3).count());
    assertThat(summary.comparesHoldout()).isTrue();
  }

  @Test
  void controlRatiosLookOutsideTheNearestPointsGroup() throws Exception {
    float[] train = gaussians(60, 1);
    copy(train, 5, 20);
    float[] holdout = gaussians(50, 2);
    // A hold-out point that has the two equal ones as its nearest.
    System.arraycopy(train, 5 * D, holdout, 0, D);
    SetGeometry before = find(train, holdout);
    holdout[0] += (float) (1.5 * before.duplicateDistance());
    SetGeometry geometry = find(train, holdout);
    assertThat(geometry.trainGroups()[20]).isEqualTo(5);
    int[] compared = Objects.requireNonNull(geometry.comparedHoldout());
    assertThat(compared[0]).isZero();
    double[] distances = sortedDistances(holdout, 0, train);
    assertThat(distances[0]).isEqualTo(distances[1]);
    assertThat(Objects.requireNonNull(geometry.controlRatios())[0])
        .isCloseTo(distances[0] / distances[2], within(1e-5));
  }

  @Test
  void aLargerHoldoutIsCutToTheTrainingSetsSize() throws Exception {
    SetGeometry geometry = find(gaussians(40, 1), gaussians(200, 2));
    int[] compared = Objects.requireNonNull(geometry.comparedHoldout());
    assertThat(compared).hasSize(40).isSorted().doesNotHaveDuplicates();
    assertThat(compared[39]).as("spread over the whole set").isGreaterThan(100);
    assertThat(geometry.controlRatios()).hasSize(200);
    assertThat(find(gaussians(40, 1), gaussians(200, 2)).comparedHoldout()).isEqualTo(compared);
  }

  @Test
  void theHoldoutCheckSeesTheseSets() throws Exception {
    float[] train = gaussians(150, 1);
    HoldoutCheck same = Objects.requireNonNull(find(train, gaussians(150, 2)).holdoutCheck());
    assertThat(same.differs()).isFalse();

    float[] noisy = gaussians(150, 2);
    RandomGenerator random = ProbeFiles.random(9);
    for (int i = 0; i < noisy.length; i++) {
      noisy[i] += (float) (1.2 * random.nextGaussian());
    }
    SetGeometry geometry = find(train, noisy);
    HoldoutCheck other = Objects.requireNonNull(geometry.holdoutCheck());
    assertThat(other.differs()).isTrue();
    // T1 and T2 by all distances.
    int[] compared = Objects.requireNonNull(geometry.comparedHoldout());
    int[] units = IntStream.range(0, 150).filter(i -> geometry.trainGroups()[i] == i).toArray();
    double trainToTrain = 0;
    for (int point : units) {
      double mine =
          Arrays.stream(units)
              .filter(j -> j != point)
              .mapToDouble(j -> distance(train, point, train, j))
              .min()
              .orElseThrow();
      double theirs =
          Arrays.stream(compared)
              .mapToDouble(j -> distance(train, point, noisy, j))
              .min()
              .orElseThrow();
      trainToTrain += mine < theirs ? 1.0 / units.length : 0;
    }
    double holdoutToHoldout = 0;
    for (int i : compared) {
      double toTrain =
          Arrays.stream(units).mapToDouble(j -> distance(noisy, i, train, j)).min().orElseThrow();
      double within =
          Arrays.stream(compared)
              .filter(j -> j != i)
              .mapToDouble(j -> distance(noisy, i, noisy, j))
              .min()
              .orElseThrow();
      holdoutToHoldout += within < toTrain ? 1.0 / compared.length : 0;
    }
    assertThat(other.trainToTrain()).isCloseTo(trainToTrain, within(1e-9));
    assertThat(other.holdoutToHoldout()).isCloseTo(holdoutToHoldout, within(1e-9));
  }

  @Test
  void aHoldoutOfCopiesLeavesNothingToCompare() throws Exception {
    float[] train = gaussians(40, 1);
    SetGeometry geometry = find(train, Arrays.copyOf(train, 10 * D));
    assertThat(geometry.comparedHoldout()).isEmpty();
    assertThat(geometry.holdoutDuplicates()).isEqualTo(10);
    assertThat(geometry.holdoutCheck()).isNull();
    assertThat(geometry.summary().comparesHoldout()).isFalse();
  }

  @Test
  void isKeptOnDisk(@TempDir Path folder) throws Exception {
    float[] train = gaussians(40, 1);
    copy(train, 5, 20);
    SetGeometry geometry = find(train, gaussians(30, 2));
    GeometryStore store = new GeometryStore(folder);
    assertThat(store.find("key", 40, 30)).isEmpty();
    store.put("key", geometry);
    SetGeometry read = store.find("key", 40, 30).orElseThrow();
    assertThat(read)
        .usingRecursiveComparison()
        .as("arrays compared by content")
        .isEqualTo(geometry);
    Files.writeString(folder.resolve("geometry").resolve("key.json"), "{\"dup");
    assertThat(store.find("key", 40, 30)).isEmpty();
    for (String wrong : List.of("null", "{}", "[]")) {
      Files.writeString(folder.resolve("geometry").resolve("key.json"), wrong);
      assertThat(store.find("key", 40, 30)).isEmpty();
    }
    store.put("key", geometry);
    assertThat(store.find("key", 41, 30)).as("of another set").isEmpty();
  }

  /** A perfect model of the line scores 1/3, and so must its control. */
  @Test
  void theControlOfAPerfectModelIsTheModelsOwnShare() throws Exception {
    float[] line = onALine(800, 1);
    SetGeometry geometry = find(line, onALine(800, 2));
    GeometrySummary summary = geometry.summary();
    assertThat((double) summary.controlCopies() / summary.controlPoints())
        .isCloseTo(1.0 / 3, within(4 * Math.sqrt(2.0 / 9 / 800)));
  }

  /** Every training point three times over: the group is the unit of the hold-out check. */
  @Test
  void copiesWithinTheTrainingSetDoNotMakeTheSetsDiffer() throws Exception {
    float[] once = gaussians(100, 1);
    float[] thrice = Arrays.copyOf(once, 3 * once.length);
    System.arraycopy(once, 0, thrice, once.length, once.length);
    System.arraycopy(once, 0, thrice, 2 * once.length, once.length);
    SetGeometry geometry = find(thrice, gaussians(100, 2));
    HoldoutCheck check = Objects.requireNonNull(geometry.holdoutCheck());
    assertThat(check).isEqualTo(find(once, gaussians(100, 2)).holdoutCheck());
    assertThat(check.differs()).isFalse();
    assertThat(geometry.distinctTrain()).isEqualTo(find(once, null).distinctTrain());
    int[] positions = geometry.trainUnits();
    assertThat(positions[250]).isEqualTo(positions[150]).isEqualTo(positions[50]);
    assertThat(Arrays.stream(positions).max().orElseThrow())
        .isEqualTo(geometry.distinctTrain() - 1);
  }

  @Test
  void countsEqualAndNearDuplicatesWithinAndAcrossTheSets() throws Exception {
    float[] train = gaussians(60, 1);
    copy(train, 5, 20);
    copy(train, 7, 30);
    train[30 * D] += .01f;
    float[] holdout = gaussians(40, 2);
    for (int i = 0; i < holdout.length; i++) {
      holdout[i] += 20; // no near ones by chance
    }
    System.arraycopy(train, 3 * D, holdout, 0, D);
    System.arraycopy(train, 9 * D, holdout, 10 * D, D);
    holdout[10 * D] += .01f;
    copy(holdout, 12, 13);
    copy(holdout, 14, 15);
    holdout[15 * D] += .01f;
    DuplicateCounts found = find(train, holdout).duplicates();

    // Of the Gaussian points some are near each other by chance.
    int[] groups = find(train, null).trainGroups();
    int near = DuplicateCounts.sharing(groups);
    double close = find(train, null).duplicateDistance();
    int holdoutNear = DuplicateCounts.sharing(groupsByHand(holdout, close));
    assertThat(near).isGreaterThanOrEqualTo(4);
    assertThat(holdoutNear).isGreaterThanOrEqualTo(4);
    assertThat(found).isEqualTo(new DuplicateCounts(2, near, 2, holdoutNear, 1, 2));
  }

  /** Of each near point to each the smallest number that a chain of near points leads to. */
  private static int[] groupsByHand(float[] points, double close) {
    int n = points.length / D;
    int[] groups = IntStream.range(0, n).toArray();
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          double distance = distance(points, i, points, j);
          if (groups[j] < groups[i] && (distance < close || distance == 0)) {
            groups[i] = groups[j];
            changed = true;
          }
        }
      }
    }
    return groups;
  }

  private static int[] firstOfEach(int[] groups, IntStream points) {
    Set<Integer> seen = new HashSet<>();
    return points.filter(i -> seen.add(groups[i])).toArray();
  }

  /** Near duplicates in both sets, alike: a good split is no bad one for it. */
  @Test
  void nearDuplicatesWithinBothSetsAreNoDifference() throws Exception {
    int differs = 0;
    for (int seed = 0; seed < 8; seed++) {
      float[] train = twins(300, 2 * seed + 1);
      float[] holdout = twins(300, 2 * seed + 2);
      SetGeometry geometry = find(train, holdout);
      assertThat(geometry.duplicates().holdoutNear()).isBetween(150, 170);
      differs += Objects.requireNonNull(geometry.holdoutCheck()).differs() ? 1 : 0;
    }
    assertThat(differs).as("at a level of 1 %").isLessThanOrEqualTo(1);
  }

  /** Half of the points lie beside another one. */
  private static float[] twins(int n, long seed) {
    float[] points = gaussians(n, seed);
    for (int i = 0; i < n / 4; i++) {
      copy(points, i, n - 1 - i);
      points[(n - 1 - i) * D] += .01f;
    }
    return points;
  }

  /** Sets split by groups of 4 near points: neighbours of a point's own group do not count. */
  @Test
  void groupsAreTheUnitsOfTheCheckAndOfNeighbours() throws Exception {
    float[] train = families(40, 1);
    float[] holdout = families(30, 2);
    int[] trainGroups = IntStream.range(0, 160).map(i -> 1000 - i / 4).toArray();
    int[] holdoutGroups = IntStream.range(0, 120).map(i -> i / 4).toArray();
    // One group was not split as a whole.
    Arrays.fill(holdoutGroups, 0, 4, 1000);
    Split split = new Split(null, null, trainGroups, holdoutGroups);
    SetGeometry geometry = find(train, holdout, 64, 1 << 20, split);

    assertThat(geometry.strata()).isEqualTo(Strata.one(40, 29));
    assertThat(geometry.sharedGroups()).isEqualTo(4);
    int[] compared =
        firstOfEach(groupsByHand(holdout, geometry.duplicateDistance()), IntStream.range(4, 120));
    assertThat(geometry.comparedHoldout()).containsExactly(compared);
    assertThat(geometry.trainUnits())
        .containsExactly(IntStream.range(0, 160).map(i -> i / 4).toArray());
    assertThat(geometry.holdoutUnits())
        .containsExactly(Arrays.stream(compared).map(i -> i / 4 - 1).toArray());
    HoldoutCheck byGroups = Objects.requireNonNull(geometry.holdoutCheck());
    HoldoutCheck byPoints = Objects.requireNonNull(find(train, holdout).holdoutCheck());
    assertThat(byPoints.differs()).isTrue();
    assertThat(byPoints.trainToTrain()).isGreaterThan(.95);
    assertThat(byGroups.differs()).isFalse();
    // By hand: nearest point of another group, in train or in the rest of the hold-out.
    int[] distinct = IntStream.range(0, 160).filter(i -> geometry.trainGroups()[i] == i).toArray();
    int same = 0;
    for (int query : distinct) {
      double own =
          Arrays.stream(distinct)
              .filter(j -> j / 4 != query / 4)
              .mapToDouble(j -> distance(train, query, train, j))
              .min()
              .orElseThrow();
      double other =
          Arrays.stream(compared)
              .mapToDouble(j -> distance(train, query, holdout, j))
              .min()
              .orElseThrow();
      same += own <= other ? 1 : 0;
    }
    assertThat(byGroups.trainToTrain()).isCloseTo((double) same / distinct.length, within(1e-12));
  }

  private static float[] families(int count, long seed) {
    float[] centres = gaussians(count, seed);
    float[] noise = gaussians(4 * count, seed + 10);
    float[] points = new float[4 * centres.length];
    for (int i = 0; i < points.length; i++) {
      int family = i / D / 4;
      points[i] = centres[family * D + i % D] + .1f * noise[i];
    }
    return points;
  }

  private static float[] onALine(int size, long seed) {
    float[] points = new float[size * D];
    RandomGenerator random = ProbeFiles.random(seed);
    for (int i = 0; i < size; i++) {
      points[i * D] = random.nextFloat();
    }
    return points;
  }

  /** The same whatever the block size and whether the points stay on the device. */
  private SetGeometry find(float[] train, float @Nullable [] holdout) throws Exception {
    SetGeometry first = find(train, holdout, 7, 0);
    SetGeometry second = find(train, holdout, 64, 1 << 20);
    assertThat(second).usingRecursiveComparison().isEqualTo(first);
    return first;
  }

  private SetGeometry find(
      float[] train, float @Nullable [] holdout, int batchSize, long residentBytes)
      throws Exception {
    return find(train, holdout, batchSize, residentBytes, Split.BY_POINTS);
  }

  private SetGeometry find(
      float[] train, float @Nullable [] holdout, int batchSize, long residentBytes, Split split)
      throws Exception {
    DataSet set = DataSet.of("train", TensorShape.of(D), train);
    DataSet other = holdout == null ? null : DataSet.of("holdout", TensorShape.of(D), holdout);
    try (DevicePoints points =
            DevicePoints.load(manager, set, DevicePoints.meanOf(set), batchSize, residentBytes);
        GeometryTask task =
            new GeometryTask(
                manager,
                new ComparedSets(set, points, other, Orbit.SINGLE),
                set,
                other,
                batchSize,
                residentBytes,
                NeighbourSettings.DEFAULT,
                1,
                split)) {
      double progress = 0;
      while (task.advance()) {
        assertThat(task.progress()).isBetween(0.0, 1.0);
        progress = task.progress();
      }
      assertThat(progress).isPositive();
      assertThat(task.progress()).isEqualTo(1);
      return task.result();
    }
  }

  private static float[] gaussians(int n, long seed) {
    return ProbeFiles.gaussians(n * D, seed);
  }

  private static void copy(float[] points, int from, int to) {
    System.arraycopy(points, from * D, points, to * D, D);
  }

  private static int[] groupOf(int[] groups, int member) {
    return IntStream.range(0, groups.length).filter(i -> groups[i] == groups[member]).toArray();
  }

  private static double medianNearest(float[] points) {
    double[] distances =
        IntStream.range(0, points.length / D)
            .mapToDouble(i -> nearest(points, i, points, i))
            .sorted()
            .toArray();
    return distances[distances.length / 2];
  }

  private static double nearest(float[] a, int i, float[] b, int except) {
    return IntStream.range(0, b.length / D)
        .filter(j -> j != except)
        .mapToDouble(j -> distance(a, i, b, j))
        .min()
        .orElseThrow();
  }

  private static double[] sortedDistances(float[] a, int i, float[] b) {
    return IntStream.range(0, b.length / D)
        .mapToDouble(j -> distance(a, i, b, j))
        .sorted()
        .toArray();
  }

  private static double distance(float[] a, int i, float[] b, int j) {
    double squared = 0;
    for (int k = 0; k < D; k++) {
      squared += Math.pow((double) a[i * D + k] - b[j * D + k], 2);
    }
    return Math.sqrt(squared);
  }
}
