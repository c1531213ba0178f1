package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The directories of {@code torch.distributed.checkpoint}: {@code .metadata}, written last, and
 * {@code __RANK_N.distcp} files in which each chunk of a tensor is a stream of {@code torch.save}.
 * A tensor that was spread over processes is put together from its chunks when it is read. Chunks
 * of tensors that nobody asks for, such as an optimizer's, are not looked at.
 */
final class DistributedCheckpoint {
  static final String METADATA = ".metadata";

  private static final int MAX_OBJECTS = 1000;

  private DistributedCheckpoint() {}

  /**
   * Opens a directory.
   *
   * @throws BadInputException as {@link WeightFiles#open}
   */
  static TensorSource open(Path directory) throws BadInputException {
    FilePool pool = new FilePool();
    try {
      ByteSource index = pool.file(directory.resolve(METADATA));
      DistributedMetadata metadata = DistributedMetadata.read(index);
      if (metadata.tensors().isEmpty()) {
        throw new BadInputException(
            directory, Reason.EMPTY, "has no tensors; save the model's state_dict into it");
      }
      Map<String, ByteSource> files = new TreeMap<>();
      for (String name : namesOf(metadata)) {
        files.put(name, file(pool, directory, name));
      }
      Map<String, StoredTensor> tensors = new LinkedHashMap<>();
      for (Map.Entry<String, DistributedMetadata.Tensor> entry : metadata.tensors().entrySet()) {
        tensors.put(entry.getKey(), stored(entry.getKey(), entry.getValue(), files));
      }
      Map<String, String> objects = new LinkedHashMap<>();
      metadata.objects().stream().limit(MAX_OBJECTS).forEach(name -> objects.put(name, "bytes"));
      List<ByteSource> all = new ArrayList<>(files.values());
      all.add(index);
      return new FileTensors(directory, all, tensors, objects);
    } catch (BadInputException failure) {
      pool.close();
      throw failure;
    }
  }

  /**
   * The metadata and the files that hold tensors.
   *
   * @throws BadInputException if the metadata cannot be read
   */
  static List<Path> filesOf(Path directory) throws BadInputException {
    Path index = directory.resolve(METADATA);
    List<Path> files = new ArrayList<>();
    files.add(index);
    try (FileBytes source = FileBytes.open(index)) {
      namesOf(DistributedMetadata.read(source)).forEach(name -> files.add(directory.resolve(name)));
    }
    return files;
  }

  private static Set<String> namesOf(DistributedMetadata metadata) {
    Set<String> names = new TreeSet<>();
    for (DistributedMetadata.Tensor tensor : metadata.tensors().values()) {
      tensor.chunks().forEach(chunk -> names.add(chunk.place().file()));
    }
    return names;
  }

  private static ByteSource file(FilePool pool, Path directory, String name)
      throws BadInputException {
    try {
      return pool.file(directory.resolve(FileFailures.path(name)));
    } catch (BadInputException failure) {
      if (failure.reason() != Reason.VANISHED) {
        throw failure;
      }
      throw new BadInputException(
          directory.toString(),
          Reason.TRUNCATED,
          "lacks the file "
              + Text.quote(name)
              + " of its metadata; wait for its writer or copy it too",
          failure);
    }
  }

  private static StoredTensor stored(
      String name, DistributedMetadata.Tensor tensor, Map<String, ByteSource> files)
      throws BadInputException {
    List<StoredTensor.Piece> pieces = new ArrayList<>();
    for (DistributedMetadata.Chunk chunk : tensor.chunks()) {
      ByteSource file = files.get(chunk.place().file());
      if (file == null) {
        throw new AssertionError(chunk.place());
      }
      SliceBytes slice = new SliceBytes(file, chunk.place().offset(), chunk.place().length());
      pieces.add(
          new StoredTensor.Piece(chunk.box(), new ChunkContent(slice, tensor.type(), chunk)));
    }
    return new StoredTensor(new TensorInfo(name, tensor.type(), tensor.shape()), pieces);
  }

  /** Looks into the stream of a chunk once it is wanted, and once only. */
  private static final class ChunkContent implements StoredTensor.Content {
    private final SliceBytes stream;
    private final ElementType type;
    private final DistributedMetadata.Chunk chunk;
    private @Nullable StridedArray array;

    ChunkContent(SliceBytes stream, ElementType type, DistributedMetadata.Chunk chunk) {
      this.stream = stream;
      this.type = type;
      this.chunk = chunk;
    }

    @Override
    public synchronized StridedArray get() throws BadInputException {
      StridedArray known = array;
      if (known == null) {
        known = find();
        array = known;
      }
      return known;
    }

    private StridedArray find() throws BadInputException {
      if (chunk.place().transformed()) {
        throw new BadInputException(
            stream.name(),
            Reason.UNSUPPORTED,
            "was written through an extension such as compression; save it without extensions",
            null);
      }
      PickleBudget budget = new PickleBudget(stream.name(), PickleBudget.DEFAULT_BYTES);
      Map<String, StridedArray> found =
          TensorTree.of(stream, TorchZip.open(stream, budget)).tensors();
      StridedArray only = found.size() == 1 ? found.get(TensorTree.ROOT) : null;
      if (only == null
          || only.type() != type
          || !only.shape().dimensions().equals(chunk.box().sizes())) {
        throw new BadInputException(
            stream.name(),
            Reason.MALFORMED,
            "has at byte "
                + chunk.place().offset()
                + " another tensor than the metadata says; save the checkpoint again",
            null);
      }
      return only;
    }
  }
}
