package io.diffuscope.demo;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.optimizer.Adam;
import ai.djl.training.tracker.Tracker;
import ai.djl.util.Pair;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.Preconditioning;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FloatArray;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * A network from a TorchScript file, trained on the CPU as an EDM denoiser, one step at a time.
 *
 * <pre>{@code
 * try (DenoiserTraining training = DenoiserTraining.open(template, points, settings)) {
 *   for (int i = 0; i < 1000; i++) {
 *     training.step();
 *   }
 *   Map<String, FloatArray> weights = training.averagedWeights();
 * }
 * }</pre>
 *
 * <p>The same file, points and settings give the same weights on the same kind of machine with one
 * thread. Not thread-safe: the engine's gradient mode belongs to the thread.
 */
final class DenoiserTraining implements AutoCloseable {
  private static final double LOSS_SMOOTHING = 0.98;

  private final Model model;
  private final NDManager manager;
  private final Map<String, NDArray> parameters;
  private final WeightAverage average;
  private final Adam adam;
  private final TrainingBatch batch;
  private final Shape inputShape;
  private final Shape labelShape;
  private final RandomGenerator random;
  private final ParameterStore parameterStore;
  private double lossSum;
  private double lossWeight;
  private long steps;

  private DenoiserTraining(
      Model model, TrainingBatch batch, Shape inputShape, TrainingSettings settings) {
    this.model = model;
    this.manager = model.getNDManager();
    this.parameterStore = new ParameterStore(manager, false);
    this.parameters = new LinkedHashMap<>();
    Map<String, NDArray> values = new LinkedHashMap<>();
    for (Pair<String, Parameter> entry : model.getBlock().getDirectParameters()) {
      NDArray parameter = entry.getValue().getArray();
      parameter.setRequiresGradient(true);
      parameters.put(entry.getKey(), parameter);
      // Shares the parameter's memory, but stands outside the gradient graph.
      values.put(entry.getKey(), parameter.stopGradient());
    }
    this.average = new WeightAverage(values, settings.averageDecay(), manager);
    this.adam =
        Adam.builder()
            .optLearningRateTracker(Tracker.fixed((float) settings.learningRate()))
            .build();
    this.batch = batch;
    this.inputShape = inputShape;
    this.labelShape = new Shape(batch.rows());
    this.random = new SplittableRandom(settings.seed());
  }

  /**
   * Loads the network.
   *
   * @param template TorchScript with {@code forward(input, noise_label)} of any batch size and EDM
   *     preconditioning
   * @throws BadInputException when the file is not such a network, or the points do not fit it
   */
  static DenoiserTraining open(Path template, TrainingPoints points, TrainingSettings settings)
      throws BadInputException {
    NetworkSettings network =
        TorchScriptNetwork.readSettings(template, NetworkSettings.Overrides.NONE);
    if (network.preconditioning() != Preconditioning.EDM) {
      throw new BadInputException(
          template,
          Reason.UNSUPPORTED,
          "the trainer knows the preconditioning edm only, not %s; export the network for it"
              .formatted(network.preconditioning().label()));
    }
    if (network.shape().elements() != points.size()) {
      throw new BadInputException(
          template,
          Reason.WRONG_SHAPE,
          "takes points of shape "
              + network.shape()
              + ", but a training point has "
              + points.size()
              + " numbers; give the data that the network was made for");
    }
    Model model = Model.newInstance("demo", Device.cpu(), Devices.ENGINE);
    try {
      model.load(template.toAbsolutePath(), null, Map.of("trainParam", "true"));
    } catch (IOException | MalformedModelException | EngineException e) {
      model.close();
      throw new BadInputException(
          template.toString(),
          Reason.MALFORMED,
          "is not a TorchScript file; export the network with torch.jit.save",
          e);
    }
    return new DenoiserTraining(
        model,
        new TrainingBatch(points, network.sigmaData(), settings.batch()),
        new Shape(network.shape().withFirst(settings.batch()).toArray()),
        settings);
  }

  /** Draws a batch, follows its gradient once, and moves the average of the weights along. */
  void step() {
    batch.draw(random);
    double loss = backward(batch);
    update();
    average.update();
    steps++;
    lossSum = LOSS_SMOOTHING * lossSum + (1 - LOSS_SMOOTHING) * loss;
    lossWeight = LOSS_SMOOTHING * lossWeight + (1 - LOSS_SMOOTHING);
  }

  /** Adds the gradient of a batch's loss to the parameters' gradients, and returns the loss. */
  double backward(TrainingBatch batch) {
    try (NDManager scratch = manager.newSubManager();
        GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
      NDArray input = scratch.create(batch.input(), inputShape, DataType.FLOAT32);
      NDArray label = scratch.create(batch.noiseLabel(), labelShape, DataType.FLOAT32);
      NDArray target = scratch.create(batch.target(), inputShape, DataType.FLOAT32);
      NDArray output =
          model
              .getBlock()
              .forward(parameterStore, new NDList(input, label), true)
              .singletonOrThrow();
      NDArray loss = output.sub(target).square().mean();
      collector.backward(loss);
      return loss.getFloat();
    }
  }

  /** One step of Adam along the gradients, which are zero afterwards. */
  void update() {
    parameters.forEach(
        (name, parameter) -> {
          try (NDArray gradient = parameter.getGradient()) {
            adam.update(name, parameter, gradient);
          }
        });
  }

  /** A copy of the parameters' gradients. */
  Map<String, FloatArray> gradients() {
    Map<String, FloatArray> copies = new LinkedHashMap<>();
    parameters.forEach(
        (name, parameter) -> {
          try (NDArray gradient = parameter.getGradient()) {
            copies.put(name, HostCopy.of(gradient));
          }
        });
    return copies;
  }

  /** A copy of the weights as they are, not averaged. */
  Map<String, FloatArray> weights() {
    Map<String, FloatArray> copies = new LinkedHashMap<>();
    parameters.forEach((name, parameter) -> copies.put(name, HostCopy.of(parameter)));
    return copies;
  }

  /** Steps done. */
  long steps() {
    return steps;
  }

  /**
   * The EDM loss per element of a point, averaged over the last steps with weights that fall by 2 %
   * per step; NaN before the first step.
   */
  double loss() {
    return lossSum / lossWeight;
  }

  /** The moving average of the weights, by the parameters' names in the TorchScript file. */
  Map<String, FloatArray> averagedWeights() {
    return average.snapshot();
  }

  @Override
  public void close() {
    model.close();
  }
}
