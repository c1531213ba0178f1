package io.diffuscope.model;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The inputs of a graph's {@code forward}, as its archive declares them.
 *
 * @param names in order, without {@code self}
 * @param required how many of them have no default
 */
record ForwardInputs(List<String> names, int required) {
  private static final int MOST_DECLARATION = 1 << 16;

  /** The declaration of {@code forward} in a class of a TorchScript source file. */
  static ForwardInputs of(String code, String className) {
    Matcher start =
        Pattern.compile("(?m)^class " + Pattern.quote(className) + "\\(Module\\):").matcher(code);
    Pattern forward = Pattern.compile("\\n  def forward\\(self: [\\w.]+(,|\\))");
    if (start.find()) {
      Matcher declaration = forward.matcher(code).region(start.end(), code.length());
      if (declaration.find()
          && !code.substring(start.end(), declaration.start()).contains("\nclass ")) {
        return ",".equals(declaration.group(1))
            ? parse(code, declaration.end())
            : new ForwardInputs(List.of(), 0);
      }
    }
    throw new IllegalArgumentException(
        "its class %s has no method forward; export a module that has one".formatted(className));
  }

  /** From after the first comma to the closing bracket; types may hold commas in brackets. */
  private static ForwardInputs parse(String code, int from) {
    List<String> declarations = new ArrayList<>();
    int depth = 0;
    int begin = from;
    int end = Math.min(code.length(), from + MOST_DECLARATION);
    for (int i = from; i < end; i++) {
      char c = code.charAt(i);
      if (depth == 0 && (c == ',' || c == ')')) {
        declarations.add(code.substring(begin, i));
        begin = i + 1;
        if (c == ')') {
          break;
        }
      } else if (c == '[' || c == '(') {
        depth++;
      } else if (c == ']' || c == ')') {
        depth--;
      }
    }
    return new ForwardInputs(
        declarations.stream().map(d -> d.strip().split("[:\\s]", 2)[0]).toList(),
        (int) declarations.stream().filter(d -> !d.contains("=")).count());
  }

  /**
   * Checks that the graph can be called as its settings say.
   *
   * @throws IllegalArgumentException saying what it takes and what to do
   */
  void require(NetworkSettings settings) {
    if (required > 3) {
      throw new IllegalArgumentException(
          "forward takes %s, but a network is called with (input, noise_label[, class_label]): text-to-image and other conditional networks are not supported yet; export a wrapper that fixes the other inputs"
              .formatted(names));
    }
    if (names.size() < 2) {
      throw new IllegalArgumentException(
          "forward takes %s, but a network is called with (input, noise_label); export it with both"
              .formatted(names));
    }
    if (settings.classes() == null && required == 3) {
      throw new IllegalArgumentException(
          "forward takes %s, a third input: for a class-conditional network set classes (and null_label); text-to-image networks are not supported yet"
              .formatted(names));
    }
    if (settings.classes() != null && names.size() < 3) {
      throw new IllegalArgumentException(
          "classes is set, but forward takes no class label, only %s: export it with an example of class labels, or remove classes"
              .formatted(names));
    }
  }
}
