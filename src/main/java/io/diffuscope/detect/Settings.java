package io.diffuscope.detect;

/** Checks of settings. */
final class Settings {
  private Settings() {}

  static void require(boolean holds, String name, double value, String range) {
    if (!holds) {
      throw new IllegalArgumentException(
          "%s is %s; it must be %s".formatted(name, Numbers.text(value), range));
    }
  }
}
