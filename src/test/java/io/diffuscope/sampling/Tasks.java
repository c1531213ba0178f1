package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.tensorfile.BadInputException;

/** Runs tasks to their end, as a sampler does. */
final class Tasks {
  private Tasks() {}

  static <T> T run(Task<T> task) throws BadInputException {
    try (task) {
      double before = 0;
      while (task.advance()) {
        assertThat(task.progress()).isBetween(before, 1.0);
        before = task.progress();
      }
      return task.result();
    }
  }
}
