package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.SampleMeasurement;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Does and times the units of an evaluation on a device that has loaded a checkpoint, as a sampler
 * would; nothing is kept. Comparisons with kept samples are left out: they read files, and need no
 * network.
 */
public final class TrialUnits {
  private final EvaluationPlan plan;
  private final LongSupplier nanos;

  TrialUnits(EvaluationPlan plan, LongSupplier nanos) {
    this.plan = plan;
    this.nanos = nanos;
  }

  /**
   * Those of a run's checkpoint at which every signal that is on is due.
   *
   * @param nanos a clock
   */
  public static TrialUnits of(
      Probe probe, GeometrySummary geometry, RunSettings settings, LongSupplier nanos) {
    double decisionZ = settings.detectors().earlyMemorization().decisionZ();
    return new TrialUnits(EvaluationPlan.of(probe, geometry, decisionZ, settings.signals()), nanos);
  }

  /**
   * What units took.
   *
   * @param sampling seconds of the blocks of samples, with everything measured on them
   * @param losses seconds of the denoising losses
   * @param others seconds of all other units: spikiness of the sets, class probes, icr
   * @param observations what they brought, samples first
   */
  public record Done(
      double sampling, double losses, double others, List<Observation> observations) {}

  /** Does all of them. */
  public Done all(ProbeDevice device, Checkpoint checkpoint) throws BadInputException {
    double sampling = 0;
    double losses = 0;
    double others = 0;
    List<Observation> observations = new ArrayList<>();
    for (WorkUnit unit : plan.units(checkpoint)) {
      long start = nanos.getAsLong();
      observations.addAll(UnitTasks.observing(device, unit).complete());
      double seconds = (nanos.getAsLong() - start) * 1e-9;
      switch (unit) {
        case WorkUnit.SampleBlock u -> sampling += seconds;
        case WorkUnit.DenoisingBlock u -> losses += seconds;
        default -> others += seconds;
      }
    }
    return new Done(sampling, losses, others, observations);
  }

  /**
   * Seconds of what a plan's other pieces leave out: the units that are neither samples nor
   * denoising losses, and what is measured on samples beside neighbours and distances. One of each
   * kind is done, a second time where the first was short, and stands for the others of its kind.
   *
   * @param longest seconds after which a piece is not done a second time
   */
  public double others(ProbeDevice device, Checkpoint checkpoint, double longest)
      throws BadInputException {
    Map<Class<?>, List<WorkUnit>> kinds = new LinkedHashMap<>();
    int blocks = 0;
    Set<SampleMeasurement> measured = Set.of();
    for (WorkUnit unit : plan.units(checkpoint)) {
      switch (unit) {
        case WorkUnit.SampleBlock u -> {
          blocks++;
          measured = u.measurements();
        }
        case WorkUnit.DenoisingBlock u -> {}
        default -> kinds.computeIfAbsent(unit.getClass(), kind -> new ArrayList<>()).add(unit);
      }
    }
    double total = 0;
    for (List<WorkUnit> same : kinds.values()) {
      WorkUnit unit = same.getFirst();
      total += same.size() * warm(longest, () -> UnitTasks.observing(device, unit).complete());
    }
    if (blocks > 0 && !measured.isEmpty()) {
      Set<SampleMeasurement> beside = measured;
      total += blocks * warm(longest, () -> device.measureStandIns(beside));
    }
    return total;
  }

  private interface Piece {
    void run() throws BadInputException;
  }

  /** The first time fills what a device keeps from one checkpoint to the next. */
  private double warm(double longest, Piece piece) throws BadInputException {
    double first = once(piece);
    return first > longest ? first : once(piece);
  }

  private double once(Piece piece) throws BadInputException {
    long start = nanos.getAsLong();
    piece.run();
    return (nanos.getAsLong() - start) * 1e-9;
  }
}
