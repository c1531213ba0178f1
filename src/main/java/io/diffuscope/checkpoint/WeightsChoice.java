package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Alternative.Kind;
import io.diffuscope.tensorfile.WeightsLocation;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which of several copies of the weights is read: the setting {@code checkpoints.weights}.
 *
 * <p>{@code auto} takes averaged (EMA) weights where there are any, because they are what is
 * sampled from in the end; {@code ema} and {@code raw} insist; anything else is the name of a copy
 * (a folder, an EMA width or rate), or else a key path inside the file.
 *
 * @param word the setting
 */
record WeightsChoice(String word) {
  static final WeightsChoice AUTO = new WeightsChoice("auto");

  private static final Pattern NUMBER = Pattern.compile("\\d+(\\.\\d+)?");

  /**
   * What was chosen.
   *
   * @param index in the alternatives
   * @param part key path inside the file; null lets the names decide
   * @param text for people
   */
  record Chosen(int index, @Nullable String part, String text) {}

  /**
   * Chooses.
   *
   * @param alternatives what this checkpoint holds, the preferred one first among equals
   * @param known names of copies that checkpoints of this directory may hold
   * @param averagedOnly other checkpoints of this directory hold averaged weights: a series must
   *     not mix both
   */
  Optional<Chosen> choose(List<Alternative> alternatives, Set<String> known, boolean averagedOnly) {
    return switch (word) {
      case "auto" ->
          first(alternatives, null, Kind.AVERAGED)
              .or(
                  () ->
                      averagedOnly
                          ? Optional.empty()
                          : first(alternatives, null, Kind.EITHER, Kind.RAW));
      case WeightsLocation.AVERAGED ->
          first(alternatives, null, Kind.AVERAGED).or(() -> first(alternatives, word, Kind.EITHER));
      case WeightsLocation.RAW ->
          first(alternatives, null, Kind.RAW).or(() -> first(alternatives, word, Kind.EITHER));
      default -> named(alternatives, known);
    };
  }

  /** The part of a file that was chosen already; null where it is the file as a whole. */
  @Nullable String part(Alternative file) {
    return choose(List.of(file), Set.of(), false).map(Chosen::part).orElse(null);
  }

  private Optional<Chosen> named(List<Alternative> alternatives, Set<String> known) {
    for (int i = 0; i < alternatives.size(); i++) {
      if (isCalled(alternatives.get(i).name())) {
        return Optional.of(chosen(alternatives, i, null));
      }
    }
    if (NUMBER.matcher(word).matches() || known.stream().anyMatch(this::isCalled)) {
      return Optional.empty();
    }
    return first(alternatives, word, Kind.EITHER, Kind.AVERAGED, Kind.RAW);
  }

  /** EMA widths are numbers: 0.1 is 0.100. */
  private boolean isCalled(String name) {
    return name.equals(word)
        || (NUMBER.matcher(name).matches()
            && NUMBER.matcher(word).matches()
            && Double.parseDouble(name) == Double.parseDouble(word));
  }

  private static Optional<Chosen> first(
      List<Alternative> alternatives, @Nullable String part, Kind... kinds) {
    for (Kind kind : kinds) {
      for (int i = 0; i < alternatives.size(); i++) {
        if (alternatives.get(i).kind() == kind) {
          return Optional.of(chosen(alternatives, i, part));
        }
      }
    }
    return Optional.empty();
  }

  private static Chosen chosen(List<Alternative> alternatives, int index, @Nullable String part) {
    Alternative taken = alternatives.get(index);
    String what =
        switch (taken.kind()) {
          case AVERAGED -> "averaged (EMA) weights: " + taken.name();
          case RAW -> "raw weights: " + taken.name();
          case EITHER -> part == null ? "" : "weights: " + part;
        };
    if (part != null && taken.kind() != Kind.EITHER) {
      what += ", " + part;
    }
    List<String> others =
        alternatives.stream()
            .filter(a -> !a.equals(taken))
            .map(Alternative::name)
            .sorted()
            .toList();
    if (!others.isEmpty()) {
      what =
          "%s; %s %s there too"
              .formatted(
                  what.isEmpty() ? "weights: " + taken.name() : what,
                  others.stream().collect(Collectors.joining(", ")),
                  others.size() == 1 ? "is" : "are");
    }
    return new Chosen(index, part, what);
  }

  /** What to say of a checkpoint that does not hold what is wanted. */
  String absent(List<Alternative> alternatives) {
    String there =
        alternatives.isEmpty()
            ? "no weights are there yet"
            : "it has "
                + alternatives.stream().map(Alternative::name).collect(Collectors.joining(", "));
    String wanted =
        switch (word) {
          case "auto" -> "averaged (EMA) weights, which others here have, are not there";
          case WeightsLocation.AVERAGED -> "averaged (EMA) weights are not there";
          case WeightsLocation.RAW -> "raw weights are not there";
          default -> "the weights \"%s\" are not there".formatted(word);
        };
    return alternatives.isEmpty()
        ? there
        : "%s: %s; diffuscope.checkpoints.weights (--weights) chooses".formatted(wanted, there);
  }
}
