package io.diffuscope.model;

import ai.djl.Device;
import ai.djl.engine.Engine;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tensor engine: its settings, which count only before its first use, and its devices. */
public final class Devices {
  /** The engine's name in DJL. */
  public static final String ENGINE = "PyTorch";

  private static final Logger log = LoggerFactory.getLogger(Devices.class);

  private Devices() {}

  /**
   * Sets up the engine; call once, before anything else touches a tensor.
   *
   * @param threads threads inside one tensor operation, on the CPU; at least 1
   */
  public static void configure(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, not " + threads);
    }
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
  }

  /**
   * Whether float32 matrix products on a device are computed with TF32: on a GPU, when the
   * environment allows it. The tensor library reads its variable once, when it is loaded, so the
   * launcher sets it; what NVIDIA's libraries are told by theirs comes before it.
   */
  public static boolean usesTf32(Device device) {
    return device.isGpu() && allowsTf32(System.getenv());
  }

  static boolean allowsTf32(Map<String, String> environment) {
    String everywhere = environment.get("NVIDIA_TF32_OVERRIDE");
    return "1".equals(everywhere)
        || (!"0".equals(everywhere)
            && "1".equals(environment.get("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")));
  }

  /** The first GPU, or the CPU where there is none. */
  public static Device best() {
    Engine engine = Engine.getEngine(ENGINE);
    int gpus = engine.getGpuCount();
    Device device = gpus > 0 ? Device.gpu(0) : Device.cpu();
    log.debug("engine {} {}, {} GPUs, using {}", ENGINE, engine.getVersion(), gpus, device);
    return device;
  }
}
