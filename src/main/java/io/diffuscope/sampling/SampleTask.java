package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.Denoiser;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Samples one block of noises from a checkpoint, and measures them. */
final class SampleTask extends FlowTask<SampleObservation> {
  /** What samples are measured against. */
  record Measures(FeatureMap map, Samples samples, ReferenceFlows references) {}

  private final NDManager manager;
  private final Measures measures;
  private final Probe probe;
  private final int block;
  private final @Nullable Path checkpoint;
  private @Nullable NDArray endpoints;
  private @Nullable BlockMeasurement measurement;

  /**
   * A block from its noises on.
   *
   * @param measures whose references' endpoints of this block are loaded
   * @param checkpoint file of the weights, for messages
   */
  SampleTask(
      NDManager parent,
      KeptArrays kept,
      Denoiser denoiser,
      Probe probe,
      int block,
      Measures measures,
      @Nullable Path checkpoint)
      throws BadInputException {
    super(parent, kept, denoiser, probe, block, probe.rowsOfBlock(block));
    this.manager = parent.newSubManager();
    this.measures = measures;
    this.probe = probe;
    this.block = block;
    this.checkpoint = checkpoint;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (!hasArrived()) {
      super.advance();
      return true;
    }
    if (measurement == null) {
      measurement = start();
    }
    boolean more = measurement.advance();
    NDArray features = measurement.samples();
    if (more && features != null && !measures.map.isIdentity() && !Samples.areUsable(features)) {
      throw diverged(checkpoint);
    }
    return more;
  }

  private BlockMeasurement start() throws BadInputException {
    NDArray arrived = endpoints(manager);
    if (!Samples.areUsable(arrived)) {
      throw diverged(checkpoint);
    }
    endpoints = arrived;
    return new BlockMeasurement(
        manager,
        measures.map,
        measures.samples,
        measures.references,
        probe,
        block,
        arrived,
        ComparedSets.queryRows(measures.map, probe.spec().batchSize()));
  }

  /** The samples, float32 {@code [rows, d]}, once they are measured; closed with this task. */
  NDArray endpoints() {
    return Objects.requireNonNull(endpoints, "the samples have not arrived");
  }

  /** Which points the samples' neighbours are, once they are measured. */
  PointNeighbours neighbours() {
    return Objects.requireNonNull(measurement, "the samples have not been measured").neighbours();
  }

  static BadInputException diverged(@Nullable Path checkpoint) {
    return new BadInputException(
        String.valueOf(checkpoint),
        Reason.NON_FINITE,
        "the network returns NaN, infinite or absurdly large values: the training has diverged",
        null);
  }

  @Override
  public double progress() {
    return (super.progress() + (measurement == null ? 0 : measurement.progress())) / 2;
  }

  @Override
  public SampleObservation result() {
    if (measurement == null) {
      throw new IllegalStateException("the samples have not been measured");
    }
    return measurement.result();
  }

  @Override
  public void close() {
    super.close();
    manager.close();
  }
}
