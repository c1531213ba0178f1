package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.PickleValue.Instance;
import io.diffuscope.tensorfile.PickleValue.Persistent;
import java.util.ArrayList;
import java.util.List;

/**
 * One parsed pickle.
 *
 * @param root what Python's {@code load} would have made
 * @param end the position behind its last byte
 * @param persistents every reference to what was kept elsewhere, in the order of the file
 * @param nested every call of a function that reads a further stream out of a byte string
 */
record Pickle(PickleValue root, long end, List<Persistent> persistents, List<Instance> nested) {

  /** Collects while the pickle is read. */
  static final class Builder {
    private final List<Persistent> persistents = new ArrayList<>();
    private final List<Instance> nested = new ArrayList<>();

    void found(Persistent persistent) {
      persistents.add(persistent);
    }

    void made(Instance instance) {
      if (TorchNames.isNestedStream(instance)) {
        nested.add(instance);
      }
    }

    Pickle build(PickleValue root, long end) {
      return new Pickle(root, end, List.copyOf(persistents), List.copyOf(nested));
    }
  }
}
