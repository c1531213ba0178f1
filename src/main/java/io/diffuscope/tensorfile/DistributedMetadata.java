package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.PickleValue.Constant;
import io.diffuscope.tensorfile.PickleValue.Dictionary;
import io.diffuscope.tensorfile.PickleValue.Entry;
import io.diffuscope.tensorfile.PickleValue.Global;
import io.diffuscope.tensorfile.PickleValue.Instance;
import io.diffuscope.tensorfile.PickleValue.Sequence;
import io.diffuscope.tensorfile.PickleValue.Whole;
import io.diffuscope.tensorfile.PickleValue.Words;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The file {@code .metadata} of a distributed checkpoint: which tensors there are, of which chunks
 * they consist, and where each chunk lies ({@code torch/distributed/checkpoint/metadata.py} and
 * {@code filesystem.py}).
 *
 * @param tensors by name
 * @param objects the names of what is no tensor, or one of a type that is not known here
 */
record DistributedMetadata(Map<String, Tensor> tensors, List<String> objects) {
  private static final int MAX_TENSORS = 500_000;

  /** A tensor and its chunks, those without elements left out. */
  record Tensor(ElementType type, TensorShape shape, List<Chunk> chunks) {}

  /** A chunk and where it is stored. */
  record Chunk(TensorBox box, Place place) {}

  /**
   * A stretch of a file in the checkpoint's directory.
   *
   * @param transformed whether it was compressed or the like
   */
  record Place(String file, long offset, long length, boolean transformed) {}

  /** What a chunk is found by; an offset that was left out is empty. */
  private record Index(String name, List<Long> offset) {}

  /**
   * Reads the file.
   *
   * @throws BadInputException TRUNCATED, MALFORMED, UNSUPPORTED (a name that would run something),
   *     CHANGED or UNREADABLE
   */
  static DistributedMetadata read(ByteSource source) throws BadInputException {
    PickleBudget budget = new PickleBudget(source.name(), PickleBudget.DEFAULT_BYTES);
    Pickle pickle = PickleParser.parse(source, 0, source.size(), Reason.TRUNCATED, budget);
    return new Reader(source).read(pickle.root());
  }

  private static final class Reader {
    private final ByteSource source;
    private final Map<Index, Place> places = new HashMap<>();

    Reader(ByteSource source) {
      this.source = source;
    }

    DistributedMetadata read(PickleValue root) throws BadInputException {
      Map<String, PickleValue> metadata = fields(root, "Metadata");
      if (!(metadata.get("storage_data") instanceof Dictionary stored)
          || !(metadata.get("state_dict_metadata") instanceof Dictionary described)) {
        throw malformed("it has no state_dict_metadata or no storage_data");
      }
      for (Entry entry : stored.entries()) {
        Map<String, PickleValue> key = fields(entry.key(), "MetadataIndex");
        PickleValue offset = key.getOrDefault("offset", Constant.NONE);
        places.put(
            new Index(text(key.get("fqn")), offset == Constant.NONE ? List.of() : numbers(offset)),
            place(entry.value()));
      }
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      List<String> objects = new ArrayList<>();
      for (Entry entry : described.entries()) {
        String name = text(entry.key());
        Optional<Tensor> tensor =
            isA(entry.value(), "TensorStorageMetadata")
                ? tensor(name, entry.value())
                : Optional.empty();
        if (tensor.isPresent()) {
          tensors.put(name, tensor.get());
        } else {
          objects.add(name);
        }
        if (tensors.size() > MAX_TENSORS) {
          throw malformed("it has more than " + MAX_TENSORS + " tensors");
        }
      }
      return new DistributedMetadata(tensors, objects);
    }

    private Place place(PickleValue value) throws BadInputException {
      Map<String, PickleValue> info = fields(value, "_StorageInfo");
      String file = text(info.get("relative_path"));
      ShardIndex.checkName(source, file);
      PickleValue transforms = info.get("transform_descriptors");
      return new Place(
          file,
          number(info.get("offset")),
          number(info.get("length")),
          transforms instanceof Sequence list && !list.elements().isEmpty());
    }

