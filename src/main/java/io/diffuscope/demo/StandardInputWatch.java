package io.diffuscope.demo;

import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.TimeUnit;

/**
 * Notices that the other end of the standard input is gone: the one sign of a parent's death that
 * every operating system gives, even when the parent was killed.
 *
 * <p>The training looks at {@link #closed()} before each step. Should it not end within five
 * seconds (a step takes milliseconds), the process is halted.
 */
final class StandardInputWatch {
  private static final long GRACE_SECONDS = 5;

  private final InputStream input;
  private volatile boolean closed;

  StandardInputWatch(InputStream input) {
    this.input = input;
  }

  void start() {
    Thread thread = new Thread(this::watch, "standard-input-watch");
    thread.setDaemon(true);
    thread.start();
  }

  boolean closed() {
    return closed;
  }

  private void watch() {
    byte[] ignored = new byte[256];
    try {
      int read = 0;
      while (read >= 0) {
        read = input.read(ignored);
      }
    } catch (IOException gone) {
      // A broken standard input says the same as a closed one.
    }
    closed = true;
    try {
      TimeUnit.SECONDS.sleep(GRACE_SECONDS);
    } catch (InterruptedException nobodyInterrupts) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(Trainer.ABANDONED);
  }
}
