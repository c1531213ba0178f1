package io.diffuscope.tensorfile;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The Python dictionary in the header of a NumPy file, read as data and by nothing that could run
 * it.
 *
 * @param descr the type of the elements, for example {@code <f4}; for a structured type, its text
 */
record NpyDictionary(String descr, boolean fortranOrder, TensorShape shape) {
  private static final int MAX_RANK = 64;

  /** Text that is not such a dictionary. */
  static final class SyntaxException extends Exception {
    private static final long serialVersionUID = 1;

    SyntaxException(String message) {
      super(message);
    }
  }

  static NpyDictionary parse(String text) throws SyntaxException {
    return new Scanner(text).dictionary();
  }

  private static final class Scanner {
    private final String text;
    private int at;

    Scanner(String text) {
      this.text = text;
    }

    NpyDictionary dictionary() throws SyntaxException {
      @Nullable String descr = null;
      @Nullable Boolean fortranOrder = null;
      @Nullable TensorShape shape = null;
      expect('{');
      while (!accept('}')) {
        String key = string();
        expect(':');
        switch (key) {
          case "descr" -> descr = first(descr, key, descr());
          case "fortran_order" -> fortranOrder = first(fortranOrder, key, bool());
          case "shape" -> shape = first(shape, key, shape());
          default -> throw new SyntaxException("has the unknown key " + Text.quote(key));
        }
        if (!accept(',')) {
          expect('}');
          break;
        }
      }
      skipSpace();
      if (at < text.length()) {
        throw new SyntaxException("goes on after its dictionary");
      }
      if (descr == null || fortranOrder == null || shape == null) {
        throw new SyntaxException("lacks descr, fortran_order or shape");
      }
      return new NpyDictionary(descr, fortranOrder, shape);
    }

    private static <T> T first(@Nullable T before, String key, T value) throws SyntaxException {
      if (before != null) {
        throw new SyntaxException("has " + Text.quote(key) + " twice");
      }
      return Objects.requireNonNull(value);
    }

    /** Structured types are lists, possibly nested; nothing after them is of interest. */
    private String descr() throws SyntaxException {
      skipSpace();
      if (at < text.length() && text.charAt(at) == '[') {
        int depth = 0;
        int begin = at;
        do {
          if (at == text.length()) {
            throw new SyntaxException("ends within its list of types");
          }
          char c = text.charAt(at++);
          depth += c == '[' ? 1 : c == ']' ? -1 : 0;
        } while (depth > 0);
        return text.substring(begin, at);
      }
      return string();
    }

    private String string() throws SyntaxException {
      skipSpace();
      char quote = at < text.length() ? text.charAt(at) : ' ';
      int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
      if (end < 0) {
        throw new SyntaxException("lacks a string at character " + at);
      }
      String value = text.substring(at + 1, end);
      at = end + 1;
      return value;
    }

    private boolean bool() throws SyntaxException {
      skipSpace();
      for (String word : List.of("True", "False")) {
        if (text.startsWith(word, at)) {
          at += word.length();
          return word.equals("True");
        }
      }
      throw new SyntaxException("lacks True or False at character " + at);
    }

    private TensorShape shape() throws SyntaxException {
      List<Long> sizes = new ArrayList<>();
      expect('(');
      while (!accept(')')) {
        if (sizes.size() == MAX_RANK) {
          throw new SyntaxException("has more than " + MAX_RANK + " dimensions");
        }
        sizes.add(size());
        if (!accept(',')) {
          expect(')');
          break;
        }
      }
      return new TensorShape(sizes);
    }

    private long size() throws SyntaxException {
      skipSpace();
      int begin = at;
      while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
        at++;
      }
      try {
        long size = Long.parseLong(text, begin, at, 10);
        // Python 2 wrote long integers with this suffix.
        accept('L');
        return size;
      } catch (NumberFormatException failure) {
        throw new SyntaxException("lacks a size at character " + begin);
      }
    }

    private void expect(char due) throws SyntaxException {
      if (!accept(due)) {
        throw new SyntaxException("lacks '" + due + "' at character " + at);
      }
    }

    private boolean accept(char wanted) {
      skipSpace();
      if (at < text.length() && text.charAt(at) == wanted) {
        at++;
        return true;
      }
      return false;
    }

    private void skipSpace() {
      while (at < text.length() && (text.charAt(at) == ' ' || text.charAt(at) == '\n')) {
        at++;
      }
    }
  }
}
