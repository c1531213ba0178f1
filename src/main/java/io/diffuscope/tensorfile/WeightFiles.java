package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Opens weights of any supported format, told by the content and not by the name.
 *
 * <pre>{@code
 * Path checkpoint = Path.of("results/000-DiT/checkpoints/0050000.pt");
 * try (TensorSource weights = WeightFiles.open(checkpoint)) {
 *   weights.readFloats("ema.x_embedder.proj.weight", 0, values);
 *   weights.verifyUnchanged();
 * }
 * }</pre>
 *
 * <p>The formats: safetensors; archives of {@code torch.save} and {@code torch.jit.save}, and the
 * streams of {@code torch.save} before them; pickles with tensors, also of NVlabs' persistent
 * classes (EDM); an index of several of these ({@code *.index.json}); the directory of a {@code
 * torch.distributed.checkpoint}; a directory with one file or index of weights. Pickles are parsed
 * as data ({@link PickleParser}): nothing in a file is ever run.
 */
public final class WeightFiles {
  private static final int PICKLE_PROTOCOL = 0x80;
  private static final int MAX_PROTOCOL = 5;

  private WeightFiles() {}

  /** What a file is, by its first bytes. */
  private enum Format {
    SAFETENSORS,
    ARCHIVE,
    PICKLE,
    INDEX
  }

  /** What is in a file. */
  private record Contents(Map<String, StoredTensor> tensors, Map<String, String> objects) {}

  /**
   * Opens a file or directory of tensors and checks its structure: headers, directories and
   * lengths, not the values.
   *
   * @throws BadInputException VANISHED, UNREADABLE, TRUNCATED, MALFORMED, UNSUPPORTED, EMPTY,
   *     MISMATCH (a directory with several files of weights) or CHANGED
   */
  public static TensorSource open(Path path) throws BadInputException {
    if (Files.isDirectory(path)) {
      if (WeightDirectory.distributed(path).isPresent()) {
        return DistributedCheckpoint.open(path);
      }
      return open(WeightDirectory.onlyFile(path));
    }
    FileBytes file = FileBytes.open(path);
    try {
      Format format = formatOf(file);
      if (format == Format.SAFETENSORS) {
        return SafetensorsFile.of(path, file);
      }
      if (format == Format.INDEX) {
        return shards(path, file);
      }
      Contents contents = contents(file, format);
      return new FileTensors(path, List.of(file), contents.tensors, contents.objects);
    } catch (BadInputException failure) {
      file.close();
      throw failure;
    }
  }

  /**
   * The files that hold the weights at a path: itself, an index and its shards, or what a
   * distributed checkpoint consists of. Together their versions tell one content from the next.
   *
   * @throws BadInputException if a directory or an index cannot be read
   */
  public static List<Path> filesOf(Path path) throws BadInputException {
    if (Files.isDirectory(path)) {
      return WeightDirectory.distributed(path).isPresent()
          ? DistributedCheckpoint.filesOf(path)
          : filesOf(WeightDirectory.onlyFile(path));
    }
    try (FileBytes file = FileBytes.open(path)) {
      ByteBuffer start = ByteBuffer.allocate(1);
      if (file.size() > 0) {
        file.read(0, start);
      }
      return start.get(0) == '{' ? ShardIndex.read(file).files(path) : List.of(path);
    }
  }

