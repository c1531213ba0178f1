package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Preconditioning.Coefficients;

/** A trained network as a denoiser, through its preconditioning. Closing it closes the network. */
public final class NetworkDenoiser implements Denoiser {
  private final TorchScriptNetwork network;

  private NetworkDenoiser(TorchScriptNetwork network) {
    this.network = network;
  }

  public static NetworkDenoiser create(TorchScriptNetwork network) {
    return new NetworkDenoiser(network);
  }

  public TorchScriptNetwork network() {
    return network;
  }

  @Override
  public int dimension() {
    return Math.toIntExact(network.settings().shape().elements());
  }

  @Override
  public NDArray denoise(NDArray x, double sigma) {
    NetworkSettings settings = network.settings();
    Coefficients c = settings.preconditioning().at(sigma, settings);
    int batch = Math.toIntExact(x.getShape().get(0));
    Shape images = new Shape(settings.shape().withFirst(batch).toArray());
    NDArray labels = x.getManager().full(new Shape(batch), (float) c.noise(), DataType.FLOAT32);

    // Rounded before it is scaled: half the memory to go through, the same relative precision.
    NDArray input = x.toType(DataType.FLOAT32, true).muli((float) c.in()).reshape(images);
    NDArray raw = network.forward(input, labels);
    // Only the wide copy may be changed in place: the network's output is an inference tensor.
    NDArray scaled = raw.toType(DataType.FLOAT64, false).reshape(batch, dimension()).muli(c.out());
    raw.close();
    return c.skip() == 0 ? scaled : scaled.addi(x.mul(c.skip()));
  }

  @Override
  public void close() {
    network.close();
  }
}
