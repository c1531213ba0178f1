package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.PickleValue.Dictionary;
import io.diffuscope.tensorfile.PickleValue.Entry;
import io.diffuscope.tensorfile.PickleValue.Global;
import io.diffuscope.tensorfile.PickleValue.Instance;
import io.diffuscope.tensorfile.PickleValue.Persistent;
import io.diffuscope.tensorfile.PickleValue.Sequence;
import io.diffuscope.tensorfile.PickleValue.Whole;
import io.diffuscope.tensorfile.PickleValue.Words;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds the tensors below the root of a stream and gives them dotted names: through dictionaries,
 * lists and the modules of PyTorch, of TorchScript and of NVlabs' persistent classes. Other objects
 * are not looked into.
 *
 * <p>A pickle of a few bytes can nest its objects so that they have more paths than there are
 * atoms, so what is visited and what is named is bounded.
 */
final class TensorTree {
  /** The name of a tensor that is all there is in a stream. */
  static final String ROOT = "tensor";

  private static final int MAX_DEPTH = 64;
  private static final int MAX_VISITS = 5_000_000;
  private static final int MAX_TENSORS = 500_000;
  private static final long MAX_LETTERS = 64L << 20;
  private static final long MAX_LETTERS_VISITED = 1L << 30;
  private static final int MAX_OBJECTS = 1000;

  private final ByteSource source;
  private final TensorRebuild rebuild;
  private final Map<String, StridedArray> tensors = new LinkedHashMap<>();
  private final Map<String, String> objects = new LinkedHashMap<>();
  private final Set<PickleValue> path = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<PickleValue> barren = Collections.newSetFromMap(new IdentityHashMap<>());
  private int visits;
  private long letters;
  private long lettersVisited;

  private TensorTree(ByteSource source, TorchStream stream) {
    this.source = source;
    this.rebuild = new TensorRebuild(source, stream.storages());
  }

  /**
   * What was found.
   *
   * @param tensors by name, in the order of the pickle
   * @param objects the types of what was not looked into, by name; not all where there are many
   */
  record Found(Map<String, StridedArray> tensors, Map<String, String> objects) {}

  /**
   * Walks through a stream.
   *
   * @throws BadInputException MALFORMED, or UNSUPPORTED (too many or too deeply nested objects)
   */
  static Found of(ByteSource source, TorchStream stream) throws BadInputException {
    TensorTree tree = new TensorTree(source, stream);
    tree.visit("", stream.root(), 0);
    return new Found(tree.tensors, tree.objects);
  }

  private void visit(String name, PickleValue value, int depth) throws BadInputException {
    lettersVisited += name.length();
    if (++visits > MAX_VISITS || lettersVisited > MAX_LETTERS_VISITED) {
      throw unsupported("holds too many objects, or the same ones too often");
    }
    boolean container =
        value instanceof Dictionary || value instanceof Sequence || value instanceof Instance;
    if (!container || barren.contains(value) || !path.add(value)) {
      return;
    }
    if (depth == MAX_DEPTH) {
      throw unsupported("nests objects more than " + MAX_DEPTH + " deep");
    }
    int before = tensors.size() + objects.size();
    switch (value) {
      case Dictionary dictionary -> entries(name, dictionary.entries(), depth);
      case Sequence sequence -> elements(name, sequence.elements(), depth);
      case Instance instance -> instance(name, instance, depth);
      default -> throw new AssertionError(value);
    }
    path.remove(value);
    if (tensors.size() + objects.size() == before && depth > 0) {
      barren.add(value);
    }
  }

  private void entries(String name, List<Entry> entries, int depth) throws BadInputException {
    // What is looped over counts, too: a large dictionary may be there under many names.
    visits += entries.size();
    for (Map.Entry<String, PickleValue> entry : byKey(entries).entrySet()) {
      visit(join(name, entry.getKey()), entry.getValue(), depth + 1);
    }
  }

  /** By keys that can be part of a name; the last value of a key is the one that Python keeps. */
  static Map<String, PickleValue> byKey(List<Entry> entries) {
    Map<String, PickleValue> result = new LinkedHashMap<>();
    for (Entry entry : entries) {
      if (entry.key() instanceof Words key) {
        result.put(key.value(), entry.value());
      } else if (entry.key() instanceof Whole key) {
        result.put(String.valueOf(key.value()), entry.value());
      }
    }
    return result;
  }

  private void elements(String name, List<PickleValue> elements, int depth)
      throws BadInputException {
    visits += elements.size();
    for (int i = 0; i < elements.size(); i++) {
      PickleValue element = elements.get(i);
      // Long lists of numbers need no names.
      if (element instanceof Dictionary
          || element instanceof Sequence
          || element instanceof Instance) {
        visit(join(name, String.valueOf(i)), element, depth + 1);
      }
    }
  }

