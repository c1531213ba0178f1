package io.diffuscope.sampling;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.diffuscope.statistics.Estimate;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a sampler hands back for one block: per-index scalars and neighbour ids, small, on the host
 * and serializable. Features and endpoints stay behind.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME)
@JsonSubTypes({
  @JsonSubTypes.Type(value = Observation.SampleObservation.class, name = "samples"),
  @JsonSubTypes.Type(value = Observation.DenoisingObservation.class, name = "denoising"),
  @JsonSubTypes.Type(value = Observation.SpikinessObservation.class, name = "spikiness"),
  @JsonSubTypes.Type(value = Observation.SimilarityObservation.class, name = "similarity"),
  @JsonSubTypes.Type(value = Observation.FidelityObservation.class, name = "fidelity"),
  @JsonSubTypes.Type(value = Observation.RepresentationObservation.class, name = "representation"),
  @JsonSubTypes.Type(value = Observation.IcrObservation.class, name = "icr"),
  @JsonSubTypes.Type(value = Observation.NetworkObservation.class, name = "network"),
  @JsonSubTypes.Type(value = Observation.EvidenceObservation.class, name = "evidence"),
  @JsonSubTypes.Type(value = Observation.ComparisonObservation.class, name = "comparison"),
  @JsonSubTypes.Type(value = Observation.EnsembleObservation.class, name = "ensemble")
})
public sealed interface Observation {
  /** Position of the block in its kind; partial sums are reduced in this order. */
  int block();

  /**
   * Samples of one block of noises.
   *
   * @param first index of the block's first noise
   * @param squaredDistances by reference: squared distance between the sample and the reference
   *     flow's endpoint of the same noise, {@code [count]}, in the feature map's units squared
   * @param trainNeighbour unit of the nearest training point: its group of duplicates, or the group
   *     that the sets were split by, as {@link SetGeometry#trainUnits} numbers them (its index
   *     where no point has a duplicate and the split was point by point)
   * @param trainDistance its distance d1
   * @param secondDistance distance d2 of the nearest training point outside its duplicate group
   * @param holdoutNeighbour unit of the nearest hold-out point among those compared (its index
   *     among them where the split was point by point); null without a hold-out set
   * @param holdoutDistance its distance; null without a hold-out set
   * @param samePoint whether the nearest training point is also the empirical flow's endpoint's, or
   *     a duplicate of it; empty where there is no such flow
   * @param ruler squared distance between the empirical flows of training and hold-out set; null
   *     without a hold-out set
   * @param trainRecall how an approximate search of the training set did on some of the samples;
   *     null where it was not checked, or all points were looked at
   * @param holdoutRecall the same of the hold-out set
   */
  record SampleObservation(
      int block,
      long first,
      Map<Reference, double[]> squaredDistances,
      int[] trainNeighbour,
      double[] trainDistance,
      double[] secondDistance,
      int @Nullable [] holdoutNeighbour,
      double @Nullable [] holdoutDistance,
      boolean[] samePoint,
      double @Nullable [] ruler,
      @Nullable SearchRecall trainRecall,
      @Nullable SearchRecall holdoutRecall)
      implements Observation {
    /** Of a search that looked at all points. */
    public SampleObservation(
        int block,
        long first,
        Map<Reference, double[]> squaredDistances,
        int[] trainNeighbour,
        double[] trainDistance,
        double[] secondDistance,
        int @Nullable [] holdoutNeighbour,
        double @Nullable [] holdoutDistance,
        boolean[] samePoint,
        double @Nullable [] ruler) {
      this(
          block,
          first,
          squaredDistances,
          trainNeighbour,
          trainDistance,
          secondDistance,
          holdoutNeighbour,
          holdoutDistance,
          samePoint,
          ruler,
          null,
          null);
    }

    /** Number of samples. */
    public int count() {
      return trainNeighbour.length;
    }
  }

  /**
   * Denoising losses of one block of rows at one noise level; a row is (image, draw), the training
   * images first.
   *
   * @param sigma noise level
   * @param firstRow index of the block's first row
   * @param losses {@code |D(y + sigma eps; sigma) - y|^2 / (d sigma^2)}, {@code [count]}, without
   *     unit
   */
  record DenoisingObservation(int block, double sigma, long firstRow, double[] losses)
      implements Observation {}

