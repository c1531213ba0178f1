package io.diffuscope.model;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Pairs the parameters of a template with the tensors of a checkpoint by name, after removing a
 * common prefix ({@code module.}, {@code _orig_mod.}, {@code model.} and the like) on either side.
 */
final class TensorNames {
  private TensorNames() {}

  /**
   * The pairing that covers most parameters.
   *
   * @return tensor name by parameter name; parameters without a tensor are absent
   * @throws AmbiguousNamesException if the whole network is there under more than one prefix
   */
  static Map<String, String> match(Collection<String> parameters, Set<String> tensors) {
    Map<String, String> best = Map.of();
    Map<String, Map<String, String>> complete = new TreeMap<>();
    String parameterPrefix = commonPrefix(parameters);
    for (String dropped : new TreeSet<>(List.of("", parameterPrefix))) {
      for (String added : candidatePrefixes(parameters, dropped, tensors)) {
        Map<String, String> found = new LinkedHashMap<>();
        for (String parameter : parameters) {
          String tensor = added + parameter.substring(dropped.length());
          if (tensors.contains(tensor)) {
            found.put(parameter, tensor);
          }
        }
        if (found.size() == parameters.size()) {
          complete.put(added, found);
        }
        if (found.size() > best.size()) {
          best = found;
        }
      }
    }
    // Names without a further prefix are the network's own; two prefixed copies are anybody's
    // guess.
    if (complete.size() > 1 && !complete.containsKey("")) {
      throw new AmbiguousNamesException(complete.keySet());
    }
    return complete.getOrDefault("", best);
  }

  /** A checkpoint that holds the network more than once, such as weights and their average. */
  static final class AmbiguousNamesException extends RuntimeException {
    private static final long serialVersionUID = 1;

    AmbiguousNamesException(Set<String> prefixes) {
      super("holds the network %d times, under %s".formatted(prefixes.size(), prefixes));
    }
  }

  /** The longest dotted prefix that all names share, for example {@code module.}; may be empty. */
  private static String commonPrefix(Collection<String> names) {
    String prefix = null;
    for (String name : names) {
      String own = name.substring(0, name.lastIndexOf('.') + 1);
      if (prefix == null) {
        prefix = own;
      }
      while (!own.startsWith(prefix)) {
        int dot = prefix.lastIndexOf('.', prefix.length() - 2);
        prefix = prefix.substring(0, dot + 1);
      }
    }
    return prefix == null ? "" : prefix;
  }

  /**
   * Every prefix under which the first parameter is found among the tensors, the empty one first.
   */
  private static Set<String> candidatePrefixes(
      Collection<String> parameters, String dropped, Set<String> tensors) {
    Set<String> prefixes = new TreeSet<>();
    prefixes.add("");
    for (String parameter : parameters) {
      String bare = parameter.substring(dropped.length());
      for (String tensor : tensors) {
        if (tensor.endsWith("." + bare)) {
          prefixes.add(tensor.substring(0, tensor.length() - bare.length()));
        }
      }
      if (prefixes.size() > 1) {
        break;
      }
    }
    return prefixes;
  }
}
