package io.diffuscope.cli;

import io.diffuscope.run.RunSettings;
import java.util.HashSet;
import java.util.Set;

/** Ids for runs that are named by directories: valid, and no two alike. */
final class RunIds {
  private static final int LONGEST = 100;

  private final Set<String> taken = new HashSet<>();

  /** The id of the next name: the nearest valid one, or that with -2, -3, ... if it is taken. */
  String next(String name) {
    String wanted = RunSettings.idOf(name);
    String id = wanted;
    for (int i = 2; !taken.add(id); i++) {
      String suffix = "-" + i;
      id = wanted.substring(0, Math.min(wanted.length(), LONGEST - suffix.length())) + suffix;
    }
    return id;
  }
}