  private void instance(String name, Instance instance, int depth) throws BadInputException {
    StridedArray tensor = rebuild.tensor(instance);
    if (tensor != null) {
      put(name.isEmpty() ? ROOT : name, tensor);
      return;
    }
    Global type = typeOf(instance.callable());
    if (type == null) {
      return;
    }
    List<PickleValue> arguments = instance.arguments();
    if (TorchNames.isDictionary(type)) {
      if (!arguments.isEmpty()) {
        pairs(name, arguments.get(arguments.size() - 1), depth);
      }
      entries(name, instance.entries(), depth);
    } else if (TorchNames.isPersistentClass(type)
        && arguments.size() == 1
        && arguments.get(0) instanceof Dictionary meta
        && module(name, byKey(meta.entries()).get("state"), depth)) {
      return;
    } else if (TorchNames.isModule(type) && module(name, instance.state(), depth)) {
      return;
    } else if (TorchNames.isScripted(type) && instance.state() instanceof Dictionary attributes) {
      entries(name, attributes.entries(), depth);
    } else if (TorchNames.isTagged(type) && !arguments.isEmpty()) {
      visit(name, arguments.get(0), depth + 1);
    } else if (objects.size() < MAX_OBJECTS) {
      objects.putIfAbsent(name, shown(type, instance));
    }
  }

  /** Python 2 gave the contents of an ordered dictionary as a list of pairs. */
  private void pairs(String name, PickleValue argument, int depth) throws BadInputException {
    if (argument instanceof Dictionary dictionary) {
      entries(name, dictionary.entries(), depth);
    } else if (argument instanceof Sequence list) {
      for (PickleValue element : list.elements()) {
        if (element instanceof Sequence pair
            && pair.elements().size() == 2
            && pair.elements().get(0) instanceof Words key) {
          visit(join(name, key.value()), pair.elements().get(1), depth + 1);
        }
      }
    }
  }

  /**
   * The state of a {@code torch.nn.Module}: what its {@code state_dict()} would return.
   *
   * @return whether it is one
   */
  private boolean module(String name, @Nullable PickleValue state, int depth)
      throws BadInputException {
    Map<String, PickleValue> attributes = byKey(itemsOf(state));
    PickleValue parameters = attributes.get("_parameters");
    PickleValue buffers = attributes.get("_buffers");
    PickleValue modules = attributes.get("_modules");
    if (parameters == null || buffers == null || modules == null) {
      return false;
    }
    entries(name, itemsOf(parameters), depth);
    Set<String> left = texts(attributes.get("_non_persistent_buffers_set"));
    for (Map.Entry<String, PickleValue> buffer : byKey(itemsOf(buffers)).entrySet()) {
      if (!left.contains(buffer.getKey())) {
        visit(join(name, buffer.getKey()), buffer.getValue(), depth + 1);
      }
    }
    entries(name, itemsOf(modules), depth);
    return true;
  }

  private static List<Entry> itemsOf(@Nullable PickleValue value) {
    return switch (value) {
      case Dictionary dictionary -> dictionary.entries();
      case Instance instance
          when instance.callable() instanceof Global type && TorchNames.isDictionary(type) ->
          instance.entries();
      case null, default -> List.of();
    };
  }

  /** The words in a set or list. */
  private static Set<String> texts(@Nullable PickleValue value) {
    Set<String> texts = new HashSet<>();
    PickleValue list =
        value instanceof Instance set && set.arguments().size() == 1
            ? set.arguments().get(0)
            : value;
    if (list instanceof Sequence sequence) {
      for (PickleValue element : sequence.elements()) {
        if (element instanceof Words text) {
          texts.add(text.value());
        }
      }
    }
    return texts;
  }

  /**
   * Old files of whole modules refer to the class by a tuple of "module", the class, its source.
   */
  private static @Nullable Global typeOf(PickleValue callable) {
    if (callable instanceof Global global) {
      return global;
    }
    return callable instanceof Persistent persistent
            && persistent.id() instanceof Sequence parts
            && parts.elements().size() >= 2
            && parts.elements().get(1) instanceof Global global
        ? global
        : null;
  }

  private static String shown(Global type, Instance instance) {
    if (TorchNames.isPersistentClass(type)
        && instance.arguments().size() == 1
        && instance.arguments().get(0) instanceof Dictionary meta
        && byKey(meta.entries()).get("class_name") instanceof Words name) {
      return name.value();
    }
    // The class that the two oldest protocols hand to a function of copyreg.
    return type.name().equals("_reconstructor")
            && !instance.arguments().isEmpty()
            && instance.arguments().get(0) instanceof Global made
        ? made.toString()
        : type.toString();
  }

  private void put(String name, StridedArray tensor) throws BadInputException {
    letters += name.length();
    if (tensors.size() == MAX_TENSORS || letters > MAX_LETTERS) {
      throw unsupported("holds too many tensors, or the same ones too often");
    }
    if (tensors.put(name, tensor) != null) {
      throw TorchStream.malformed(source, "two of its tensors are named " + Text.quote(name));
    }
  }

  private static String join(String name, String key) {
    return name.isEmpty() ? key : name + "." + key;
  }

  private BadInputException unsupported(String cause) {
    return new BadInputException(
        source.name(),
        Reason.UNSUPPORTED,
        cause
            + "; save the weights in a file of their own with torch.save(model.state_dict(), FILE)",
        null);
  }
}
