package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Preconditioning.Coefficients;
import java.util.Arrays;

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
    Coefficients c = settings.preconditioning().at(sigma, settings.sigmaData());
    int batch = Math.toIntExact(x.getShape().get(0));
    Shape images = new Shape(settings.shape().withFirst(batch).toArray());
    float[] labels = new float[batch];
    Arrays.fill(labels, (float) c.noise());

    NDArray input = x.mul(c.in()).toType(DataType.FLOAT32, false).reshape(images);
    NDArray raw = network.forward(input, x.getManager().create(labels));
    NDArray scaled = raw.toType(DataType.FLOAT64, false).reshape(batch, dimension()).mul(c.out());
    raw.close();
    return c.skip() == 0 ? scaled : scaled.addi(x.mul(c.skip()));
  }

  @Override
  public void close() {
    network.close();
  }
}
