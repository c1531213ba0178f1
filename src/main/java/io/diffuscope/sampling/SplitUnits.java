package io.diffuscope.sampling;

import io.diffuscope.statistics.Strata;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The exchangeable units of two sets: points, or groups of them, numbered class by class as {@link
 * Strata} wants it.
 *
 * @param train unit of each distinct training point, in the order given
 * @param compared hold-out points that take part, ascending
 * @param holdout unit of each of them
 * @param strata number of units by class
 * @param sharedGroups hold-out points left out because their group is in the training set, too
 * @param otherClasses hold-out points left out because no training point is of their class
 */
record SplitUnits(
    int[] train, int[] compared, int[] holdout, Strata strata, int sharedGroups, int otherClasses) {
  /** Points of one set that are exchanged together. */
  private record Unit(int stratum, List<Integer> points) {}

  /**
   * Finds them. A group is of the class that most of its points are of. No class keeps more units
   * of the hold-out than of train, because the normal tail of the affinity test holds only for
   * those; which ones is random.
   *
   * @param distinct training points, one for each group of duplicates
   * @param kept hold-out points without duplicates
   */
  static SplitUnits of(Split split, int[] distinct, int[] kept, long seed) {
    if (!split.withinClasses() && !split.byGroups()) {
      return ofPoints(distinct.length, kept, seed);
    }
    SplitUnits found = find(split, distinct, kept, seed);
    // Without a common class nothing can be exchanged within one: then the sets just differ.
    return split.withinClasses() && !found.strata.canExchange()
        ? find(split.acrossClasses(), distinct, kept, seed)
        : found;
  }

  /** Point by point, without an object for each: there may be millions. */
  private static SplitUnits ofPoints(int train, int[] kept, long seed) {
    int[] compared = kept.clone();
    if (kept.length > train) {
      Random random = new Random(seed);
      for (int i = 0; i < train; i++) {
        int j = random.nextInt(i, compared.length);
        int chosen = compared[j];
        compared[j] = compared[i];
        compared[i] = chosen;
      }
      compared = Arrays.copyOf(compared, train);
      Arrays.sort(compared);
    }
    return new SplitUnits(
        IntStream.range(0, train).toArray(),
        compared,
        IntStream.range(0, compared.length).toArray(),
        Strata.one(train, compared.length),
        0,
        0);
  }

  private static SplitUnits find(Split split, int[] distinct, int[] kept, long seed) {
    int[] own = withoutGroupsOfTrain(split, kept);
    int[] classes = classes(split, distinct, own);
    List<Unit> trainUnits = units(distinct, split.trainGroups(), split.trainClasses(), classes);
    List<Unit> holdoutUnits = units(own, split.holdoutGroups(), split.holdoutClasses(), classes);
    int[] trainSizes = sizes(trainUnits, classes.length);
    int otherClasses =
        holdoutUnits.stream()
            .filter(unit -> trainSizes[unit.stratum] == 0)
            .mapToInt(unit -> unit.points.size())
            .sum();
    holdoutUnits = atMost(trainSizes, holdoutUnits, seed);
    Map<Integer, Integer> trainUnit = numbers(trainUnits);
    Map<Integer, Integer> holdoutUnit = numbers(holdoutUnits);
    int[] compared = holdoutUnit.keySet().stream().mapToInt(Integer::intValue).sorted().toArray();
    return new SplitUnits(
        Arrays.stream(distinct).map(trainUnit::get).toArray(),
        compared,
        Arrays.stream(compared).map(holdoutUnit::get).toArray(),
        new Strata(
            Arrays.stream(trainSizes).boxed().toList(),
            Arrays.stream(sizes(holdoutUnits, classes.length)).boxed().toList()),
        kept.length - own.length,
        otherClasses);
  }

  /** A group on both sides was not split as a whole, whatever was meant: it is left out of one. */
  private static int[] withoutGroupsOfTrain(Split split, int[] kept) {
    int[] trainGroups = split.trainGroups();
    int[] holdoutGroups = split.holdoutGroups();
    if (trainGroups == null || holdoutGroups == null) {
      return kept;
    }
    Set<Integer> shared = new HashSet<>();
    Arrays.stream(trainGroups).forEach(shared::add);
    return Arrays.stream(kept).filter(i -> !shared.contains(holdoutGroups[i])).toArray();
  }

  /** All classes of these points, ascending. */
  private static int[] classes(Split split, int[] distinct, int[] kept) {
    int[] trainClasses = split.trainClasses();
    int[] holdoutClasses = split.holdoutClasses();
    if (trainClasses == null || holdoutClasses == null) {
      return new int[] {0};
    }
    Set<Integer> classes = new TreeSet<>();
    Arrays.stream(distinct).forEach(i -> classes.add(trainClasses[i]));
    Arrays.stream(kept).forEach(i -> classes.add(holdoutClasses[i]));
    return classes.stream().mapToInt(Integer::intValue).toArray();
  }

  private static List<Unit> units(
      int[] points, int @Nullable [] groups, int @Nullable [] labels, int[] classes) {
    Map<Integer, List<Integer>> members = new LinkedHashMap<>();
    for (int i = 0; i < points.length; i++) {
      members
          .computeIfAbsent(groups == null ? i : groups[points[i]], g -> new ArrayList<>())
          .add(points[i]);
    }
    List<Unit> units = new ArrayList<>();
    for (List<Integer> group : members.values()) {
      int label = labels == null ? 0 : mostCommon(group, labels);
      units.add(new Unit(labels == null ? 0 : Arrays.binarySearch(classes, label), group));
    }
    return units;
  }

  /** The lowest one where several are as common. */
  private static int mostCommon(List<Integer> points, int[] labels) {
    Map<Integer, Integer> counts = new HashMap<>();
    points.forEach(i -> counts.merge(labels[i], 1, Integer::sum));
    int best = labels[points.getFirst()];
    for (Map.Entry<Integer, Integer> entry : counts.entrySet()) {
      int count = entry.getValue();
      int most = counts.getOrDefault(best, 0);
      if (count > most || (count == most && entry.getKey() < best)) {
        best = entry.getKey();
      }
    }
    return best;
  }

  private static int[] sizes(List<Unit> units, int strata) {
    int[] sizes = new int[strata];
    units.forEach(unit -> sizes[unit.stratum]++);
    return sizes;
  }

  private static List<Unit> atMost(int[] most, List<Unit> units, long seed) {
    int[] sizes = sizes(units, most.length);
    if (IntStream.range(0, most.length).noneMatch(c -> sizes[c] > most[c])) {
      return units;
    }
    List<Unit> shuffled = new ArrayList<>(units);
    Collections.shuffle(shuffled, new Random(seed));
    int[] taken = new int[most.length];
    return shuffled.stream().filter(unit -> taken[unit.stratum]++ < most[unit.stratum]).toList();
  }

  /** The number of each point's unit: by stratum, then by first point. */
  private static Map<Integer, Integer> numbers(List<Unit> units) {
    List<Unit> ordered = new ArrayList<>(units);
    ordered.sort(
        (a, b) ->
            a.stratum != b.stratum
                ? Integer.compare(a.stratum, b.stratum)
                : Integer.compare(a.points.getFirst(), b.points.getFirst()));
    Map<Integer, Integer> numbers = new HashMap<>();
    for (int number = 0; number < ordered.size(); number++) {
      for (int point : ordered.get(number).points) {
        numbers.put(point, number);
      }
    }
    return numbers;
  }
}
