package io.diffuscope.benchmark;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * How long work took.
 *
 * @param wall seconds on the clock
 * @param processor seconds of processor time of the calling thread: what other programs do moves it
 *     little, but it leaves out the threads that help inside one tensor operation
 */
record Clock(double wall, double processor) {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** Work whose duration is asked for. */
  @FunctionalInterface
  interface Work {
    void run() throws Exception;
  }

  static final Clock ZERO = new Clock(0, 0);

  static Clock time(Work work) throws Exception {
    long processor = THREADS.getCurrentThreadCpuTime();
    long wall = System.nanoTime();
    work.run();
    return new Clock(
        (System.nanoTime() - wall) * 1e-9, (THREADS.getCurrentThreadCpuTime() - processor) * 1e-9);
  }

  Clock plus(Clock other) {
    return new Clock(wall + other.wall, processor + other.processor);
  }
}
