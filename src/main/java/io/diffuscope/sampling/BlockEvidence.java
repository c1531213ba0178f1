package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.sampling.Observation.EvidenceObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.WorstSample.Trio;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The worst samples of a block, with their pictures, in observations of at most 64 KiB each. The
 * neighbours are those that were found anyway; a picture costs one read of a set.
 */
final class BlockEvidence {
  /** Pictures in one observation; numbers and names take the rest of 64 KiB. */
  private static final int PICTURE_BYTES = 56 << 10;

  /** The numbers of a sample. */
  private static final int SAMPLE_BYTES = 512;

  private final EvidenceRequest asked;
  private final ShownSets sets;
  private final int @Nullable [] comparedHoldout;
  private final FeatureMap map;
  private final @Nullable Pictures pictures;

  /**
   * For blocks of a probe.
   *
   * @param map from samples to images
   * @param comparedHoldout rows of the hold-out set that are compared; null without one
   * @param pictures null: numbers alone
   */
  BlockEvidence(
      EvidenceRequest asked,
      ShownSets sets,
      int @Nullable [] comparedHoldout,
      FeatureMap map,
      @Nullable Pictures pictures) {
    this.asked = asked;
    this.sets = sets;
    this.comparedHoldout = comparedHoldout;
    this.map = map;
    this.pictures = pictures;
  }

  /** What measures the worst of a block: some of them each. */
  List<SampleBlockTask.Measure> of(SampleTask samples) {
    int bytes = SAMPLE_BYTES + (pictures == null ? 0 : 3 * pictures.bytes());
    int each = Math.max(1, PICTURE_BYTES / bytes);
    List<SampleBlockTask.Measure> measures = new ArrayList<>();
    for (int from = 0; from < asked.pairs(); from += each) {
      int start = from;
      int end = Math.min(asked.pairs(), from + each);
      measures.add(
          (block, endpoints) -> {
            List<WorstSample> worst = worst(samples.result(), samples.neighbours());
            return new Drawing(
                block,
                samples.result().first(),
                worst.subList(Math.min(start, worst.size()), Math.min(end, worst.size())),
                endpoints);
          });
    }
    return measures;
  }

  /** Worst first, without pictures. */
  private List<WorstSample> worst(SampleObservation observation, PointNeighbours neighbours) {
    return IntStream.range(0, observation.count())
        .mapToObj(row -> sample(row, observation, neighbours))
        .sorted(WorstSample.WORST_FIRST)
        .limit(asked.pairs())
        .toList();
  }

  private WorstSample sample(int row, SampleObservation observation, PointNeighbours neighbours) {
    int[] holdout = neighbours.holdout();
    double[] holdoutDistance = observation.holdoutDistance();
    int[] rows = comparedHoldout;
    // An approximate search may find nothing.
    int nearestHoldout =
        holdout == null || rows == null || holdout[row] < 0 ? -1 : rows[holdout[row]];
    return new WorstSample(
        observation.first() + row,
        neighbours.train()[row],
        observation.trainDistance()[row],
        neighbours.secondTrain()[row],
        observation.secondDistance()[row],
        neighbours.groupSize(row),
        nearestHoldout,
        holdoutDistance == null ? Double.POSITIVE_INFINITY : holdoutDistance[row],
        null);
  }

  /** Draws one sample a piece. */
  private final class Drawing implements Task<EvidenceObservation> {
    private final int block;
    private final long first;
    private final List<WorstSample> worst;
    private final NDArray endpoints;
    private final List<WorstSample> drawn = new ArrayList<>();

    Drawing(int block, long first, List<WorstSample> worst, NDArray endpoints) {
      this.block = block;
      this.first = first;
      this.worst = worst;
      this.endpoints = endpoints;
    }

    @Override
    public boolean advance() throws BadInputException {
      if (pictures == null) {
        drawn.addAll(worst);
        return false;
      }
      if (drawn.size() < worst.size()) {
        drawn.add(draw(worst.get(drawn.size()), pictures));
      }
      return drawn.size() < worst.size();
    }

    private WorstSample draw(WorstSample sample, Pictures by) throws BadInputException {
      int row = Math.toIntExact(sample.sample() - first);
      int near = sample.nearestHoldout();
      return sample.with(
          new Trio(
              by.of(features(row)),
              by.of(sets.image(sets.train(), sample.nearestTrain(), endpoints.getManager())),
              near < 0
                  ? null
                  : by.of(
                      sets.image(
                          Objects.requireNonNull(sets.holdout()), near, endpoints.getManager()))));
    }

    private float[] features(int row) {
      try (NDManager scratch = endpoints.getManager().newSubManager()) {
        return map.apply(BlockMeasurement.slice(endpoints, row, 1, scratch)).toFloatArray();
      }
    }

    @Override
    public double progress() {
      return worst.isEmpty() ? 1 : (double) drawn.size() / worst.size();
    }

    @Override
    public EvidenceObservation result() {
      return new EvidenceObservation(block, drawn);
    }

    @Override
    public void close() {}
  }
}
