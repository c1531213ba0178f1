package io.diffuscope.benchmark;

import ai.djl.Device;
import io.diffuscope.sampling.DenoisingPlan;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.util.Objects;

/** Whole evaluations of a checkpoint, block by block, as a sampler of the monitor does them. */
final class Evaluations implements AutoCloseable {
  private final Probe probe;
  private final ProbeDevice device;
  private final Path checkpoint;
  private final int denoisingBlocks;
  private int evaluations;

  private Evaluations(Probe probe, ProbeDevice device, Path checkpoint, int denoisingBlocks) {
    this.probe = probe;
    this.device = device;
    this.checkpoint = checkpoint;
    this.denoisingBlocks = denoisingBlocks;
  }

  /** Opens a probe and does what is done once: geometry, and the flows of the references. */
  static Evaluations prepare(ProbeSpec spec, Path checkpoint) throws BadInputException {
    Probe probe = Probe.open(spec);
    ProbeDevice device = ProbeDevice.load(probe, Device.cpu());
    SetGeometry geometry = device.geometry().complete();
    device.useGeometry(geometry);
    for (Reference reference : probe.references()) {
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        device.referenceBlock(reference, block).complete();
      }
    }
    int compared = Objects.requireNonNull(geometry.comparedHoldout()).length;
    int rows = DenoisingPlan.rows(probe.train().size(), compared, spec.denoising());
    int blocks = (rows + spec.batchSize() - 1) / spec.batchSize();
    return new Evaluations(probe, device, checkpoint, blocks);
  }

  /** One evaluation, from the weights in the file to the observations. */
  void evaluate() throws BadInputException {
    // A new identity each time, so that the weights are loaded again.
    device.useCheckpoint("evaluation-" + evaluations++, WeightsLocation.of(checkpoint));
    for (int block = 0; block < probe.sampleBlocks(); block++) {
      device.sampleBlock(block).complete();
    }
    for (double sigma : probe.spec().denoising().sigmas()) {
      for (int block = 0; block < denoisingBlocks; block++) {
        device.denoisingBlock(sigma, block).complete();
      }
    }
  }

  /** Calls of the network in one evaluation, each with a full batch. */
  int networkCalls() {
    int flow = 2 * probe.spec().flow().grid().steps() - 1;
    int losses = probe.spec().denoising().sigmas().size() * denoisingBlocks;
    return probe.sampleBlocks() * flow + losses;
  }

  int samples() {
    return probe.samples();
  }

  ProbeDevice device() {
    return device;
  }

  @Override
  public void close() {
    device.close();
    probe.close();
  }
}
