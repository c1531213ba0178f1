package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Sighting.Listed;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A real directory that a trainer writes to and a subscription lists, both by a clock that is
 * turned by hand: files carry its time.
 */
final class WatchedFolder {
  static final int SETTLE_TIMEOUT = 60;

  private final Path root;
  private final byte[] weights;
  private DirectorySettings settings;
  private StructuralCheck check = StructuralCheck.weights();
  private DirectoryListing listing;
  private SettleTracker tracker;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  WatchedFolder(Path root) throws IOException {
    this.root = root;
    this.weights = safetensors(root.resolveSibling(root.getFileName() + "-source"));
    this.settings =
        DirectorySettings.of(root)
            .withQuietPeriod(Duration.ofSeconds(2))
            .withSettleTimeout(Duration.ofSeconds(SETTLE_TIMEOUT));
    Files.createDirectories(root);
    this.listing = new DirectoryListing(settings);
    this.tracker = new SettleTracker(settings, check);
  }

  private static byte[] safetensors(Path file) throws IOException {
    SafetensorsWriter.write(
        file, Map.of("w", new FloatArray(TensorShape.of(4), new float[] {1, 2, 3, 4})), Map.of());
    return Files.readAllBytes(file);
  }

  /** Starts the monitor afresh with other settings. */
  WatchedFolder watchWith(DirectorySettings other, StructuralCheck otherCheck) {
    settings = other;
    check = otherCheck;
    listing = new DirectoryListing(settings);
    tracker = new SettleTracker(settings, check);
    return this;
  }

  DirectorySettings settings() {
    return settings;
  }

  Path path(String name) {
    return root.resolve(name);
  }

  /** The first half of a file's content, under its final name. */
  void begin(String name) {
    write(name, Arrays.copyOf(content(name), content(name).length / 2));
  }

  /** The rest of what was begun. */
  void finish(String name) {
    byte[] all = content(name);
    attempt(
        () -> {
          Files.write(
              path(name),
              Arrays.copyOfRange(all, all.length / 2, all.length),
              StandardOpenOption.APPEND);
          touch(name);
        });
  }

  /** A whole file, in place of what was there. */
  void write(String name) {
    write(name, content(name));
  }

  void write(String name, byte[] content) {
    attempt(
        () -> {
          Files.createDirectories(path(name).getParent());
          Files.write(path(name), content);
          touch(name);
        });
  }

  void append(String name, String line) {
    attempt(
        () -> {
          Files.writeString(path(name), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
          touch(name);
        });
  }

  /** Writes beside and moves into place, as atomic writers do. */
  void move(String name) {
    String draft = ".draft-" + path(name).getFileName();
    write(draft, content(name));
    attempt(() -> Files.move(path(draft), path(name), StandardCopyOption.REPLACE_EXISTING));
  }

  void delete(String name) {
    attempt(() -> Files.delete(path(name)));
  }

  /** As {@code shutil.rmtree}. */
  void deleteTree(String name) {
    attempt(
        () -> {
          List<Path> all;
          try (var walk = Files.walk(path(name))) {
            all = walk.toList();
          }
          for (Path path : all.reversed()) {
            Files.delete(path);
          }
        });
  }

  /** What a trainer's file of this name holds: torch files were written by torch itself. */
  private byte[] content(String name) {
    String extension = name.substring(name.lastIndexOf('.') + 1);
    return switch (extension) {
      case "json", "jsonl" ->
          "{\"_class_name\": \"UNet2DModel\"}\n".getBytes(StandardCharsets.UTF_8);
      case "pt", "pth", "bin" -> resource("dit.pt");
      case "ckpt" -> resource("lightning.ckpt");
      default -> weights;
    };
  }

  private static byte[] resource(String name) {
    try (InputStream stream =
        WeightFiles.class.getResourceAsStream("/io/diffuscope/tensorfile/torch-1.13/" + name)) {
      return Objects.requireNonNull(stream, name).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void touch(String name) {
    attempt(() -> Files.setLastModifiedTime(path(name), FileTime.from(now)));
  }

  /** One listing. */
  List<Sighting> poll() {
    try {
      return tracker.observe(now, listing.list()).stream()
          .filter(s -> !(s instanceof Listed))
          .toList();
    } catch (DirectoryListing.UnlistableException e) {
      return tracker.unlistable(e.problem());
    }
  }

  /** A listing each second, so that quiet alone would accept what stays as it is. */
  List<Sighting> wait(int seconds) {
    List<Sighting> all = new ArrayList<>(poll());
    for (int i = 0; i < seconds; i++) {
      now = now.plusSeconds(1);
      all.addAll(poll());
    }
    return all;
  }

  Instant now() {
    return now;
  }

  static List<Checkpoint> settled(List<Sighting> sightings) {
    return sightings.stream()
        .filter(Sighting.Settled.class::isInstance)
        .map(s -> ((Sighting.Settled) s).checkpoint())
        .toList();
  }

  static List<Sighting.PassedOver> passedOver(List<Sighting> sightings) {
    return sightings.stream()
        .filter(Sighting.PassedOver.class::isInstance)
        .map(Sighting.PassedOver.class::cast)
        .toList();
  }

  static List<String> recognised(List<Sighting> sightings) {
    return sightings.stream()
        .filter(Sighting.Recognised.class::isInstance)
        .map(s -> ((Sighting.Recognised) s).message())
        .toList();
  }

  /** Something that fails like a file system. */
  interface Action {
    void run() throws IOException;
  }

  static void attempt(Action action) {
    try {
      action.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
