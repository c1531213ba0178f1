package io.diffuscope.feature;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.Pair;
import io.diffuscope.model.Devices;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Decoded latents, a few at a time: an image is much larger than its latent. */
final class DecoderMap implements FeatureMap {
  /** What a part may occupy, decoded; the decoder's own memory is some ten times that. */
  private static final int PART_BYTES = 1 << 22;

  private static final int MOST_ROWS = 64;

  private final DecoderFile file;
  private final Model model;
  private final ParameterStore parameters;
  private final NDManager manager;
  private final NDArray inverseScale;
  private final NDArray shift;
  private int dimension;
  private int rows = 1;

  private DecoderMap(DecoderFile file, Model model, NDManager parent) {
    this.file = file;
    this.model = model;
    this.parameters = new ParameterStore(model.getNDManager(), false);
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
    Path path = file.path();
    Model model = Model.newInstance("decoder", parent.getDevice(), Devices.ENGINE);
    DecoderMap map = null;
    try {
      model.load(path, null, Map.of("mapLocation", "true"));
      for (Pair<String, Parameter> pair : model.getBlock().getDirectParameters()) {
        DataType type = pair.getValue().getArray().getDataType();
        if (type != DataType.FLOAT32) {
          throw new BadInputException(
              path,
              Reason.UNSUPPORTED,
              "parameter %s is of type %s; export the decoder in float32, with decoder.float()"
                  .formatted(pair.getKey(), type));
        }
      }
      map = new DecoderMap(file, model, parent);
      map.tryOut();
      return map;
    } catch (IOException | MalformedModelException | EngineException | IllegalStateException e) {
      if (map != null) {
        map.close();
      } else {
        model.close();
      }
      if (e instanceof BadInputException known) {
        throw known;
      }
      throw new BadInputException(
          path.toString(),
          Reason.MALFORMED,
          "cannot decode a point of shape %s (%s); export it with latents [B, ...] as its only input"
              .formatted(
                  file.latent(),
                  String.valueOf(e.getMessage()).lines().findFirst().orElse("no message")),
          e);
    }
  }

  /** Finds how large an image is, and how many go through at a time. */
  private void tryOut() throws BadInputException {
    try (NDManager scratch = manager.newSubManager()) {
      int d = Math.toIntExact(file.latent().elements());
      NDArray image = decode(scratch.zeros(new Shape(1, d), DataType.FLOAT32));
      dimension = Math.toIntExact(image.getShape().get(1));
      rows = Math.clamp(PART_BYTES / Float.BYTES / dimension, 1, MOST_ROWS);
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
    return dimension;
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public NDArray apply(NDArray points) {
    long count = points.getShape().get(0);
    NDManager owner = points.getManager();
    try (NDManager scratch = owner.newSubManager()) {
      List<NDArray> parts = new ArrayList<>();
      for (long from = 0; from < count; from += rows) {
        long part = Math.min(rows, count - from);
        NDArray latents = points.get("%d:%d".formatted(from, from + part));
        latents.attach(scratch);
        if (part < rows) {
          // Every part has the same size: each new shape costs graph optimisation anew.
          latents =
              latents.concat(
                  scratch.zeros(
                      new Shape(rows - part, points.getShape().get(1)), DataType.FLOAT32));
        }
        NDArray images = decode(latents);
        parts.add(part < rows ? images.get("0:" + part) : images);
      }
      NDArray all = NDArrays.concat(new NDList(parts));
      all.attach(owner);
      return all;
    }
  }

  /** Flat images of flat latents, on the manager of the latents. */
  private NDArray decode(NDArray latents) {
    long count = latents.getShape().get(0);
    NDArray input =
        latents
            .reshape(new Shape(file.latent().withFirst(count).toArray()))
            .mul(inverseScale)
            .addi(shift);
    NDArray output = model.getBlock().forward(parameters, new NDList(input), false).get(0);
    if (output.getShape().dimension() < 1 || output.getShape().get(0) != count) {
      throw new IllegalStateException(
          "%d latents became an output of shape %s".formatted(count, output.getShape()));
    }
    // A copy: the output of a network is an inference tensor.
    NDArray images = output.toType(DataType.FLOAT32, true).reshape(count, -1);
    images.attach(latents.getManager());
    return images;
  }

  @Override
  public void close() {
    manager.close();
    model.close();
  }
}
