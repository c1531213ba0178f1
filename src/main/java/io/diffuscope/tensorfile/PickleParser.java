package io.diffuscope.tensorfile;

import static io.diffuscope.tensorfile.PickleBudget.CONTAINER;
import static io.diffuscope.tensorfile.PickleBudget.OBJECT;
import static io.diffuscope.tensorfile.PickleBudget.PLACE;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.PickleValue.Constant;
import io.diffuscope.tensorfile.PickleValue.Decimal;
import io.diffuscope.tensorfile.PickleValue.Dictionary;
import io.diffuscope.tensorfile.PickleValue.Entry;
import io.diffuscope.tensorfile.PickleValue.Global;
import io.diffuscope.tensorfile.PickleValue.Instance;
import io.diffuscope.tensorfile.PickleValue.Persistent;
import io.diffuscope.tensorfile.PickleValue.Sequence;
import io.diffuscope.tensorfile.PickleValue.Slice;
import io.diffuscope.tensorfile.PickleValue.Whole;
import io.diffuscope.tensorfile.PickleValue.Words;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads Python's pickle format, protocols 0 to 5, as data. Nothing is resolved or called: what the
 * format calls a global stays a name, and what it calls a reduction stays a name with arguments.
 *
 * <p>The opcodes are those of CPython's {@code Lib/pickletools.py}. Long byte strings stay in the
 * file. Memory is bounded by a {@link PickleBudget}; no input makes this class recurse.
 */
final class PickleParser {
  private static final int MAX_INLINE_TEXT = 1 << 12;
  private static final int MAX_LINE = 1 << 16;
  private static final int MAX_LONG_BYTES = 1 << 8;

  private final ByteSource source;
  private final ByteCursor in;
  private final PickleBudget budget;
  private final Pickle.Builder result = new Pickle.Builder();

  private final Map<Integer, PickleValue> memo = new HashMap<>();
  private final List<PickleValue> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();

  private PickleParser(ByteSource source, ByteCursor in, PickleBudget budget) {
    this.source = source;
    this.in = in;
    this.budget = budget;
  }

  /**
   * Reads one pickle.
   *
   * @param end where the pickle must have ended; what follows it before that is left alone
   * @param pastEnd the reason of the failure when it has not
   * @throws BadInputException MALFORMED, {@code pastEnd}, UNSUPPORTED (too many objects, or a name
   *     that would run something), CHANGED or UNREADABLE
   */
  static Pickle parse(
      ByteSource source, long position, long end, Reason pastEnd, PickleBudget budget)
      throws BadInputException {
    ByteCursor in = new ByteCursor(source, position, end, pastEnd, "a pickle");
    PickleParser parser = new PickleParser(source, in, budget);
    while (true) {
      int opcode = in.unsignedByte();
      if (opcode == '.') {
        return parser.result.build(parser.pop(), in.position());
      }
      if (!parser.scalar(opcode) && !parser.container(opcode) && !parser.object(opcode)) {
        throw parser.malformed(
            "opcode 0x%02x at byte %d".formatted(opcode, in.position() - 1) + " is unknown");
      }
    }
  }

