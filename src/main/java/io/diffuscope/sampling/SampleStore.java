package io.diffuscope.sampling;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Samples of evaluated checkpoints on disk, for comparisons noise by noise: {@code
 * SERIES/RUN/STEP-CONTENT/block-NNNNN.safetensors}. Monitors that share the directory see each
 * other's samples; each removes those of its own runs only. What is missing or damaged costs a
 * comparison, never an evaluation. What lies there and is none of ours is left alone, and links are
 * not followed where something is removed.
 */
public final class SampleStore {
  private static final Logger log = LoggerFactory.getLogger(SampleStore.class);

  /** As the ids of runs are: what is called otherwise is not looked for. */
  private static final Pattern RUN = Pattern.compile("[A-Za-z0-9._-]{1,100}");

  private static final Pattern ENTRY = Pattern.compile("(?<step>-?[0-9]{1,19})-(?<content>.+)");

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
    return "%s/%s/%s".formatted(address.series(), folderOf(address.run()), address.folder());
  }

  /** Two ids mean other folders to a file system; no id has a percent sign. */
  private static String folderOf(String run) {
    return run.equals(".") || run.equals("..") ? run.replace(".", "%2e") : run;
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
      if (runFolder(series, run).isPresent()) {
        all.addAll(entries(series, run));
      }
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

  /**
   * Removes all samples of a run, of whatever series; other runs keep theirs. A run that is still
   * evaluated writes new ones.
   *
   * @throws IOException naming a folder that could not be removed; the others are
   */
  public void forget(String run) throws IOException {
    IOException failure = null;
    for (String series : names(directory)) {
      for (Path folder : folders(series, run)) {
        try {
          removeAll(folder);
        } catch (IOException | UncheckedIOException e) {
          IOException next =
              new IOException(
                  "samples of run %s in %s cannot be removed (%s); let this user write there, and forget it again"
                      .formatted(run, folder, e),
                  e);
          if (failure == null) {
            failure = next;
          } else {
            failure.addSuppressed(next);
          }
        }
      }
      runFolder(series, run).ifPresent(SampleStore::removeIfEmpty);
    }
    if (failure != null) {
      throw failure;
    }
  }

  /** Bytes that the samples of a run take, of whatever series. */
  public long bytes(String run) {
    long bytes = 0;
    for (String series : names(directory)) {
      for (Path folder : folders(series, run)) {
        bytes += sizeOf(folder);
      }
    }
    return bytes;
  }

  /** Those of checkpoints, in the folder of a run in a series. */
  private List<Path> folders(String series, String run) {
    return runFolder(series, run).stream()
        .flatMap(
            folder ->
                names(folder).stream()
                    .filter(name -> ENTRY.matcher(name).matches())
                    .map(folder::resolve))
        .filter(SampleStore::isFolder)
        .toList();
  }

  /** That of a run in a series, if there is one and no link on the way. */
  private Optional<Path> runFolder(String series, String run) {
    if (!RUN.matcher(run).matches()) {
      return Optional.empty();
    }
    Path all = directory.resolve(series);
    return Optional.of(all.resolve(folderOf(run)))
        .filter(folder -> isFolder(all) && isFolder(folder));
  }

  private static boolean isFolder(Path path) {
    return Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
  }

  private record Entry(SampleAddress address, FileTime modified) {
    static final Comparator<Entry> NEWEST_FIRST = Comparator.comparing(Entry::modified).reversed();
  }

  /** The newest first. */
  private List<Entry> entries(String series, String run) {
    if (!RUN.matcher(run).matches()) {
      return List.of();
    }
    Path folder = directory.resolve(series).resolve(folderOf(run));
    List<Entry> entries = new ArrayList<>();
    for (String name : names(folder)) {
      Matcher parts = ENTRY.matcher(name);
      if (!parts.matches() || !isFolder(folder.resolve(name))) {
        // Somebody else's.
        continue;
      }
      try {
        entries.add(
            new Entry(
                new SampleAddress(
                    series, run, Long.parseLong(parts.group("step")), parts.group("content")),
                Files.getLastModifiedTime(folder.resolve(name))));
      } catch (NumberFormatException | IOException e) {
        // Too large for a step, or another monitor is removing it.
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

  private static void removeAll(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      for (Path file : all.toList()) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(folder);
    } catch (NoSuchFileException gone) {
      // Another monitor was faster.
      log.debug("{} is not there any more", folder, gone);
    }
  }

  private static void removeIfEmpty(Path folder) {
    try {
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      // What is in it is somebody else's, or was told of already.
      log.debug("{} is not removed", folder, e);
    }
  }

  private static void remove(Path folder) {
    try {
      removeAll(folder);
    } catch (IOException | UncheckedIOException e) {
      log.warn("old samples in {} cannot be removed: {}", folder, e.toString());
    }
  }
}
