package io.diffuscope.tensorfile;

import java.util.Collection;
import java.util.stream.Collectors;

/** Words from files, made fit for one line of a terminal. */
final class Text {
  private static final int MAX_LENGTH = 120;
  private static final int MAX_NAMES = 10;

  private Text() {}

  /** In quotes, shortened, and without control characters. */
  static String quote(String text) {
    String shown = text.length() <= MAX_LENGTH ? text : text.substring(0, MAX_LENGTH) + "…";
    StringBuilder line = new StringBuilder("'");
    shown.codePoints().forEach(c -> line.appendCodePoint(Character.isISOControl(c) ? '\uFFFD' : c));
    return line.append('\'').toString();
  }

  /** The first few names, and that there are more. */
  static String list(Collection<String> names) {
    String first =
        names.stream().limit(MAX_NAMES).map(Text::quote).collect(Collectors.joining(", "));
    int more = names.size() - MAX_NAMES;
    return more > 0 ? first + " and " + more + " more" : first;
  }
}
