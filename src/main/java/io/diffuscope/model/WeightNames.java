package io.diffuscope.model;

import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds a network among the tensors of a checkpoint: the prefixes under which all its parameters
 * are there, whatever wrappers ({@code module.}, {@code _orig_mod.}), dictionaries ({@code ema.},
 * {@code state_dict.}) and members ({@code model.}) the names went through on either side.
 *
 * <p>Names match from their end. What all parameters of the template share at the front says
 * nothing about the checkpoint and is dropped; every dotted suffix of a tensor's name is looked up
 * among the rest, so the time grows with the number of tensors, not with its product with that of
 * the parameters.
 */
final class WeightNames {
  /** Words that mark averaged weights, alone or within a name such as {@code unet_ema}. */
  private static final Pattern AVERAGED =
      Pattern.compile("(?i)(?:^|.*[^a-z])(?:ema|averaged?|avg|swa|polyak|shadow)(?:[^a-z].*|$)");

  /** Words that mark weights in training that lie beside averaged ones, even within those. */
  private static final Pattern TRAINED =
      Pattern.compile("(?i)(?:^|.*[^a-z])(?:online|current|raw|non?_?ema)(?:[^a-z].*|$)");

  /** Dictionaries of numbers that have the parameters' names and shapes but are no weights. */
  private static final Pattern NO_WEIGHTS =
      Pattern.compile(
          "(?i)opt|optim|optimi[sz]ers?|(?:optim|optimizer)_states?|(?:max_)?exp_avg(?:_sq)?"
              + "|momentum(?:_buffer)?|grads?|gradients?");

  /**
   * A place where parameters were found.
   *
   * @param prefix what stands before the template's own names, ending with a dot unless empty
   * @param names tensor by parameter
   * @param fitting how many of them have the parameter's shape
   */
  record Candidate(String prefix, Map<String, String> names, int fitting) {
    /** 0 for averaged weights, 1 for weights, 2 for those beside averaged ones. */
    int rank() {
      List<String> segments = segments(prefix);
      if (segments.stream().anyMatch(s -> TRAINED.matcher(s).matches())) {
        return 2;
      }
      return averaged() ? 0 : 1;
    }

    boolean averaged() {
      List<String> segments = segments(prefix);
      return segments.stream().anyMatch(s -> AVERAGED.matcher(s).matches())
          && segments.stream().noneMatch(s -> TRAINED.matcher(s).matches());
    }

    /** The prefix without its last dot, as users write it. */
    String label() {
      return prefix.endsWith(".") ? prefix.substring(0, prefix.length() - 1) : prefix;
    }
  }

  private final Map<String, TensorShape> parameters;
  private final Map<String, TensorInfo> tensors;
  private final String shared;

  /** Parameter by its name without what all share. */
  private final Map<String, String> bare = new LinkedHashMap<>();

  private final Map<String, Map<String, String>> found = new LinkedHashMap<>();

  private WeightNames(Map<String, TensorShape> parameters, Map<String, TensorInfo> tensors) {
    this.parameters = parameters;
    this.tensors = tensors;
    this.shared = sharedPrefix(parameters.keySet());
    parameters.keySet().forEach(name -> bare.put(name.substring(shared.length()), name));
  }

  /** All places where at least one parameter was found, the best first. */
  static List<Candidate> candidates(
      Map<String, TensorShape> parameters, Map<String, TensorInfo> tensors) {
    WeightNames search = new WeightNames(parameters, tensors);
    tensors.keySet().forEach(search::lookUp);
    search.lookUpWithoutDots();
    List<Candidate> candidates = new ArrayList<>();
    search.found.forEach((prefix, names) -> candidates.add(search.candidate(prefix, names)));
    candidates.sort(
        Comparator.comparingInt((Candidate c) -> -c.fitting)
            .thenComparingInt(c -> -c.names.size())
            .thenComparingInt(Candidate::rank)
            .thenComparing(Candidate::prefix));
    return candidates;
  }

