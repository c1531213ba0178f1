package io.diffuscope.run;

import io.diffuscope.sampling.DenoisingPlan;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.statistics.Strata;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/**
 * Times what an evaluation does beside the device: its signals fold the observations of a
 * checkpoint, and the permutation test of train affinity is drawn. How long that test takes depends
 * on the evidence: it stops early where there is none.
 */
public final class TrialFold {
  /** Evidence at which the test draws all its relabellings, and settles none of them early. */
  private static final double HARDEST_Z = 3.5;

  private static final double NEARLY_ALL = 0.9;

  private final EvaluationPlan plan;
  private final LongSupplier nanos;

  private TrialFold(EvaluationPlan plan, LongSupplier nanos) {
    this.plan = plan;
    this.nanos = nanos;
  }

  /**
   * Seconds of folding.
   *
   * @param sampled of a checkpoint that is sampled
   * @param lossesOnly of one of which only the denoising losses are measured
   */
  public record Seconds(double sampled, double lossesOnly) {}

  /**
   * For the signals of a run.
   *
   * @param nanos a clock
   */
  public static TrialFold of(
      Probe probe, GeometrySummary geometry, RunSettings settings, LongSupplier nanos) {
    return new TrialFold(EvaluationPlan.of(probe, geometry, settings), nanos);
  }

  /** Folds what a checkpoint's units have brought: all of it, samples first. */
  public Seconds time(List<? extends Observation> all) {
    List<? extends Observation> losses =
        all.stream().filter(DenoisingObservation.class::isInstance).toList();
    return new Seconds(time(plan, all), time(plan.lossesOnly(), losses));
  }

  private double time(EvaluationPlan signals, List<? extends Observation> observations) {
    long start = nanos.getAsLong();
    Fold fold = new Fold(signals.signals(Map.of()), observations.size());
    observations.forEach(observation -> fold.add(List.of(observation), null));
    return (nanos.getAsLong() - start) * 1e-9;
  }

  /**
   * Folds made-up observations of the right number and shape: the median over no evidence, just
   * enough of it, and samples that are nearly all copies.
   */
  public Seconds timeStandIns() {
    double part = (double) trainUnits() / (trainUnits() + Math.max(1, holdoutUnits()));
    double enough = part + HARDEST_Z * Math.sqrt(part * (1 - part) / probe().samples());
    List<Seconds> timed = new ArrayList<>();
    // The first one is also the one in which the virtual machine compiles.
    for (double share : new double[] {enough, part, enough, NEARLY_ALL}) {
      List<Observation> all = new ArrayList<>(samples(Math.min(share, 1)));
      all.addAll(losses());
      timed.add(time(all));
    }
    List<Seconds> warm = timed.subList(1, timed.size());
    return new Seconds(
        median(warm.stream().mapToDouble(Seconds::sampled).toArray()),
        median(warm.stream().mapToDouble(Seconds::lossesOnly).toArray()));
  }

  private int trainUnits() {
    Strata units = plan.geometry().strata();
    return units == null ? plan.geometry().distinctTrain() : units.trainUnits();
  }

  private int holdoutUnits() {
    Strata units = plan.geometry().strata();
    return units == null ? 0 : units.holdoutUnits();
  }

  private Probe probe() {
    return plan.probe();
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  /** Samples of which a share is nearer to a training point than to any hold-out point. */
  private List<SampleObservation> samples(double share) {
    SplittableRandom random = new SplittableRandom(probe().spec().seed());
    int held = holdoutUnits();
    List<SampleObservation> blocks = new ArrayList<>();
    for (int block = 0; block < probe().sampleBlocks(); block++) {
      int first = block * probe().spec().batchSize();
      int rows = Math.min(probe().spec().batchSize(), probe().samples() - first);
      Map<Reference, double[]> squared = new EnumMap<>(Reference.class);
      probe().references().forEach(r -> squared.put(r, random.doubles(rows).toArray()));
      double[] toTrain = new double[rows];
      double[] toHoldout = new double[rows];
      for (int i = 0; i < rows; i++) {
        boolean train = random.nextDouble() < share;
        toTrain[i] = train ? 1 : 2;
        toHoldout[i] = train ? 2 : 1;
      }
      boolean withTrain = squared.containsKey(Reference.TRAIN);
      boolean withHoldout = held > 0;
      blocks.add(
          new SampleObservation(
              block,
              first,
              squared,
              random.ints(rows, 0, Math.max(1, trainUnits())).toArray(),
              toTrain,
              random.doubles(rows, 2, 4).toArray(),
              withHoldout ? random.ints(rows, 0, held).toArray() : null,
              withHoldout ? toHoldout : null,
              new boolean[withTrain ? rows : 0],
              withTrain && squared.containsKey(Reference.HOLDOUT)
                  ? random.doubles(rows).toArray()
                  : null));
    }
    return blocks;
  }

  private List<DenoisingObservation> losses() {
    List<DenoisingObservation> blocks = new ArrayList<>();
    if (!plan.measures(SignalNames.DENOISING_GAP)) {
      return blocks;
    }
    SplittableRandom random = new SplittableRandom(probe().spec().seed());
    int rows =
        DenoisingPlan.rows(
            plan.trainSize(), plan.geometry().comparedHoldout(), probe().denoising());
    for (double sigma : probe().denoising().sigmas()) {
      for (int first = 0; first < rows; first += probe().spec().batchSize()) {
        int count = Math.min(probe().spec().batchSize(), rows - first);
        blocks.add(
            new DenoisingObservation(
                first / probe().spec().batchSize(), sigma, first, random.doubles(count).toArray()));
      }
    }
    return blocks;
  }
}
