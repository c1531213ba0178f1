package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Samples one block of noises, and makes everything of the endpoints that is measured on them. */
final class SampleBlockTask implements Task<List<Observation>> {
  /** Something that is measured on endpoints, beside neighbours and distances. */
  @FunctionalInterface
  interface Measure {
    /**
     * A measurement of a block.
     *
     * @param endpoints float32 {@code [rows, d]}, finite; stays the caller's to close, and is not
     *     to be changed
     */
    Task<? extends Observation> of(int block, NDArray endpoints) throws BadInputException;
  }

  /** Takes the samples of a block, float32 {@code [rows, d]}, before anything else sees them. */
  @FunctionalInterface
  interface Keeper {
    void keep(int block, NDArray endpoints);
  }

  private final SampleTask samples;
  private final int block;
  private final Keeper keeper;
  private final List<Measure> measures;
  private final List<Observation> done = new ArrayList<>();
  private @Nullable Task<? extends Observation> current;

  SampleBlockTask(SampleTask samples, int block, Keeper keeper, List<Measure> measures) {
    this.samples = samples;
    this.block = block;
    this.keeper = keeper;
    this.measures = measures;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (done.isEmpty()) {
      if (!samples.advance()) {
        done.add(samples.result());
        keeper.keep(block, samples.endpoints());
      }
      return true;
    }
    int next = done.size() - 1;
    if (next == measures.size()) {
      return false;
    }
    Task<? extends Observation> task = current;
    if (task == null) {
      task = measures.get(next).of(block, samples.endpoints());
      current = task;
    }
    if (!task.advance()) {
      done.add(task.result());
      task.close();
      current = null;
    }
    return true;
  }

  @Override
  public double progress() {
    double now = current == null ? 0 : current.progress();
    return done.isEmpty()
        ? samples.progress() / (1 + measures.size())
        : (done.size() + now) / (1 + measures.size());
  }

  @Override
  public List<Observation> result() {
    return List.copyOf(done);
  }

  @Override
  public void close() {
    if (current != null) {
      current.close();
    }
    samples.close();
  }
}
