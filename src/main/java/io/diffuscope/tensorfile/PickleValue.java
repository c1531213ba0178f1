package io.diffuscope.tensorfile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a pickle says, as data: nothing is looked up, imported, constructed or called.
 *
 * <p>Containers have identity, not equality: a pickle can make one contain itself, so whoever walks
 * through them needs a bound. Only {@link PickleParser} fills them; everybody else sees lists that
 * cannot be changed.
 */
sealed interface PickleValue {
  /** The three objects that there is one of. */
  enum Constant implements PickleValue {
    NONE,
    TRUE,
    FALSE
  }

  /** An integer that fits 64 bits. */
  record Whole(long value) implements PickleValue {}

  record Decimal(double value) implements PickleValue {}

  record Words(String value) implements PickleValue {}

  /**
   * Bytes that were left in the file: byte strings, and text or integers too long to be a name or a
   * size.
   *
   * @param position in the source that was parsed
   */
  record Slice(long position, long length) implements PickleValue {}

  /** A class or function, by name only. */
  record Global(String module, String name) implements PickleValue {
    boolean is(String otherModule, String otherName) {
      return module.equals(otherModule) && name.equals(otherName);
    }

    @Override
    public String toString() {
      return module + "." + name;
    }
  }

  /** What the writer of the pickle kept elsewhere, by the name that it gave it. */
  record Persistent(PickleValue id) implements PickleValue {}

  /** A tuple, list or set. */
  final class Sequence implements PickleValue {
    private final List<PickleValue> elements;
    private final boolean open;

    /**
     * Keeps {@code elements}.
     *
     * @param open whether more can come: a list or a set, no tuple
     */
    Sequence(List<PickleValue> elements, boolean open) {
      this.elements = elements;
      this.open = open;
    }

    boolean isOpen() {
      return open;
    }

    List<PickleValue> elements() {
      return Collections.unmodifiableList(elements);
    }

    void append(List<PickleValue> more) {
      elements.addAll(more);
    }
  }

  /** A key and its value in a dictionary. */
  record Entry(PickleValue key, PickleValue value) {}

  /** A plain dictionary; a key that comes again counts the last time. */
  final class Dictionary implements PickleValue {
    private final List<Entry> entries = new ArrayList<>();

    List<Entry> entries() {
      return Collections.unmodifiableList(entries);
    }

    void put(List<Entry> more) {
      entries.addAll(more);
    }
  }

  /** What a call would have made, with the state and the items that would have been given to it. */
  final class Instance implements PickleValue {
    private final PickleValue callable;
    private final List<PickleValue> arguments;
    private final List<Entry> entries = new ArrayList<>();
    private final List<PickleValue> elements = new ArrayList<>();
    private @Nullable PickleValue state;

    Instance(PickleValue callable, List<PickleValue> arguments) {
      this.callable = callable;
      this.arguments = List.copyOf(arguments);
    }

    /** Mostly a {@link Global}. */
    PickleValue callable() {
      return callable;
    }

    List<PickleValue> arguments() {
      return arguments;
    }

    /** What would have been given to {@code __setstate__} or {@code __dict__}. */
    @Nullable PickleValue state() {
      return state;
    }

    /** What would have been set by key. */
    List<Entry> entries() {
      return Collections.unmodifiableList(entries);
    }

    /** What would have been appended. */
    List<PickleValue> elements() {
      return Collections.unmodifiableList(elements);
    }

    void build(PickleValue newState) {
      state = newState;
    }

    void put(List<Entry> more) {
      entries.addAll(more);
    }

    void append(List<PickleValue> more) {
      elements.addAll(more);
    }
  }
}