  private static Format formatOf(ByteSource file) throws BadInputException {
    ByteBuffer start = ByteBuffer.allocate(Long.BYTES + 1).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, start.limit((int) Math.min(start.capacity(), file.size())));
    start.flip();
    if (start.remaining() >= Integer.BYTES && start.getInt(0) == ZipDirectory.LOCAL_HEADER) {
      return Format.ARCHIVE;
    }
    // The length of a safetensors header may begin like a pickle, so the brace behind it counts.
    if (start.remaining() > Long.BYTES && start.get(Long.BYTES) == '{' && start.get(7) == 0) {
      return Format.SAFETENSORS;
    }
    if (start.remaining() >= 2
        && Byte.toUnsignedInt(start.get(0)) == PICKLE_PROTOCOL
        && start.get(1) > 0
        && start.get(1) <= MAX_PROTOCOL) {
      return Format.PICKLE;
    }
    if (start.hasRemaining() && start.get(0) == '{') {
      return Format.INDEX;
    }
    Optional<BadInputException> foreign = ForeignFormats.file(file);
    if (foreign.isPresent()) {
      throw foreign.get();
    }
    // Its reader says best what is wrong with a file that is none of these.
    return Format.SAFETENSORS;
  }

  private static TensorSource shards(Path path, FileBytes index) throws BadInputException {
    ShardIndex listed = ShardIndex.read(index);
    List<ByteSource> files = new ArrayList<>();
    files.add(index);
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    FilePool pool = new FilePool();
    try {
      for (Path shard : listed.files(path)) {
        if (shard.equals(path)) {
          continue;
        }
        ByteSource file = shardOf(pool, path, shard);
        files.add(file);
        Format format = formatOf(file);
        if (format == Format.INDEX) {
          throw new BadInputException(
              shard, Reason.MALFORMED, "is an index where weights are due; save them again");
        }
        Map<String, StoredTensor> found = contents(file, format).tensors;
        listed.checkAgreement(index, String.valueOf(shard.getFileName()), found.keySet());
        tensors.putAll(found);
      }
      return new FileTensors(path, files, tensors, Map.of());
    } catch (BadInputException failure) {
      pool.close();
      throw failure;
    }
  }

  /** At first sight a file that is not there is one that is still to come. */
  private static ByteSource shardOf(FilePool pool, Path index, Path shard)
      throws BadInputException {
    try {
      return pool.file(shard);
    } catch (BadInputException failure) {
      if (failure.reason() != Reason.VANISHED) {
        throw failure;
      }
      throw new BadInputException(
          index.toString(),
          Reason.TRUNCATED,
          "lists the file "
              + Text.quote(String.valueOf(shard.getFileName()))
              + ", which is not there; wait for its writer or copy it too",
          failure);
    }
  }

  private static Contents contents(ByteSource file, Format format) throws BadInputException {
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    if (format == Format.SAFETENSORS) {
      SafetensorsHeader.read(file)
          .tensors()
          .forEach(
              (name, entry) ->
                  tensors.put(
                      name,
                      StoredTensor.of(
                          name,
                          StridedArray.inOrder(
                              file,
                              entry.info().type(),
                              ByteOrder.LITTLE_ENDIAN,
                              entry.position(),
                              entry.info().shape()))));
      return new Contents(tensors, Map.of());
    }
    PickleBudget budget = new PickleBudget(file.name(), PickleBudget.DEFAULT_BYTES);
    TorchStream stream =
        format == Format.ARCHIVE ? TorchZip.open(file, budget) : pickle(file, budget);
    TensorTree.Found found = TensorTree.of(file, stream);
    if (found.tensors().isEmpty()) {
      throw found.objects().isEmpty()
          ? new BadInputException(
              file.name(),
              Reason.EMPTY,
              "has no tensors; save the weights with torch.save into it",
              null)
          : ForeignFormats.object(file.name(), found.objects().values().iterator().next());
    }
    found.tensors().forEach((name, array) -> tensors.put(name, StoredTensor.of(name, array)));
    return new Contents(tensors, found.objects());
  }

  /** A plain pickle, or the stream that {@code torch.save} wrote before PyTorch 1.6. */
  private static TorchStream pickle(ByteSource file, PickleBudget budget) throws BadInputException {
    Pickle first = PickleParser.parse(file, 0, file.size(), Reason.TRUNCATED, budget);
    return LegacyTorch.isFirstOf(first)
        ? LegacyTorch.open(file, first, file.size(), Reason.TRUNCATED, budget, 0)
        : new TorchStream(first.root(), NestedStreams.open(file, first, reference -> null, budget));
  }
}
