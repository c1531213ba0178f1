package io.diffuscope.sampling;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Samples of evaluated checkpoints on disk, for comparisons noise by noise: {@code
 * SERIES/RUN/STEP-CONTENT/block-NNNNN.safetensors}. Monitors that share the directory see each
 * other's samples; each removes those of its own runs only. What is missing or damaged costs a
 * comparison, never an evaluation.
 */
public final class SampleStore {
  private static final Logger log = LoggerFactory.getLogger(SampleStore.class);

  private final Path directory;
  private final BlockFiles files;

  /** One in a directory, which is made with the first samples. */
  public SampleStore(Path directory) {
    this.directory = directory;
    this.files =
        new BlockFiles(
            directory,
            "samples",
            "samples cannot be kept, and the next checkpoint is compared with none",
            "a kept block of samples is damaged, and nothing is compared with it");
  }

  /** Keeps a block, {@code [rows * d]}; a full disk costs the comparison, not the measurement. */
  void put(SampleAddress address, int block, int rows, int d, float[] values) {
    files.put(path(address), block, rows, d, values);
  }

  /** A kept block, {@code [rows * d]}, if it is there whole. */
  Optional<float[]> find(SampleAddress address, int block, int rows, int d) {
    return files.find(path(address), block, rows, d);
  }

  private static String path(SampleAddress address) {
    return "%s/%s/%s".formatted(address.series(), address.run(), address.folder());
  }

  /** Whether all blocks of a checkpoint are there. */
  public boolean isComplete(SampleAddress address, int blocks) {
    Path folder = directory.resolve(path(address));
    for (int block = 0; block < blocks; block++) {
      if (!Files.exists(BlockFiles.file(folder, block))) {
        return false;
      }
    }
    return blocks > 0;
  }

  /** What a run has at a step, complete: the newest where it was written more than once. */
  public Optional<SampleAddress> at(String series, String run, long step, int blocks) {
    return entries(series, run).stream()
        .map(Entry::address)
        .filter(address -> address.step() == step && isComplete(address, blocks))
        .findFirst();
  }

  /**
   * Removes the oldest samples of a run, of whatever series; the newest two are left.
   *
   * @param most checkpoints that are left at most, at least 2
   * @param bytes that they may take
   */
  public void trim(String run, int most, long bytes) {
    List<Entry> all = new ArrayList<>();
    for (String series : names(directory)) {
      all.addAll(entries(series, run));
    }
    all.sort(Entry.NEWEST_FIRST);
    long taken = 0;
    for (int i = 0; i < all.size(); i++) {
      Path folder = directory.resolve(path(all.get(i).address));
      taken += sizeOf(folder);
      if (i >= 2 && (i >= most || taken > bytes)) {
        remove(folder);
      }
    }
  }

  /** Removes all samples of a run. */
  public void forget(String run) {
    for (String series : names(directory)) {
      for (Entry entry : entries(series, run)) {
        remove(directory.resolve(path(entry.address)));
      }
    }
  }

  /** Bytes of all samples of a run. */
  public long bytes(String run) {
    long sum = 0;
    for (String series : names(directory)) {
      for (Entry entry : entries(series, run)) {
        sum += sizeOf(directory.resolve(path(entry.address)));
      }
    }
    return sum;
  }

  private record Entry(SampleAddress address, FileTime modified) {
    static final Comparator<Entry> NEWEST_FIRST = Comparator.comparing(Entry::modified).reversed();
  }

  /** The newest first. */
  private List<Entry> entries(String series, String run) {
    Path folder = directory.resolve(series).resolve(run);
    List<Entry> entries = new ArrayList<>();
    for (String name : names(folder)) {
      int dash = name.indexOf('-', 1);
      try {
        entries.add(
            new Entry(
                new SampleAddress(
                    series,
                    run,
                    Long.parseLong(name.substring(0, Math.max(0, dash))),
                    name.substring(dash + 1)),
                Files.getLastModifiedTime(folder.resolve(name))));
      } catch (NumberFormatException | IOException e) {
        // Somebody else's file, or one that another monitor is removing.
        log.debug("{} in {} holds no samples", name, folder, e);
      }
    }
    entries.sort(Entry.NEWEST_FIRST);
    return entries;
  }

  private static List<String> names(Path folder) {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      entries.forEach(entry -> names.add(String.valueOf(entry.getFileName())));
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException e) {
      log.warn("the kept samples in {} cannot be listed: {}", folder, e.toString());
    }
    return names;
  }

  private static long sizeOf(Path folder) {
    try (Stream<Path> all = Files.list(folder)) {
      return all.mapToLong(file -> file.toFile().length()).sum();
    } catch (IOException | UncheckedIOException e) {
      return 0;
    }
  }

  private static void remove(Path folder) {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> all = Files.list(folder)) {
      for (Path file : all.toList()) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(folder);
    } catch (IOException | UncheckedIOException e) {
      log.warn("old samples in {} cannot be removed: {}", folder, e.toString());
    }
  }
}
