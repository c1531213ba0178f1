package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.List;

/** What is measured on samples, of points that stand in for them; one measure a piece. */
final class StandInTask implements Task<List<Observation>> {
  private final NDArray points;
  private final List<SampleBlockTask.Measure> measures;
  private final List<Observation> done = new ArrayList<>();

  /**
   * A task.
   *
   * @param points float32 {@code [rows, d]} of the first block; the task's to close
   */
  StandInTask(NDArray points, List<SampleBlockTask.Measure> measures) {
    this.points = points;
    this.measures = measures;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (done.size() == measures.size()) {
      return false;
    }
    done.add(measures.get(done.size()).of(0, points).complete());
    return true;
  }

  @Override
  public double progress() {
    return measures.isEmpty() ? 1 : (double) done.size() / measures.size();
  }

  @Override
  public List<Observation> result() {
    return List.copyOf(done);
  }

  @Override
  public void close() {
    points.close();
  }
}
