package io.diffuscope.cli;

/**
 * Whether a person is watching. Java cannot tell for each stream by itself, so the launcher says
 * which of them are terminals.
 */
final class Terminal {
  private Terminal() {}

  /** Whether standard output is a terminal that can move its cursor. */
  static boolean isOutput() {
    return Boolean.getBoolean("diffuscope.terminal.out") && isCapable();
  }

  /** Whether standard error is a terminal that can move its cursor. */
  static boolean isError() {
    return Boolean.getBoolean("diffuscope.terminal.err") && isCapable();
  }

  private static boolean isCapable() {
    return !"dumb".equals(System.getenv("TERM"));
  }
}
