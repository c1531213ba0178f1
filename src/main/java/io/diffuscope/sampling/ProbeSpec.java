package io.diffuscope.sampling;

import io.diffuscope.model.NetworkSettings;
import org.jspecify.annotations.Nullable;

/**
 * Everything that a checkpoint is measured with, as names and numbers: what travels to a sampler,
 * which opens it with {@link Probe#open}.
 *
 * @param template TorchScript file of the network
 * @param network settings that replace those of the template
 * @param decoder TorchScript decoder of a latent model, through which points are compared, or null
 * @param train training set: an array file, or a folder that {@code export_data} wrote
 * @param trainLabels classes of its points, an array file, or null where they lie with the points
 * @param holdout hold-out set, or null
 * @param holdoutLabels classes of its points, as for the training set
 * @param teacher mixture parameters ({@code .npz}) or a TorchScript network ({@code .pt}), or null
 * @param noise noise file, or null to draw from the seed
 * @param seed seed of the noise bank and of every permutation test
 * @param samples number of samples M; null takes all rows of the noise file, or 1000
 * @param batchSize rows in one block
 * @param flow solver and noise levels
 * @param denoising where the denoising loss is measured
 * @param spikiness where the spikiness of representations is measured
 * @param representation where class probes of representations, and ICR, are measured
 * @param descriptor under what samples are compared for copying and reproducibility
 * @param neighbours how neighbours are looked for
 * @param groups by what the sets were split
 * @param cacheDirectory where endpoints of reference flows and the sets' geometry are kept
 * @param residentBytes device memory that each data set may occupy for good
 * @param referenceChoice which reference flows samples are compared with
 */
public record ProbeSpec(
    String template,
    NetworkSettings.Overrides network,
    @Nullable String decoder,
    String train,
    @Nullable String trainLabels,
    @Nullable String holdout,
    @Nullable String holdoutLabels,
    @Nullable String teacher,
    @Nullable String noise,
    long seed,
    @Nullable Integer samples,
    int batchSize,
    FlowSettings flow,
    DenoisingSettings denoising,
    SpikinessSettings spikiness,
    RepresentationSettings representation,
    DescriptorSettings descriptor,
    NeighbourSettings neighbours,
    GroupSettings groups,
    String cacheDirectory,
    long residentBytes,
    ReferenceChoice referenceChoice) {
  /** Samples without a noise file and without a number. */
  public static final int DEFAULT_SAMPLES = 1000;

  /** Most rows in one block. */
  public static final int MOST_ROWS = 768;

  public ProbeSpec {
    if (samples != null && samples < 2) {
      throw new IllegalArgumentException("samples must be at least 2, not " + samples);
    }
    if (batchSize < 1 || batchSize > MOST_ROWS) {
      // An observation is at most 64 KiB encoded, up to 75 bytes a row.
      throw new IllegalArgumentException(
          "batch-size must be 1 to %d, not %d".formatted(MOST_ROWS, batchSize));
    }
  }

  /** The same with another measurement of spikiness. */
  public ProbeSpec withSpikiness(SpikinessSettings other) {
    return with(other, representation, descriptor, neighbours, groups, referenceChoice);
  }

  /** The same with other measurements of representations. */
  public ProbeSpec withRepresentation(RepresentationSettings other) {
    return with(spikiness, other, descriptor, neighbours, groups, referenceChoice);
  }

  /** The same with another descriptor. */
  public ProbeSpec withDescriptor(DescriptorSettings other) {
    return with(spikiness, representation, other, neighbours, groups, referenceChoice);
  }

  /** The same with neighbours looked for otherwise. */
  public ProbeSpec withNeighbours(NeighbourSettings other) {
    return with(spikiness, representation, descriptor, other, groups, referenceChoice);
  }

  /** The same with sets that were split by groups. */
  public ProbeSpec withGroups(GroupSettings other) {
    return with(spikiness, representation, descriptor, neighbours, other, referenceChoice);
  }

  /** The same with another choice of references. */
  public ProbeSpec withReferences(ReferenceChoice other) {
    return with(spikiness, representation, descriptor, neighbours, groups, other);
  }

  private ProbeSpec with(
      SpikinessSettings otherSpikiness,
      RepresentationSettings otherRepresentation,
      DescriptorSettings otherDescriptor,
      NeighbourSettings otherNeighbours,
      GroupSettings otherGroups,
      ReferenceChoice otherChoice) {
    return new ProbeSpec(
        template,
        network,
        decoder,
        train,
        trainLabels,
        holdout,
        holdoutLabels,
        teacher,
        noise,
        seed,
        samples,
        batchSize,
        flow,
        denoising,
        otherSpikiness,
        otherRepresentation,
        otherDescriptor,
        otherNeighbours,
        otherGroups,
        cacheDirectory,
        residentBytes,
        otherChoice);
  }

  /**
   * Without a decoder, with the labels that lie beside the points, if any, without spikiness,
   * representation, descriptor and groups.
   */
  public ProbeSpec(
      String template,
      NetworkSettings.Overrides network,
      String train,
      @Nullable String holdout,
      @Nullable String teacher,
      @Nullable String noise,
      long seed,
      @Nullable Integer samples,
      int batchSize,
      FlowSettings flow,
      DenoisingSettings denoising,
      String cacheDirectory,
      long residentBytes) {
    this(
        template,
        network,
        null,
        train,
        null,
        holdout,
        null,
        teacher,
        noise,
        seed,
        samples,
        batchSize,
        flow,
        denoising,
        SpikinessSettings.OFF,
        RepresentationSettings.OFF,
        DescriptorSettings.OFF,
        NeighbourSettings.DEFAULT,
        GroupSettings.NONE,
        cacheDirectory,
        residentBytes,
        ReferenceChoice.WHERE_CHEAP);
  }
}