  private void lookUp(String tensor) {
    for (int start = 0; start >= 0; start = next(tensor, start)) {
      String parameter = bare.get(tensor.substring(start));
      if (parameter != null) {
        String prefix = tensor.substring(0, start);
        if (segments(prefix).stream().noneMatch(s -> NO_WEIGHTS.matcher(s).matches())) {
          found.computeIfAbsent(prefix, p -> new HashMap<>()).put(parameter, tensor);
        }
      }
    }
  }

  /** Where the next segment starts; −1 after the last. */
  private static int next(String name, int from) {
    int dot = name.indexOf('.', from);
    return dot < 0 ? -1 : dot + 1;
  }

  /**
   * Averages of the latent-diffusion code (its class LitEma) are buffers, whose names may hold no
   * dots: {@code model_ema.diffusion_modelout0weight} is the average of {@code
   * model.diffusion_model.out.0.weight}.
   */
  private void lookUpWithoutDots() {
    String longest =
        bare.keySet().stream()
            .map(WeightNames::withoutDots)
            .max(Comparator.comparingInt(String::length))
            .orElse("");
    Set<String> prefixes = new HashSet<>();
    for (String tensor : tensors.keySet()) {
      int dot = tensor.lastIndexOf('.');
      String parent = tensor.substring(0, dot + 1);
      if (dot > 0
          && tensor.endsWith(longest)
          && tensor.length() - longest.length() > dot
          && segments(parent).stream().anyMatch(s -> AVERAGED.matcher(s).matches())) {
        prefixes.add(tensor.substring(0, tensor.length() - longest.length()));
      }
    }
    for (String prefix : prefixes) {
      Map<String, String> names = new HashMap<>();
      bare.forEach(
          (name, parameter) -> {
            String tensor = prefix + withoutDots(name);
            if (tensors.containsKey(tensor)) {
              names.put(parameter, tensor);
            }
          });
      found.merge(prefix, names, (known, other) -> known.size() >= other.size() ? known : other);
    }
  }

  private Candidate candidate(String prefix, Map<String, String> names) {
    int fitting = 0;
    for (Map.Entry<String, String> name : names.entrySet()) {
      TensorInfo tensor = tensors.get(name.getValue());
      if (tensor != null && tensor.shape().equals(parameters.get(name.getKey()))) {
        fitting++;
      }
    }
    // The template's own wrapper is no part of where the weights lie.
    String own =
        prefix.endsWith(shared) ? prefix.substring(0, prefix.length() - shared.length()) : prefix;
    boolean whole = own.isEmpty() || own.endsWith(".");
    // Without dots the key ends before the last one.
    return new Candidate(whole ? own : dictionary(prefix), names, fitting);
  }

  private static String dictionary(String prefix) {
    return prefix.substring(0, prefix.lastIndexOf('.') + 1);
  }

  private static String withoutDots(String name) {
    return name.replace(".", "");
  }

  private static List<String> segments(String prefix) {
    return List.of(prefix.split("\\."));
  }

  /** The longest dotted prefix that all names share, for example {@code module.}; may be empty. */
  private static String sharedPrefix(Collection<String> names) {
    String prefix = null;
    for (String name : names) {
      String own = dictionary(name);
      prefix = prefix == null ? own : commonPart(prefix, own);
    }
    return prefix == null ? "" : prefix;
  }

  private static String commonPart(String prefix, String name) {
    String common = prefix;
    while (!name.startsWith(common)) {
      common = dictionary(common.substring(0, common.length() - 1));
    }
    return common;
  }

  /** The first dotted segments of all tensors. */
  static List<String> roots(Map<String, TensorInfo> tensors) {
    return tensors.keySet().stream()
        .map(name -> name.indexOf('.') < 0 ? name : name.substring(0, name.indexOf('.')))
        .distinct()
        .sorted()
        .toList();
  }

  /** The tensors below a dotted key. */
  static Map<String, TensorInfo> below(@Nullable String part, Map<String, TensorInfo> tensors) {
    if (part == null || part.isEmpty()) {
      return tensors;
    }
    Map<String, TensorInfo> kept = new LinkedHashMap<>();
    tensors.forEach(
        (name, info) -> {
          if (name.startsWith(part + ".")) {
            kept.put(name, info);
          }
        });
    return kept;
  }
}
