package io.diffuscope.benchmark;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.sampling.ProbeDevice;
import java.lang.reflect.Field;
import java.util.Map;

/** Counts the arrays that a device holds: those of its manager and of all managers below it. */
final class LiveArrays {
  private LiveArrays() {}

  static int of(ProbeDevice device) throws ReflectiveOperationException {
    // Neither the device nor the library tells; for a benchmark a look inside is good enough.
    return below((NDManager) read(ProbeDevice.class, "manager", device));
  }

  private static int below(NDManager manager) throws ReflectiveOperationException {
    int count = 0;
    for (Object resource : ((Map<?, ?>) read(BaseNDManager.class, "resources", manager)).values()) {
      if (resource instanceof NDManager child) {
        count += below(child);
      } else if (resource instanceof NDArray) {
        count++;
      }
    }
    return count;
  }

  private static Object read(Class<?> owner, String name, Object from)
      throws ReflectiveOperationException {
    Field field = owner.getDeclaredField(name);
    field.setAccessible(true);
    return field.get(from);
  }
}
