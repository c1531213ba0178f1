package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.PickleValue.Global;
import io.diffuscope.tensorfile.PickleValue.Instance;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The names in a pickle that this package understands: PyTorch's types of numbers, its functions
 * that make tensors, and types that are dictionaries.
 */
final class TorchNames {
  /** {@code torch/storage.py}: the typed storages by the first part of their names. */
  private static final Map<String, ElementType> STORAGES =
      Map.ofEntries(
          Map.entry("Double", ElementType.F64),
          Map.entry("Float", ElementType.F32),
          Map.entry("Half", ElementType.F16),
          Map.entry("BFloat16", ElementType.BF16),
          Map.entry("Long", ElementType.I64),
          Map.entry("Int", ElementType.I32),
          Map.entry("Short", ElementType.I16),
          Map.entry("Char", ElementType.I8),
          Map.entry("Byte", ElementType.U8),
          Map.entry("Bool", ElementType.BOOL),
          Map.entry("ComplexFloat", ElementType.C64));

  private static final Map<String, ElementType> TYPES =
      Map.ofEntries(
          Map.entry("float64", ElementType.F64),
          Map.entry("float32", ElementType.F32),
          Map.entry("float16", ElementType.F16),
          Map.entry("bfloat16", ElementType.BF16),
          Map.entry("int64", ElementType.I64),
          Map.entry("int32", ElementType.I32),
          Map.entry("int16", ElementType.I16),
          Map.entry("int8", ElementType.I8),
          Map.entry("uint64", ElementType.U64),
          Map.entry("uint32", ElementType.U32),
          Map.entry("uint16", ElementType.U16),
          Map.entry("uint8", ElementType.U8),
          Map.entry("bool", ElementType.BOOL),
          Map.entry("complex64", ElementType.C64),
          Map.entry("float8_e5m2", ElementType.F8_E5M2),
          Map.entry("float8_e4m3fn", ElementType.F8_E4M3),
          Map.entry("float8_e8m0fnu", ElementType.F8_E8M0),
          Map.entry("float8_e4m3fnuz", ElementType.F8_E4M3FNUZ),
          Map.entry("float8_e5m2fnuz", ElementType.F8_E5M2FNUZ));

  private static final Set<Global> DICTIONARIES =
      Set.of(
          new Global("collections", "OrderedDict"),
          new Global("collections", "defaultdict"),
          new Global("builtins", "dict"),
          new Global("__builtin__", "dict"),
          // EDM2's snapshots.
          new Global("dnnlib.util", "EasyDict"),
          new Global("dnnlib", "EasyDict"));

  private static final String STORAGE = "Storage";

  private TorchNames() {}

  /** What a storage holds; empty for one that is of no type that is known here. */
  static Optional<ElementType> ofStorage(Global storage) {
    if (isUntyped(storage)) {
      return Optional.of(ElementType.U8);
    }
    if (!isOfTorch(storage) || !storage.name().endsWith(STORAGE)) {
      return Optional.empty();
    }
    return Optional.ofNullable(
        STORAGES.get(storage.name().substring(0, storage.name().length() - STORAGE.length())));
  }

  /** A storage of bytes; its tensors say what they are. */
  static boolean isUntyped(Global storage) {
    return isOfTorch(storage)
        && (storage.name().equals("UntypedStorage") || storage.name().equals("_UntypedStorage"));
  }

  private static boolean isOfTorch(Global storage) {
    return switch (storage.module()) {
      case "torch", "torch.cuda", "torch.storage" -> true;
      default -> false;
    };
  }

  /** The type of a tensor, for example {@code torch.float32}. */
  static Optional<ElementType> ofType(Global type) {
    return type.module().equals("torch")
        ? Optional.ofNullable(TYPES.get(type.name()))
        : Optional.empty();
  }

  static boolean isDictionary(Global type) {
    return DICTIONARIES.contains(type);
  }

  /** A call that reads a storage out of the bytes of a stream within the stream. */
  static boolean isNestedStream(Instance instance) {
    return instance.callable() instanceof Global function
        && function.is("torch.storage", "_load_from_bytes");
  }

  /**
   * The function by which NVlabs' {@code torch_utils/persistence.py} makes an object of a class.
   */
  static boolean isPersistentClass(Global function) {
    return function.is("torch_utils.persistence", "_reconstruct_persistent_obj");
  }

  /** A layer of PyTorch's own. */
  static boolean isModule(Global type) {
    return type.module().startsWith("torch.nn.");
  }

  /** A type that TorchScript code defines: a module or a class that it uses. */
  static boolean isScripted(Global type) {
    return type.module().equals("__torch__") || type.module().startsWith("__torch__.");
  }

  /** A call that only says of which type its first argument is. */
  static boolean isTagged(Global function) {
    return function.module().equals("torch.jit._pickle");
  }
}
