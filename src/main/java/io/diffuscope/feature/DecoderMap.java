package io.diffuscope.feature;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.util.Arrays;
import java.util.List;

/** Decoded latents, a few at a time: an image is much larger than its latent. */
final class DecoderMap implements FeatureMap {
  /** What a part may occupy, decoded; the decoder's own memory is some ten times that. */
  private static final int PART_BYTES = 1 << 22;

  private static final int MOST_ROWS = 64;

  private final DecoderFile file;
  private final ExportedGraph graph;
  private final NDManager manager;
  private final NDArray inverseScale;
  private final NDArray shift;
  private TensorShape shape = TensorShape.of(0);
  private int rows = 1;

  private DecoderMap(DecoderFile file, ExportedGraph graph, NDManager parent) {
    this.file = file;
    this.graph = graph;
    this.manager = parent.newSubManager();
    this.inverseScale = perChannel(file.scale().stream().map(s -> 1 / s).toList());
    this.shift = perChannel(file.shift());
  }

  /** Broadcasts along everything but the channels. */
  private NDArray perChannel(List<Double> numbers) {
    float[] values = new float[numbers.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = numbers.get(i).floatValue();
    }
    long[] shape = new long[file.latent().rank() + 1];
    Arrays.fill(shape, 1);
    shape[1] = values.length;
    return manager.create(values, new Shape(shape));
  }

  static DecoderMap load(DecoderFile file, NDManager parent) throws BadInputException {
    String contract =
        "cannot decode a point of shape %s (%%s); export it with latents [B, ...] as its only input"
            .formatted(file.latent());
    return ExportedGraph.load(
        file.path(),
        "decoder",
        contract,
        parent,
        graph -> {
          DecoderMap map = new DecoderMap(file, graph, parent);
          map.tryOut();
          return map;
        });
  }

  /** Finds how large an image is, and how many go through at a time. */
  private void tryOut() throws BadInputException {
    try (NDManager scratch = manager.newSubManager()) {
      int d = Math.toIntExact(file.latent().elements());
      decode(scratch.zeros(new Shape(1, d), DataType.FLOAT32));
      rows = Math.clamp(PART_BYTES / Float.BYTES / dimension(), 1, MOST_ROWS);
      // Two sizes that must agree: a traced decoder may have its example's batch size built in.
      decode(scratch.zeros(new Shape(rows, d), DataType.FLOAT32));
    }
  }

  @Override
  public String key() {
    return file.key();
  }

  @Override
  public int dimension() {
    return Math.toIntExact(shape.elements());
  }

  @Override
  public TensorShape shape() {
    return shape;
  }

  @Override
  public String complaint() {
    return "the decoder returns NaN, infinite or absurdly large values %s; check its"
        + " scaling_factor, and that it belongs to these latents";
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public NDArray apply(NDArray points) {
    return EqualParts.apply(points, rows, this::decode);
  }

  /** Flat images of flat latents, on the manager of the latents. */
  private NDArray decode(NDArray latents) {
    long count = latents.getShape().get(0);
    NDArray input =
        latents
            .reshape(new Shape(file.latent().withFirst(count).toArray()))
            .mul(inverseScale)
            .addi(shift);
    NDArray output = graph.forward(input);
    if (output.getShape().dimension() < 1 || output.getShape().get(0) != count) {
      throw new IllegalStateException(
          "%d latents became an output of shape %s".formatted(count, output.getShape()));
    }
    shape = new TensorShape(Arrays.stream(output.getShape().getShape()).skip(1).boxed().toList());
    // A copy: the output of a network is an inference tensor.
    NDArray images = output.toType(DataType.FLOAT32, true).reshape(count, -1);
    images.attach(latents.getManager());
    return images;
  }

  @Override
  public void close() {
    manager.close();
    graph.close();
  }
}
