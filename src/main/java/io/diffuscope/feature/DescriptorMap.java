package io.diffuscope.feature;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;

/** Images seen by a descriptor, a few at a time. */
final class DescriptorMap implements FeatureMap {
  /**
   * What the prepared images of a part may occupy; the descriptor's memory is some 50 times that.
   */
  private static final int PART_BYTES = 1 << 22;

  /** A GPU is idle with few images. */
  private static final int GPU_PART_BYTES = 1 << 26;

  private static final int MOST_ROWS = 64;

  /** As {@code torch.nn.functional.normalize}. */
  private static final double SHORTEST = 1e-12;

  private final DescriptorFile file;
  private final FeatureMap images;
  private final ExportedGraph graph;
  private final NDManager manager;
  private final DescriptorInputs inputs;
  private final int rows;
  private int dimension;

  private DescriptorMap(
      DescriptorFile file,
      FeatureMap images,
      TensorShape shape,
      ExportedGraph graph,
      NDManager parent) {
    this.file = file;
    this.images = images;
    this.graph = graph;
    this.manager = parent.newSubManager();
    this.inputs = new DescriptorInputs(file.preprocessing(), shape, manager);
    int bytes = parent.getDevice().isGpu() ? GPU_PART_BYTES : PART_BYTES;
    this.rows = (int) Math.clamp(bytes / Float.BYTES / inputs.elements(), 1L, MOST_ROWS);
  }

  static DescriptorMap load(
      DescriptorFile file, FeatureMap images, TensorShape shape, NDManager parent)
      throws BadInputException {
    DescriptorInputs probe;
    try (NDManager scratch = parent.newSubManager()) {
      probe = new DescriptorInputs(file.preprocessing(), shape, scratch);
    }
    String contract =
        "cannot describe images %s (%%s); check the preset or size, and export it with images [B, 3, height, width] as its only input and one vector an image as its output"
            .formatted(probe.shape(1).toString().replace("%", "%%"));
    return ExportedGraph.load(
        file.path(),
        "descriptor",
        contract,
        parent,
        graph -> {
          DescriptorMap map = new DescriptorMap(file, images, shape, graph, parent);
          map.tryOut();
          return map;
        });
  }

  /** Finds how long a vector is, on two sizes that must agree, with images that are not flat. */
  private void tryOut() throws BadInputException {
    try (NDManager scratch = manager.newSubManager()) {
      for (int count : new int[] {1, rows}) {
        Shape shape = inputs.shape(count);
        NDArray vectors =
            describe(scratch.linspace(-1, 1, Math.toIntExact(shape.size())).reshape(shape));
        dimension = Math.toIntExact(vectors.getShape().get(1));
        if (vectors.isNaN().any().getBoolean() || vectors.isInfinite().any().getBoolean()) {
          throw new BadInputException(
              file.path().toString(),
              Reason.NON_FINITE,
              complaint().formatted("for a test image"),
              null);
        }
      }
    }
  }

  @Override
  public String key() {
    return images.isIdentity() ? file.key() : images.key() + "-" + file.key();
  }

  @Override
  public String complaint() {
    return "the descriptor returns NaN, infinite or absurdly large values %s; check that its preset"
        + " belongs to it";
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public NDArray apply(NDArray points) {
    return EqualParts.apply(
        points, rows, part -> describe(inputs.of(images.apply(part), part.getManager())));
  }

  /** Features of prepared images, on their manager. */
  private NDArray describe(NDArray prepared) {
    long count = prepared.getShape().get(0);
    NDArray output = graph.forward(prepared);
    Shape shape = output.getShape();
    boolean vectors =
        shape.dimension() >= 2 && shape.get(0) == count && shape.size() == count * shape.get(1);
    if (!vectors) {
      throw new IllegalStateException(
          "%d images became an output of shape %s".formatted(count, shape));
    }
    // A copy: the output of a network is an inference tensor.
    NDArray features = output.toType(DataType.FLOAT32, true).reshape(count, shape.get(1));
    features.attach(prepared.getManager());
    if (!file.preprocessing().unitLength()) {
      return features;
    }
    int[] elements = {1};
    NDArray lengths = features.square().sum(elements, true).sqrt().maximum(SHORTEST);
    return features.div(lengths);
  }

  @Override
  public void close() {
    manager.close();
    graph.close();
  }
}