  /** Numbers, text and bytes. */
  private boolean scalar(int opcode) throws BadInputException {
    switch (opcode) {
      case 'N' -> push(Constant.NONE);
      case 0x88 -> push(Constant.TRUE);
      case 0x89 -> push(Constant.FALSE);
      case 'K' -> push(whole(in.unsignedByte()));
      case 'M' -> push(whole(in.unsignedShort()));
      case 'J' -> push(whole(in.signedInt()));
      case 'G' -> push(decimal(in.bigEndianDouble()));
      case 'I', 'L' -> push(wholeOf(line()));
      case 'F' -> push(decimalOf(line()));
      case 0x8a -> push(longOf(in.unsignedByte()));
      case 0x8b -> push(longOf(in.signedInt()));
      case 'S' -> push(text(unquoted(line())));
      case 'V' -> push(text(PickleText.unescape(line())));
      case 'X' -> push(utf8(in.unsignedInt()));
      case 0x8c -> push(utf8(in.unsignedByte()));
      case 0x8d -> push(utf8(in.signedLong()));
      // Python 2 wrote its text so, Python 3 nothing.
      case 'T' -> push(utf8(in.signedInt()));
      case 'U' -> push(utf8(in.unsignedByte()));
      case 'B' -> push(slice(in.unsignedInt()));
      case 'C' -> push(slice(in.unsignedByte()));
      case 0x8e, 0x96 -> push(slice(in.signedLong()));
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Lists, tuples, sets, dictionaries, and the stack itself. */
  private boolean container(int opcode) throws BadInputException {
    switch (opcode) {
      case '(' -> mark();
      case '0' -> discard();
      case '1' -> popMark();
      case '2' -> push(top());
      case ']', 0x8f -> push(sequence(new ArrayList<>(), true));
      case ')' -> push(sequence(List.of(), false));
      case 'l' -> push(sequence(popMark(), true));
      case 't', 0x91 -> push(sequence(popMark(), false));
      case 0x85 -> push(sequence(pop(1), false));
      case 0x86 -> push(sequence(pop(2), false));
      case 0x87 -> push(sequence(pop(3), false));
      case '}' -> push(dictionary(List.of()));
      case 'd' -> push(dictionary(popMark()));
      case 'a' -> append(pop(1));
      case 'e', 0x90 -> append(popMark());
      case 's' -> put(pop(2));
      case 'u' -> put(popMark());
      case 'p' -> memoize(index(line()), top());
      case 'q' -> memoize(in.unsignedByte(), top());
      case 'r' -> memoize(in.signedInt(), top());
      case 0x94 -> memoize(memo.size(), top());
      case 'g' -> push(remembered(index(line())));
      case 'h' -> push(remembered(in.unsignedByte()));
      case 'j' -> push(remembered(in.signedInt()));
      case 0x80 -> protocol(in.unsignedByte());
      case 0x95 -> frame(in.signedLong());
      default -> {
        return false;
      }
    }
    return true;
  }

  /** What Python would look up, call or load. */
  private boolean object(int opcode) throws BadInputException {
    switch (opcode) {
      case 'c' -> push(global(line(), line()));
      case 0x93 -> {
        List<PickleValue> names = pop(2);
        if (!(names.get(0) instanceof Words module) || !(names.get(1) instanceof Words name)) {
          throw malformed("a global has a name that is no text");
        }
        push(global(module.value(), name.value()));
      }
      case 'R', 0x81 -> {
        PickleValue arguments = pop();
        push(call(pop(), argumentsOf(arguments)));
      }
      case 0x92 -> {
        List<PickleValue> parts = pop(3);
        push(call(parts.get(0), argumentsOf(parts.get(1))));
      }
      case 'i' -> {
        Global type = global(line(), line());
        push(call(type, popMark()));
      }
      case 'o' -> {
        List<PickleValue> parts = popMark();
        if (parts.isEmpty()) {
          throw malformed("an object has no class");
        }
        push(call(parts.get(0), parts.subList(1, parts.size())));
      }
      case 'b' -> {
        PickleValue state = pop();
        // Python could set attributes of anything; only instances have any that matter here.
        if (top() instanceof Instance instance) {
          instance.build(state);
        }
      }
      case 'P' -> push(persistent(text(line())));
      case 'Q' -> push(persistent(pop()));
      case 0x82, 0x83, 0x84 ->
          throw unsupported("refers to Python's extension registry, which lies outside the file");
      case 0x97, 0x98 -> throw unsupported("refers to buffers outside the file");
      default -> {
        return false;
      }
    }
    return true;
  }

  private void push(PickleValue value) throws BadInputException {
    budget.spend(PLACE);
    stack.add(value);
  }

  private PickleValue top() throws BadInputException {
    checkAboveMark(1);
    return stack.get(stack.size() - 1);
  }

  private PickleValue pop() throws BadInputException {
    checkAboveMark(1);
    return stack.remove(stack.size() - 1);
  }

  /** The topmost values, lowest first. */
  private List<PickleValue> pop(int count) throws BadInputException {
    checkAboveMark(count);
    return cut(stack.size() - count);
  }

  private void checkAboveMark(int count) throws BadInputException {
    int floor = marks.isEmpty() ? 0 : marks.get(marks.size() - 1);
    if (stack.size() - floor < count) {
      throw malformed("an opcode at byte " + (in.position() - 1) + " finds too few values");
    }
  }

  private void mark() throws BadInputException {
    budget.spend(OBJECT);
    marks.add(stack.size());
  }

  /** The values above the topmost mark, lowest first; removes them and the mark. */
  private List<PickleValue> popMark() throws BadInputException {
    if (marks.isEmpty()) {
      throw malformed("an opcode at byte " + (in.position() - 1) + " finds no mark");
    }
    return cut(marks.remove(marks.size() - 1));
  }

  private List<PickleValue> cut(int from) {
    List<PickleValue> above = stack.subList(from, stack.size());
    List<PickleValue> values = new ArrayList<>(above);
    above.clear();
    return values;
  }

  /** Python's POP also takes a mark away where one is on top. */
  private void discard() throws BadInputException {
    if (!marks.isEmpty() && marks.get(marks.size() - 1) == stack.size()) {
      marks.remove(marks.size() - 1);
    } else {
      pop();
    }
  }

  private void memoize(int index, PickleValue value) throws BadInputException {
    if (index < 0) {
      throw malformed("an object has a negative number");
    }
    budget.spend(OBJECT);
    memo.put(index, value);
  }

  private PickleValue remembered(int index) throws BadInputException {
    PickleValue value = memo.get(index);
    if (value == null) {
      throw malformed("object number " + index + " is used before it is there");
    }
    return value;
  }

  private Whole whole(long value) throws BadInputException {
    budget.spend(OBJECT);
    return new Whole(value);
  }

  private Decimal decimal(double value) throws BadInputException {
    budget.spend(OBJECT);
    return new Decimal(value);
  }

  private Words text(String value) throws BadInputException {
    budget.spend(OBJECT + 2L * value.length());
    return new Words(value);
  }

  private Slice slice(long length) throws BadInputException {
    budget.spend(OBJECT);
    return new Slice(in.skip(length), length);
  }

  private PickleValue utf8(long length) throws BadInputException {
    return length < 0 || length > MAX_INLINE_TEXT ? slice(length) : text(in.utf8((int) length));
  }

  /** Two's complement, little-endian. */
  private PickleValue longOf(int bytes) throws BadInputException {
    if (bytes < 0 || bytes > MAX_LONG_BYTES) {
      return slice(bytes);
    }
    byte[] digits = in.bytes(bytes);
    for (int i = 0; i < bytes / 2; i++) {
      byte low = digits[i];
      digits[i] = digits[bytes - 1 - i];
      digits[bytes - 1 - i] = low;
    }
    return integer(bytes == 0 ? BigInteger.ZERO : new BigInteger(digits));
  }

  /** What does not fit 64 bits is no size, index or name, so its value does not matter here. */
  private PickleValue integer(BigInteger value) throws BadInputException {
    return value.bitLength() < Long.SIZE ? whole(value.longValue()) : decimal(value.doubleValue());
  }

  private PickleValue wholeOf(String line) throws BadInputException {
    switch (line) {
      case "00" -> {
        return Constant.FALSE;
      }
      case "01" -> {
        return Constant.TRUE;
      }
      default -> {
        String digits = line.endsWith("L") ? line.substring(0, line.length() - 1) : line;
        // Longer ones take quadratic time to convert.
        if (digits.length() <= 2 * MAX_LONG_BYTES) {
          try {
            return integer(new BigInteger(digits.strip()));
          } catch (NumberFormatException e) {
            // Falls through to the failure below.
          }
        }
        throw malformed(Text.quote(line) + " is no integer");
      }
    }
  }

  private PickleValue decimalOf(String line) throws BadInputException {
    try {
      return decimal(Double.parseDouble(line.replace("inf", "Infinity").replace("nan", "NaN")));
    } catch (NumberFormatException e) {
      throw malformed(Text.quote(line) + " is no number");
    }
  }

  private int index(String line) throws BadInputException {
    try {
      return Integer.parseInt(line);
    } catch (NumberFormatException e) {
      throw malformed(Text.quote(line) + " is no number of an object");
    }
  }

  private String line() throws BadInputException {
    return in.line(MAX_LINE);
  }

  private String unquoted(String line) throws BadInputException {
    String text = line.strip();
    char quote = text.length() < 2 ? 0 : text.charAt(0);
    if ((quote != '\'' && quote != '"') || text.charAt(text.length() - 1) != quote) {
      throw malformed(Text.quote(line) + " is not in quotes");
    }
    return PickleText.unescape(text.substring(1, text.length() - 1));
  }

  private Sequence sequence(List<PickleValue> elements, boolean open) throws BadInputException {
    budget.spend(CONTAINER + (long) PLACE * elements.size());
    return new Sequence(elements, open);
  }

  private Dictionary dictionary(List<PickleValue> flat) throws BadInputException {
    budget.spend(CONTAINER);
    Dictionary dictionary = new Dictionary();
    dictionary.put(entries(flat));
    return dictionary;
  }

  private List<Entry> entries(List<PickleValue> flat) throws BadInputException {
    if (flat.size() % 2 != 0) {
      throw malformed("a dictionary has a key without a value");
    }
    budget.spend((long) flat.size() / 2 * (OBJECT + PLACE));
    List<Entry> entries = new ArrayList<>(flat.size() / 2);
    for (int i = 0; i < flat.size(); i += 2) {
      entries.add(new Entry(flat.get(i), flat.get(i + 1)));
    }
    return entries;
  }

  private void append(List<PickleValue> more) throws BadInputException {
    budget.spend((long) PLACE * more.size());
    switch (top()) {
      case Sequence sequence when sequence.isOpen() -> sequence.append(more);
      case Instance instance -> instance.append(more);
      default -> throw malformed("something is appended to what is no list");
    }
  }

  private void put(List<PickleValue> flat) throws BadInputException {
    List<Entry> more = entries(flat);
    switch (top()) {
      case Dictionary dictionary -> dictionary.put(more);
      case Instance instance -> instance.put(more);
      default -> throw malformed("an item is set in what is no dictionary");
    }
  }

  private void protocol(int version) throws BadInputException {
    if (version > 5) {
      throw unsupported("is of pickle protocol " + version + ", newer than 5");
    }
  }

  private void frame(long length) throws BadInputException {
    if (length < 0 || length > in.remaining()) {
      // The same failure as for any other length.
      in.skip(length);
    }
  }

  private Global global(String module, String name) throws BadInputException {
    budget.spend(OBJECT + 2L * (module.length() + name.length()));
    Global global = new Global(module, name);
    DangerousNames.refuse(source.name(), global);
    return global;
  }

  private List<PickleValue> argumentsOf(PickleValue arguments) throws BadInputException {
    if (arguments instanceof Sequence sequence) {
      return sequence.elements();
    }
    throw malformed("a call has arguments that are no tuple");
  }

  private PickleValue call(PickleValue callable, List<PickleValue> arguments)
      throws BadInputException {
    if (callable instanceof Global function && arguments.size() >= 2) {
      if (function.name().equals("getattr")
          && arguments.get(0) instanceof Global owner
          && arguments.get(1) instanceof Words attribute) {
        // So are nested classes written, and so could a function hide.
        return global(owner.module(), owner.name() + "." + attribute.value());
      }
    }
    budget.spend(3L * CONTAINER + (long) PLACE * arguments.size());
    Instance instance = new Instance(callable, arguments);
    result.made(instance);
    return instance;
  }

  private Persistent persistent(PickleValue id) throws BadInputException {
    budget.spend(OBJECT + PLACE);
    Persistent persistent = new Persistent(id);
    result.found(persistent);
    return persistent;
  }

  private BadInputException malformed(String cause) {
    return new BadInputException(
        source.name(),
        Reason.MALFORMED,
        "not a valid pickle (" + cause + "); write it again",
        null);
  }

  private BadInputException unsupported(String cause) {
    return new BadInputException(
        source.name(),
        Reason.UNSUPPORTED,
        cause + "; save the weights with torch.save(model.state_dict(), FILE)",
        null);
  }
}
