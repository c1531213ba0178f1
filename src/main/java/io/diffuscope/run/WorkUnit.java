package io.diffuscope.run;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.EvidenceRequest;
import io.diffuscope.sampling.KeptSamples;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SampleComparison;
import io.diffuscope.sampling.SampleMeasurement;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One block of work for a sampler. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME)
@JsonSubTypes({
  @JsonSubTypes.Type(value = WorkUnit.FindGeometry.class, name = "geometry"),
  @JsonSubTypes.Type(value = WorkUnit.ReferenceFlow.class, name = "reference"),
  @JsonSubTypes.Type(value = WorkUnit.SampleBlock.class, name = "samples"),
  @JsonSubTypes.Type(value = WorkUnit.DenoisingBlock.class, name = "denoising"),
  @JsonSubTypes.Type(value = WorkUnit.SpikinessBlock.class, name = "spikiness"),
  @JsonSubTypes.Type(value = WorkUnit.RepresentationLevel.class, name = "representation"),
  @JsonSubTypes.Type(value = WorkUnit.RepresentationIcr.class, name = "icr"),
  @JsonSubTypes.Type(value = WorkUnit.NetworkSize.class, name = "network"),
  @JsonSubTypes.Type(value = WorkUnit.ComparisonBlock.class, name = "comparison")
})
public sealed interface WorkUnit extends CborSerializable {
  /**
   * Duplicates, control and hold-out check of the sets.
   *
   * @param run that is told how far it is; null: none
   */
  record FindGeometry(@Nullable String run) implements WorkUnit {
    /** Tells nobody. */
    public FindGeometry() {
      this(null);
    }
  }

  /** Endpoints of a reference's flow for one block of noises. */
  record ReferenceFlow(Reference reference, int block) implements WorkUnit {}

  /**
   * Samples of a checkpoint for one block of noises.
   *
   * @param measurements what is measured on them, beside neighbours and distances
   * @param keep where they are kept for comparisons; null: nowhere
   * @param evidence what is told of the worst of them; null: nothing
   */
  record SampleBlock(
      Checkpoint checkpoint,
      int block,
      Set<SampleMeasurement> measurements,
      @Nullable KeptSamples keep,
      @Nullable EvidenceRequest evidence)
      implements WorkUnit {
    @JsonCreator
    public SampleBlock {
      measurements = Set.copyOf(measurements);
    }

    /** Samples that are kept nowhere, and of which nothing is shown. */
    public SampleBlock(Checkpoint checkpoint, int block, Set<SampleMeasurement> measurements) {
      this(checkpoint, block, measurements, null, null);
    }

    /** The same kept for comparisons. */
    SampleBlock keptIn(@Nullable KeptSamples place) {
      return new SampleBlock(checkpoint, block, measurements, place, evidence);
    }
  }

  /** Denoising losses of a checkpoint for one block of rows. */
  record DenoisingBlock(Checkpoint checkpoint, double sigma, int block) implements WorkUnit {}

  /** Spikiness of a checkpoint's representations of one block of the sets' images. */
  record SpikinessBlock(Checkpoint checkpoint, int block) implements WorkUnit {}

  /** Class probes of a checkpoint's representations at one of the probe's noise levels. */
  record RepresentationLevel(Checkpoint checkpoint, int level) implements WorkUnit {}

  /** How much of a checkpoint's representations depends on the image alone. */
  record RepresentationIcr(Checkpoint checkpoint) implements WorkUnit {}

  /** How large the network is. */
  record NetworkSize(Checkpoint checkpoint) implements WorkUnit {}

  /** The same with what is told of the worst samples, where it is about samples. */
  default WorkUnit withEvidence(@Nullable EvidenceRequest evidence) {
    return this instanceof SampleBlock u
        ? new SampleBlock(u.checkpoint, u.block, u.measurements, u.keep, evidence)
        : this;
  }

  /** Kept samples of one block of noises beside those of other checkpoints. */
  record ComparisonBlock(SampleComparison compared, int block) implements WorkUnit {}

  /** Whether it is done against the geometry of the sets. */
  default boolean needsGeometry() {
    return switch (this) {
      case FindGeometry u -> false;
      case ReferenceFlow u -> false;
      case SampleBlock u -> true;
      case DenoisingBlock u -> true;
      case SpikinessBlock u -> true;
      case RepresentationLevel u -> true;
      case RepresentationIcr u -> false;
      case NetworkSize u -> false;
      case ComparisonBlock u -> false;
    };
  }

  /** The checkpoint whose weights it needs; null for work on the references. */
  default @Nullable Checkpoint measured() {
    return switch (this) {
      case FindGeometry u -> null;
      case ReferenceFlow u -> null;
      case SampleBlock u -> u.checkpoint;
      case DenoisingBlock u -> u.checkpoint;
      case SpikinessBlock u -> u.checkpoint;
      case RepresentationLevel u -> u.checkpoint;
      case RepresentationIcr u -> u.checkpoint;
      case NetworkSize u -> u.checkpoint;
      case ComparisonBlock u -> null;
    };
  }

  /** For logs and progress bars. */
  default String describe() {
    return switch (this) {
      case FindGeometry u -> "neighbours within the sets";
      case ReferenceFlow u ->
          "flow of the %s, block %d"
              .formatted(u.reference.name().toLowerCase(Locale.ROOT), u.block + 1);
      case SampleBlock u -> "samples of %s, block %d".formatted(u.checkpoint.name(), u.block + 1);
      case DenoisingBlock u ->
          "denoising loss of %s at sigma %s, block %d"
              .formatted(u.checkpoint.name(), u.sigma, u.block + 1);
      case SpikinessBlock u ->
          "spikiness of the sets in %s, block %d".formatted(u.checkpoint.name(), u.block + 1);
      case RepresentationLevel u ->
          "class probe of %s, noise level %d".formatted(u.checkpoint.name(), u.level + 1);
      case RepresentationIcr u -> "icr of %s".formatted(u.checkpoint.name());
      case NetworkSize u -> "size of the network of %s".formatted(u.checkpoint.name());
      case ComparisonBlock u ->
          "comparison of step %d with others, block %d"
              .formatted(u.compared.mine().step(), u.block + 1);
    };
  }
}