  /**
   * Spikiness of the hidden representations of one block of inputs.
   *
   * @param generated whether the inputs are the samples of this block of noises; otherwise images
   *     of the sets, the training set's first
   * @param first index of the block's first noise, or image
   * @param measures {@code [count]} by measure
   */
  record SpikinessObservation(
      int block, boolean generated, long first, Map<SpikinessMeasure, double[]> measures)
      implements Observation {}

  /**
   * Cosine similarities of samples of one block of noises under a descriptor.
   *
   * @param first index of the block's first noise
   * @param toTrain the largest one to a training image, {@code [count]}
   * @param trainNeighbour index of that image
   * @param pairs by reference: the one to the reference flow's endpoint of the same noise, {@code
   *     [count]}
   * @param authentic whether the sample is farther from its nearest training image than that one
   *     from any other, {@code [count]}; empty where it is not measured
   */
  record SimilarityObservation(
      int block,
      long first,
      double[] toTrain,
      int[] trainNeighbour,
      Map<Reference, double[]> pairs,
      boolean[] authentic)
      implements Observation {}

  /**
   * How samples of one block of noises lie among hold-out points, in the space of features.
   *
   * @param first index of the block's first noise
   * @param within mean kernel of a sample with the others of its block, {@code [count]}; NaN in a
   *     block of one
   * @param across mean kernel of a sample with the hold-out points, {@code [count]}
   * @param balls hold-out points whose ball the sample lies in, {@code [count]}
   * @param covered which hold-out points have a sample of the block in their ball: bit j of the
   *     little-endian bits
   * @param holdoutPoints how many there are
   * @param holdoutKernel mean kernel of two different hold-out points
   */
  record FidelityObservation(
      int block,
      long first,
      double[] within,
      double[] across,
      int[] balls,
      byte[] covered,
      int holdoutPoints,
      double holdoutKernel)
      implements Observation {
    /** Fewer hold-out points say nothing of a distribution. */
    public static final int LEAST_POINTS = 50;
  }

  /**
   * What the hidden representation tells of the classes of images at one noise level.
   *
   * @param block position of the noise level among those that are measured
   * @param sigma noise level
   * @param testImages how many images the class probe was tested on
   * @param correct on which of them it was right: bit i of the little-endian bits
   * @param snr signal-to-noise ratio by class subspaces; null where no class has images enough
   */
  record RepresentationObservation(
      int block, double sigma, int testImages, byte[] correct, @Nullable Estimate snr)
      implements Observation {}

  /**
   * How much of the hidden representation depends on the image alone.
   *
   * @param icr null where it is not defined
   */
  record IcrObservation(int block, @Nullable Estimate icr) implements Observation {}

  /**
   * The network itself.
   *
   * @param parameters how many numbers are trained
   */
  record NetworkObservation(int block, long parameters) implements Observation {}

  /**
   * Some of the worst samples of one block of noises; a block may have several of these, because
   * pictures are large.
   *
   * @param worst worst first
   */
  record EvidenceObservation(int block, List<WorstSample> worst) implements Observation {
    public EvidenceObservation {
      worst = List.copyOf(worst);
    }
  }

  /**
   * Samples of one block of noises beside those of other checkpoints, from the same noises.
   *
   * @param first index of the block's first noise
   * @param squaredDistances by what they are compared with, {@code [count]}, in the feature map's
   *     units squared
   * @param similarities under the descriptor, likewise; empty without one
   */
  record ComparisonObservation(
      int block,
      long first,
      Map<Reference, double[]> squaredDistances,
      Map<Reference, double[]> similarities)
      implements Observation {}

  /**
   * Samples of one block of noises of several peers, beside a reference's flow.
   *
   * @param first index of the block's first noise
   * @param reference whose flow they are compared with
   * @param total mean over the peers of the squared distance to the reference, {@code [count]}
   * @param variance of the peers about their mean, unbiased, {@code [count]}
   * @param toReference sum over the block's noises of the squared distance to the reference, by
   *     peer
   * @param betweenPairs the same of the squared distance of each pair, in the order (0,1), (0,2),
   *     ..., (1,2), ...
   */
  record EnsembleObservation(
      int block,
      long first,
      Reference reference,
      double[] total,
      double[] variance,
      double[] toReference,
      double[] betweenPairs)
      implements Observation {
    /** Number of peers. */
    public int peers() {
      return toReference.length;
    }
  }
}
