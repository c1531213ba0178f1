package io.diffuscope.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/** A folder that is removed at the end, also when the process is asked to stop (Ctrl-C). */
final class TemporaryFolder implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 15;

  private final Path path;
  private final List<CompletionStage<?>> uses = new CopyOnWriteArrayList<>();
  private final Thread hook = new Thread(this::removeAfterLastUse, "remove-temporary-folder");

  private TemporaryFolder(Path path) {
    this.path = path;
  }

  static TemporaryFolder create(String prefix) throws IOException {
    TemporaryFolder folder = new TemporaryFolder(Files.createTempDirectory(prefix));
    Runtime.getRuntime().addShutdownHook(folder.hook);
    return folder;
  }

  Path path() {
    return path;
  }

  /** When the process is asked to stop, the folder is removed after this has ended too. */
  void usedUntil(CompletionStage<?> end) {
    uses.add(end);
  }

  /** Removes the folder. */
  @Override
  public void close() throws IOException {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException stopping) {
      return; // the hook does it
    }
    remove(path);
  }

  private void removeAfterLastUse() {
    try {
      CompletableFuture.allOf(
              uses.stream()
                  .map(CompletionStage::toCompletableFuture)
                  .toArray(CompletableFuture<?>[]::new))
          .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException over) {
      // Ended badly, or hangs: either way the process ends now.
    } catch (InterruptedException nobodyInterrupts) {
      Thread.currentThread().interrupt();
    }
    try {
      remove(path);
    } catch (IOException | UncheckedIOException left) {
      // Nobody is left to tell; the system clears its temporary files.
    }
  }

  private static void remove(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path file : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
