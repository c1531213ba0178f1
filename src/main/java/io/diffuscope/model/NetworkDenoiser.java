package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Preconditioning.Coefficients;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A trained network as a denoiser, through its preconditioning. Closing it closes the network.
 *
 * <p>A class-conditional network without given classes is asked for its null label. With guidance w
 * other than 1 the denoiser is {@code D_null + w (D_class - D_null)} (Ho and Salimans 2022, on
 * denoisers), by two calls of the network of the same size.
 */
public final class NetworkDenoiser implements Denoiser {
  private final TorchScriptNetwork network;
  private final double guidance;

  private NetworkDenoiser(TorchScriptNetwork network, double guidance) {
    this.network = network;
    this.guidance = guidance;
  }

  public static NetworkDenoiser create(TorchScriptNetwork network) {
    return new NetworkDenoiser(network, network.settings().guidance());
  }

  /**
   * This network without guidance: what it was trained to compute, and what a denoising loss is
   * about. It is closed with this one.
   */
  public NetworkDenoiser unguided() {
    return guidance == 1 ? this : new NetworkDenoiser(network, 1);
  }

  public TorchScriptNetwork network() {
    return network;
  }

  @Override
  public int dimension() {
    return Math.toIntExact(network.settings().shape().elements());
  }

  /**
   * {@inheritDoc} Throws {@link IllegalStateException} for a class-conditional network without null
   * label: it has no such denoiser.
   */
  @Override
  public NDArray denoise(NDArray x, double sigma) {
    return denoise(x, sigma, ownLabels(null, Math.toIntExact(x.getShape().get(0))));
  }

  /**
   * {@inheritDoc} An unconditional network returns itself.
   *
   * @throws IllegalArgumentException for a label that the network has not, or −1 if it has no null
   *     label
   */
  @Override
  public Denoiser given(int[] labels) {
    long[] own = ownLabels(labels, labels.length);
    return own == null ? this : new Given(own);
  }

  /** The network's own labels for these; null where it takes none. */
  private long @Nullable [] ownLabels(int @Nullable [] labels, int count) {
    Integer classes = network.settings().classes();
    if (classes == null) {
      return null;
    }
    if (labels == null) {
      return nullLabels(count);
    }
    Integer nullLabel = network.settings().nullLabel();
    long[] own = new long[labels.length];
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] == -1 && nullLabel != null) {
        own[i] = nullLabel;
      } else if (labels[i] >= 0 && labels[i] < classes) {
        own[i] = labels[i];
      } else {
        throw new IllegalArgumentException(
            "label %d: the network has classes 0 to %d and %s"
                .formatted(
                    labels[i], classes - 1, nullLabel == null ? "no null label" : "a null label"));
      }
    }
    return own;
  }

  /** The denoiser for points of known classes. */
  private final class Given implements Denoiser {
    private final long[] labels;

    Given(long[] labels) {
      this.labels = labels;
    }

    @Override
    public int dimension() {
      return NetworkDenoiser.this.dimension();
    }

    @Override
    public NDArray denoise(NDArray x, double sigma) {
      if (x.getShape().get(0) != labels.length) {
        throw new IllegalArgumentException(
            "%d labels for points of shape %s".formatted(labels.length, x.getShape()));
      }
      NDArray conditional = NetworkDenoiser.this.denoise(x, sigma, labels);
      if (guidance == 1) {
        return conditional;
      }
      try (NDArray without = NetworkDenoiser.this.denoise(x, sigma, nullLabels(labels.length))) {
        return conditional.subi(without).muli(guidance).addi(without);
      }
    }

    @Override
    public Denoiser given(int[] others) {
      return NetworkDenoiser.this.given(others);
    }
  }

  private long[] nullLabels(int count) {
    Integer nullLabel = network.settings().nullLabel();
    if (nullLabel == null) {
      throw new IllegalStateException(
          "a class-conditional network without null_label needs the classes of its samples");
    }
    long[] labels = new long[count];
    Arrays.fill(labels, nullLabel);
    return labels;
  }

  /**
   * The hidden representation of noisy points, without a class where the network knows one that
   * stands for none.
   *
   * @param x noisy points, float64 {@code [B, d]}
   * @param labels {@code [B]}, as {@link #given} takes them; null for no class
   * @param pooling what becomes of a representation with a spatial extent
   * @return float32 {@code [B, F]}, attached to the manager of {@code x}
   */
  public NDArray represent(NDArray x, double sigma, int @Nullable [] labels, Pooling pooling) {
    Inputs inputs = inputs(x, sigma, ownLabels(labels, Math.toIntExact(x.getShape().get(0))));
    return pooling.apply(
        network.representation(inputs.scaled, inputs.noiseLabels, inputs.classLabels));
  }

  /** What the network is called with. */
  private record Inputs(
      Coefficients coefficients,
      NDArray scaled,
      NDArray noiseLabels,
      @Nullable NDArray classLabels) {}

  private Inputs inputs(NDArray x, double sigma, long @Nullable [] classLabels) {
    NetworkSettings settings = network.settings();
    Coefficients c = settings.preconditioning().at(sigma, settings);
    int batch = Math.toIntExact(x.getShape().get(0));
    Shape images = new Shape(settings.shape().withFirst(batch).toArray());
    return new Inputs(
        c,
        // Rounded before it is scaled: half the memory to go through, the same relative precision.
        x.toType(DataType.FLOAT32, true).muli((float) c.in()).reshape(images),
        x.getManager().full(new Shape(batch), (float) c.noise(), DataType.FLOAT32),
        classLabels == null ? null : x.getManager().create(classLabels));
  }

  private NDArray denoise(NDArray x, double sigma, long @Nullable [] classLabels) {
    Inputs inputs = inputs(x, sigma, classLabels);
    Coefficients c = inputs.coefficients;
    NDArray raw = network.forward(inputs.scaled, inputs.noiseLabels, inputs.classLabels);
    // Only the wide copy may be changed in place: the network's output is an inference tensor.
    NDArray scaled =
        raw.toType(DataType.FLOAT64, false).reshape(x.getShape().get(0), dimension()).muli(c.out());
    raw.close();
    return c.skip() == 0 ? scaled : scaled.addi(x.mul(c.skip()));
  }

  @Override
  public void close() {
    network.close();
  }
}
