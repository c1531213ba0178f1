package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.PickleValue.Constant;
import io.diffuscope.tensorfile.PickleValue.Dictionary;
import io.diffuscope.tensorfile.PickleValue.Entry;
import io.diffuscope.tensorfile.PickleValue.Global;
import io.diffuscope.tensorfile.PickleValue.Instance;
import io.diffuscope.tensorfile.PickleValue.Sequence;
import io.diffuscope.tensorfile.PickleValue.Whole;
import io.diffuscope.tensorfile.TorchStream.Storage;
import io.diffuscope.tensorfile.TorchStream.Storages;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Understands the calls by which PyTorch's pickles make tensors: {@code torch/_utils.py} and {@code
 * torch/_tensor.py}, from the first releases to 2.13.
 */
final class TensorRebuild {
  private static final int MAX_RANK = 64;
  private static final int MAX_WRAPPERS = 16;
  private static final String UTILITIES = "torch._utils";

  private final ByteSource source;
  private final Storages storages;

  TensorRebuild(ByteSource source, Storages storages) {
    this.source = source;
    this.storages = storages;
  }

  /**
   * The tensor that a call makes; null where it makes something else, or a tensor of a kind that is
   * not known here (sparse, quantized, nested, without data).
   *
   * @throws BadInputException MALFORMED for a tensor that does not lie within its storage
   */
  @Nullable StridedArray tensor(Instance instance) throws BadInputException {
    Instance call = instance;
    for (int i = 0; i < MAX_WRAPPERS; i++) {
      if (!(call.callable() instanceof Global function)) {
        return null;
      }
      List<PickleValue> arguments = call.arguments();
      boolean plain = function.module().equals(UTILITIES);
      switch (plain ? function.name() : "") {
        case "_rebuild_tensor", "_rebuild_tensor_v2" -> {
          return arguments.size() < 4 || isNegated(arguments, 6) ? null : view(arguments, null);
        }
        case "_rebuild_tensor_v3" -> {
          return arguments.size() < 7
                  || isNegated(arguments, 7)
                  || !(arguments.get(6) instanceof Global type)
              ? null
              : view(arguments, type);
        }
        case "_rebuild_parameter",
            "_rebuild_parameter_with_state",
            "_rebuild_device_tensor_from_cpu_tensor" -> {
          if (arguments.isEmpty() || !(arguments.get(0) instanceof Instance data)) {
            return null;
          }
          call = data;
        }
        default -> {
          Instance inner = subclass(function, arguments);
          if (inner == null) {
            return null;
          }
          call = inner;
        }
      }
    }
    return null;
  }

  /** Subclasses of tensors and parameters say how the plain tensor is made, then their own type. */
  private static @Nullable Instance subclass(Global function, List<PickleValue> arguments) {
    boolean known =
        (function.module().equals("torch._tensor") || function.module().equals("torch.tensor"))
            && (function.name().equals("_rebuild_from_type")
                || function.name().equals("_rebuild_from_type_v2"));
    return known
            && arguments.size() >= 3
            && arguments.get(0) instanceof Global maker
            && arguments.get(2) instanceof Sequence inner
        ? new Instance(maker, inner.elements())
        : null;
  }

  /** Metadata of a tensor that is to be conjugated or negated before use; hardly ever there. */
  private static boolean isNegated(List<PickleValue> arguments, int at) {
    if (arguments.size() <= at || !(arguments.get(at) instanceof Dictionary metadata)) {
      return false;
    }
    for (Entry entry : metadata.entries()) {
      if (entry.value() == Constant.TRUE) {
        return true;
      }
    }
    return false;
  }

  private @Nullable StridedArray view(List<PickleValue> arguments, @Nullable Global named)
      throws BadInputException {
    Storage storage = storages.find(arguments.get(0));
    Optional<ElementType> type =
        named == null ? Optional.ofNullable(storage).map(Storage::type) : TorchNames.ofType(named);
    if (storage == null || type.isEmpty()) {
      return null;
    }
    Optional<List<Long>> sizes = numbers(arguments.get(2));
    Optional<List<Long>> strides = numbers(arguments.get(3));
    if (!(arguments.get(1) instanceof Whole offset)
        || sizes.isEmpty()
        || strides.isEmpty()
        || sizes.get().size() != strides.get().size()
        || sizes.get().size() > MAX_RANK) {
      throw TorchStream.malformed(source, "the shape of a tensor is no list of sizes");
    }
    TensorShape shape = new TensorShape(sizes.get());
    long start = within(storage, type.get(), offset.value(), shape, strides.get());
    return new StridedArray(
        storage.source(),
        type.get(),
        storage.order(),
        storage.position() + start * type.get().bytes(),
        shape,
        strides.get());
  }

  /** The first element, once all are known to lie within the storage. */
  private long within(
      Storage storage, ElementType type, long offset, TensorShape shape, List<Long> strides)
      throws BadInputException {
    try {
      long elements = type.bitsOf(shape);
      if (elements == 0) {
        return 0;
      }
      long last = offset;
      for (int axis = 0; axis < shape.rank(); axis++) {
        last =
            Math.addExact(last, Math.multiplyExact(shape.dimension(axis) - 1, strides.get(axis)));
      }
      if (offset >= 0 && last < storage.bytes() / type.bytes()) {
        return offset;
      }
    } catch (ArithmeticException overflow) {
      // Falls through to the failure below.
    }
    throw TorchStream.malformed(
        source,
        "a tensor of shape %s, strides %s from element %d on is not within its %d bytes"
            .formatted(shape, strides, offset, storage.bytes()));
  }

  /** Sizes or the like, none of them negative; empty where it is something else. */
  static Optional<List<Long>> numbers(@Nullable PickleValue value) {
    if (value instanceof Instance instance
        && instance.callable() instanceof Global type
        && type.is("torch", "Size")) {
      return instance.arguments().size() == 1 && !(instance.arguments().get(0) instanceof Instance)
          ? numbers(instance.arguments().get(0))
          : Optional.empty();
    }
    if (!(value instanceof Sequence sequence) || sequence.elements().size() > MAX_RANK) {
      return Optional.empty();
    }
    List<Long> numbers = new ArrayList<>();
    for (PickleValue element : sequence.elements()) {
      if (!(element instanceof Whole number) || number.value() < 0) {
        return Optional.empty();
      }
      numbers.add(number.value());
    }
    return Optional.of(numbers);
  }
}
