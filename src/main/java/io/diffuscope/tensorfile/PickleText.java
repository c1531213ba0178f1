package io.diffuscope.tensorfile;

/** Python's escapes in the text opcodes of the oldest pickle protocol. */
final class PickleText {
  private PickleText() {}

  /**
   * Undoes the escapes of string literals. Python knows fewer of them in one of the two opcodes;
   * names of modules and functions have none in honest files, and dishonest ones gain nothing.
   */
  static String unescape(String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    StringBuilder result = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '\\' || i + 1 == text.length()) {
        result.append(c);
        continue;
      }
      char kind = text.charAt(++i);
      int digits =
          switch (kind) {
            case 'x' -> 2;
            case 'u' -> 4;
            case 'U' -> 8;
            default -> 0;
          };
      if (digits > 0) {
        int value = number(text, i + 1, digits, 16);
        if (Character.isValidCodePoint(value)) {
          result.appendCodePoint(value);
          i += digits;
        } else {
          result.append(c).append(kind);
        }
      } else if (kind >= '0' && kind <= '7') {
        int count = 1;
        while (count < 3 && number(text, i, count + 1, 8) >= 0) {
          count++;
        }
        result.append((char) number(text, i, count, 8));
        i += count - 1;
      } else {
        result.append(simple(kind));
      }
    }
    return result.toString();
  }

  private static String simple(char kind) {
    return switch (kind) {
      case 'n' -> "\n";
      case 'r' -> "\r";
      case 't' -> "\t";
      case 'a' -> "\u0007";
      case 'b' -> "\b";
      case 'f' -> "\f";
      case 'v' -> "\u000b";
      case '\\', '\'', '"' -> String.valueOf(kind);
      default -> "\\" + kind;
    };
  }

  /** -1 where there are not so many digits, or they are too large. */
  private static int number(String text, int from, int digits, int radix) {
    if (from + digits > text.length()) {
      return -1;
    }
    long value = 0;
    for (int i = from; i < from + digits; i++) {
      int digit = Character.digit(text.charAt(i), radix);
      if (digit < 0) {
        return -1;
      }
      value = value * radix + digit;
    }
    return value > Integer.MAX_VALUE ? -1 : (int) value;
  }
}
