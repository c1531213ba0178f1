package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Opens weights of any supported format, told by the content and not by the name.
 *
 * <pre>{@code
 * try (TensorSource weights = WeightFiles.open(Path.of("results/000-DiT/checkpoints/0050000.pt"))) {
 *   TensorInfo first = weights.tensors().get("ema.x_embedder.proj.weight");
 * }
 * }</pre>
 *
 * <p>Pickles are parsed as data ({@link PickleParser}): nothing in a file is ever run.
 */
public final class WeightFiles {
  private static final int PICKLE_PROTOCOL = 0x80;
  private static final int MAX_PROTOCOL = 5;

  private WeightFiles() {}

  /**
   * Opens a file or directory of tensors and checks its structure: headers, directories and
   * lengths, not the values.
   *
   * @throws BadInputException VANISHED, UNREADABLE, TRUNCATED, MALFORMED, UNSUPPORTED, EMPTY or
   *     CHANGED
   */
  public static TensorSource open(Path path) throws BadInputException {
    FileBytes file = FileBytes.open(path);
    try {
      return open(path, file);
    } catch (BadInputException failure) {
      file.close();
      throw failure;
    }
  }

  private static TensorSource open(Path path, FileBytes file) throws BadInputException {
    ByteBuffer start = ByteBuffer.allocate(Long.BYTES + 1).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, start.limit((int) Math.min(start.capacity(), file.size())));
    start.flip();
    PickleBudget budget = new PickleBudget(file.name(), PickleBudget.DEFAULT_BYTES);
    if (start.remaining() >= Integer.BYTES && start.getInt(0) == ZipDirectory.LOCAL_HEADER) {
      return torch(path, file, TorchZip.open(file, budget));
    }
    // The length of a safetensors header may begin like a pickle, so the brace behind it counts.
    if (start.remaining() > Long.BYTES && start.get(Long.BYTES) == '{' && start.get(7) == 0) {
      return SafetensorsFile.of(path, file);
    }
    if (start.remaining() >= 2
        && Byte.toUnsignedInt(start.get(0)) == PICKLE_PROTOCOL
        && start.get(1) <= MAX_PROTOCOL
        && start.get(1) > 0) {
      return torch(path, file, pickle(file, budget));
    }
    Optional<BadInputException> foreign = ForeignFormats.file(file);
    if (foreign.isPresent()) {
      throw foreign.get();
    }
    return SafetensorsFile.of(path, file);
  }

  /** A plain pickle, or the stream that {@code torch.save} wrote before PyTorch 1.6. */
  private static TorchStream pickle(ByteSource file, PickleBudget budget) throws BadInputException {
    Pickle first = PickleParser.parse(file, 0, file.size(), Reason.TRUNCATED, budget);
    return LegacyTorch.isFirstOf(first)
        ? LegacyTorch.open(file, first, file.size(), Reason.TRUNCATED, budget, 0)
        : new TorchStream(first.root(), NestedStreams.open(file, first, reference -> null, budget));
  }

  private static TensorSource torch(Path path, ByteSource file, TorchStream stream)
      throws BadInputException {
    TensorTree.Found found = TensorTree.of(file, stream);
    if (found.tensors().isEmpty()) {
      throw found.objects().isEmpty()
          ? new BadInputException(
              path, Reason.EMPTY, "has no tensors; save the weights with torch.save into it")
          : ForeignFormats.object(path.toString(), found.objects().values().iterator().next());
    }
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    found.tensors().forEach((name, array) -> tensors.put(name, StoredTensor.of(name, array)));
    return new FileTensors(path, List.of(file), tensors, found.objects());
  }

  /**
   * The files that hold the weights at a path: itself, an index and its shards, or what a
   * distributed checkpoint consists of. Together their versions tell one content from the next.
   *
   * @throws BadInputException if an index cannot be read
   */
  public static List<Path> filesOf(Path path) throws BadInputException {
    return List.of(path);
  }
}
