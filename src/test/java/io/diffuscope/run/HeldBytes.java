package io.diffuscope.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Looks, over and over on a thread of its own, at how many bytes of weights a folder of holds has.
 *
 * <p>A walk through a folder is no moment: a file may be counted that is gone when the next one
 * appears. So what counts is what two walks in a row have both seen: between them all of it was
 * there.
 */
final class HeldBytes implements AutoCloseable {
  private record Seen(Path file, Object key) {}

  private final Path folder;
  private final CompletableFuture<Void> looking;
  private volatile boolean closed;
  private volatile long most;
  private final AtomicLong looks = new AtomicLong();

  HeldBytes(Path folder) {
    this.folder = folder;
    looking =
        CompletableFuture.runAsync(this::look, task -> new Thread(task, "held-bytes").start());
  }

  private void look() {
    Map<Seen, Long> before = Map.of();
    while (!closed) {
      Map<Seen, Long> now = walk();
      long both = 0;
      for (Map.Entry<Seen, Long> file : now.entrySet()) {
        both += Math.min(file.getValue(), before.getOrDefault(file.getKey(), 0L));
      }
      most = Math.max(most, both);
      before = now;
      looks.incrementAndGet();
    }
  }

  private Map<Seen, Long> walk() {
    Map<Seen, Long> files = new HashMap<>();
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              if (!file.getFileName().toString().equals("note")) {
                files.put(new Seen(file, attributes.fileKey()), attributes.size());
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException gone) {
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException gone) {
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return files;
  }

  /** Waits for looks that begin from now on. */
  void awaitLooks(int number) throws InterruptedException {
    long end = looks.get() + number + 1;
    while (looks.get() < end && !looking.isDone()) {
      Thread.sleep(1);
    }
  }

  /** The most bytes that were there at one time. */
  long most() {
    return most;
  }

  @Override
  public void close() {
    closed = true;
    looking.join();
  }
}