    private Optional<Tensor> tensor(String name, PickleValue value) throws BadInputException {
      Map<String, PickleValue> fields = fields(value, "TensorStorageMetadata");
      TensorShape shape = new TensorShape(numbers(fields.get("size")));
      Optional<ElementType> known = type(name, fields.get("properties"));
      if (known.isEmpty()) {
        return Optional.empty();
      }
      ElementType type = known.get();
      if (!(fields.get("chunks") instanceof Sequence list)) {
        throw malformed("tensor " + Text.quote(name) + " has no list of chunks");
      }
      Map<List<Long>, Chunk> chunks = new LinkedHashMap<>();
      for (PickleValue element : list.elements()) {
        Map<String, PickleValue> chunk = fields(element, "ChunkStorageMetadata");
        List<Long> offsets = numbers(chunk.get("offsets"));
        List<Long> sizes = numbers(chunk.get("sizes"));
        if (offsets.size() != shape.rank() || sizes.size() != shape.rank()) {
          throw malformed("a chunk of tensor " + Text.quote(name) + " has another rank");
        }
        if (!sizes.contains(0L)) {
          chunks.put(offsets, new Chunk(new TensorBox(offsets, sizes), find(name, offsets)));
        }
      }
      checkCover(name, type, shape, List.copyOf(chunks.values()));
      return Optional.of(new Tensor(type, shape, List.copyOf(chunks.values())));
    }

    private Place find(String name, List<Long> offsets) throws BadInputException {
      Place place = places.get(new Index(name, offsets));
      if (place == null) {
        place = places.get(new Index(name, List.of()));
      }
      if (place == null) {
        throw malformed("a chunk of tensor " + Text.quote(name) + " is stored nowhere");
      }
      return place;
    }

    /** Empty for a type that is not known here. */
    private Optional<ElementType> type(String name, @Nullable PickleValue properties)
        throws BadInputException {
      if (properties instanceof Instance instance) {
        PickleValue type =
            switch (instance.state()) {
              case Sequence state when !state.elements().isEmpty() -> state.elements().get(0);
              case Dictionary state -> TensorTree.byKey(state.entries()).get("dtype");
              case null, default -> null;
            };
        if (type instanceof Global global) {
          return TorchNames.ofType(global);
        }
      }
      throw malformed("tensor " + Text.quote(name) + " has no type");
    }

    /** The chunks lie within the tensor, do not overlap, and leave nothing out. */
    private void checkCover(String name, ElementType type, TensorShape shape, List<Chunk> chunks)
        throws BadInputException {
      try {
        long bits = type.bitsOf(shape);
        long covered = 0;
        for (Chunk chunk : chunks) {
          for (int axis = 0; axis < shape.rank(); axis++) {
            long end = Math.addExact(chunk.box().start(axis), chunk.box().size(axis));
            if (end > shape.dimension(axis)) {
              throw malformed("a chunk of tensor " + Text.quote(name) + " lies outside it");
            }
          }
          covered = Math.addExact(covered, Math.multiplyExact(chunk.box().elements(), type.bits()));
        }
        if (covered == bits && !TensorBox.overlap(chunks.stream().map(Chunk::box).toList())) {
          return;
        }
      } catch (ArithmeticException overflow) {
        // Falls through to the failure below.
      }
      throw malformed("the chunks of tensor " + Text.quote(name) + " do not make it up");
    }

    /** The state of an object of a class of this name in PyTorch's own modules. */
    private Map<String, PickleValue> fields(@Nullable PickleValue value, String type)
        throws BadInputException {
      if (isA(value, type)
          && value instanceof Instance instance
          && instance.state() instanceof Dictionary state) {
        return TensorTree.byKey(state.entries());
      }
      throw malformed("it has no " + type + " where one is due");
    }

    private static boolean isA(@Nullable PickleValue value, String type) {
      return value instanceof Instance instance
          && instance.callable() instanceof Global made
          && made.module().startsWith("torch.distributed.")
          && made.name().equals(type);
    }

    private String text(@Nullable PickleValue value) throws BadInputException {
      if (value instanceof Words text) {
        return text.value();
      }
      throw malformed("it has no name where one is due");
    }

    private long number(@Nullable PickleValue value) throws BadInputException {
      if (value instanceof Whole number && number.value() >= 0) {
        return number.value();
      }
      throw malformed("it has no offset or length where one is due");
    }

    private List<Long> numbers(@Nullable PickleValue value) throws BadInputException {
      return TensorRebuild.numbers(value)
          .orElseThrow(() -> malformed("it has no sizes where they are due"));
    }

    private BadInputException malformed(String cause) {
      return new BadInputException(
          source.name(),
          Reason.MALFORMED,
          "not valid metadata of a distributed checkpoint (" + cause + "); save it again",
          null);
    }
  }
}
