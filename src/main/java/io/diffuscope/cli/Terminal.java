package io.diffuscope.cli;

/** Whether a person is watching. */
final class Terminal {
  private Terminal() {}

  /** True where both input and output are a terminal; the launcher makes the JVM tell the truth. */
  static boolean isThere() {
    return System.console() != null && !"dumb".equals(System.getenv("TERM"));
  }
}
