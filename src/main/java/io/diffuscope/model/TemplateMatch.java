package io.diffuscope.model;

import io.diffuscope.model.WeightNames.Candidate;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * How a template's parameters and a checkpoint's tensors go together.
 *
 * <pre>{@code
 * try (TensorSource template = WeightFiles.open(net);
 *     TensorSource checkpoint = WeightFiles.open(weights)) {
 *   TemplateMatch match = TemplateMatch.of(template, checkpoint, null);
 *   out.println(match.isComplete() ? match.choice() : match.missing());
 * }
 * }</pre>
 *
 * @param choice where the weights lie
 * @param tensors tensor by parameter, without those that are missing
 * @param missing parameters without a tensor, with their shapes
 * @param wrongShapes pairs whose shapes differ, each with both shapes
 * @param extra tensors beside the weights that the template has no parameter for
 * @param lostBuffers those of them that the template would need and cannot take: running
 *     statistics, random frequencies
 */
public record TemplateMatch(
    WeightsChoice choice,
    Map<String, String> tensors,
    List<String> missing,
    List<String> wrongShapes,
    List<String> extra,
    List<String> lostBuffers) {
  public TemplateMatch {
    tensors = Map.copyOf(tensors);
    missing = List.copyOf(missing);
    wrongShapes = List.copyOf(wrongShapes);
    extra = List.copyOf(extra);
    lostBuffers = List.copyOf(lostBuffers);
  }

  /** Whether every parameter has a tensor of its shape, and no buffer is lost. */
  public boolean isComplete() {
    return missing.isEmpty() && wrongShapes.isEmpty() && lostBuffers.isEmpty();
  }

  /**
   * Compares a template with a checkpoint, without the tensor engine.
   *
   * @param template the exported network
   * @param part dotted key of the dictionary that holds the weights; null lets the names decide
   * @throws BadInputException if the template cannot be read, the checkpoint holds several
   *     candidates that the names cannot decide between, or nothing lies below {@code part}
   */
  public static TemplateMatch of(
      TensorSource template, TensorSource checkpoint, @Nullable String part)
      throws BadInputException {
    Set<String> buffers = GraphArchive.buffersOf(template.path());
    Map<String, TensorShape> parameters = new LinkedHashMap<>();
    template
        .tensors()
        .forEach(
            (name, info) -> {
              if (info.type().isFloatingPoint() && !buffers.contains(lastSegment(name))) {
                parameters.put(name, info.shape());
              }
            });
    return of(parameters, buffers, checkpoint.path(), checkpoint.tensors(), part);
  }

  /**
   * Compares parameters with tensors.
   *
   * @param buffers names, without their module, of the buffers that the template holds
   * @param checkpoint whose tensors they are, for errors
   */
  static TemplateMatch of(
      Map<String, TensorShape> parameters,
      Set<String> buffers,
      Path checkpoint,
      Map<String, TensorInfo> tensors,
      @Nullable String part)
      throws BadInputException {
    boolean averaged = WeightsLocation.AVERAGED.equals(part);
    boolean raw = WeightsLocation.RAW.equals(part);
    Map<String, TensorInfo> within = averaged || raw ? tensors : WeightNames.below(part, tensors);
    if (within.isEmpty()) {
      throw new BadInputException(
          checkpoint,
          Reason.MISMATCH,
          "has nothing below \"%s\"; there is %s"
              .formatted(part, summary(WeightNames.roots(tensors))));
    }
    List<Candidate> candidates = WeightNames.candidates(parameters, within);
    if ("".equals(part)) {
      candidates = candidates.stream().filter(c -> c.prefix().isEmpty()).toList();
    }
    if (averaged || raw) {
      candidates = ofKind(candidates, averaged);
      if (candidates.isEmpty()) {
        throw new BadInputException(
            checkpoint,
            Reason.MISMATCH,
            "holds no %s weights of this network; there is %s"
                .formatted(
                    averaged ? "averaged (EMA)" : "raw", summary(WeightNames.roots(tensors))));
      }
    }
    List<Candidate> complete =
        candidates.stream().filter(c -> c.fitting() == parameters.size()).toList();
    Candidate chosen = choose(checkpoint, complete);
    if (chosen == null) {
      chosen = candidates.isEmpty() ? new Candidate("", Map.of(), 0) : candidates.getFirst();
    }
    return describe(chosen, complete, parameters, buffers, within);
  }

  /**
   * The averaged ones, or the raw ones. Lightning's averaging keeps the raw weights apart, and its
   * averages under the usual name.
   */
  private static List<Candidate> ofKind(List<Candidate> candidates, boolean averaged) {
    boolean apart = candidates.stream().anyMatch(c -> c.rank() == 2);
    Predicate<Candidate> isAveraged = c -> c.averaged() || (apart && c.rank() == 1);
    return candidates.stream().filter(averaged ? isAveraged : isAveraged.negate()).toList();
  }

  /** Averaged weights before others, and the template's own names before prefixed ones. */
  private static @Nullable Candidate choose(Path checkpoint, List<Candidate> complete)
      throws BadInputException {
    if (complete.isEmpty()) {
      return null;
    }
    int rank = complete.getFirst().rank();
    List<Candidate> best = complete.stream().filter(c -> c.rank() == rank).toList();
    if (best.size() > 1 && !best.getFirst().prefix().isEmpty()) {
      List<String> labels = complete.stream().map(Candidate::label).toList();
      throw new BadInputException(
          checkpoint,
          Reason.MISMATCH,
          "holds the network %d times, under %s: choose with --weights PREFIX, for example --weights %s"
              .formatted(labels.size(), summary(labels), labels.getFirst()));
    }
    return best.getFirst();
  }

  private static TemplateMatch describe(
      Candidate chosen,
      List<Candidate> complete,
      Map<String, TensorShape> parameters,
      Set<String> buffers,
      Map<String, TensorInfo> tensors) {
    List<String> missing = new ArrayList<>();
    List<String> wrongShapes = new ArrayList<>();
    parameters.forEach(
        (parameter, shape) -> {
          String name = chosen.names().get(parameter);
          TensorInfo tensor = name == null ? null : tensors.get(name);
          if (tensor == null) {
            missing.add("%s %s".formatted(parameter, shape));
          } else if (!tensor.shape().equals(shape)) {
            wrongShapes.add(
                "%s is %s, the template's is %s".formatted(tensor.name(), tensor.shape(), shape));
          }
        });
    TreeSet<String> extra = new TreeSet<>();
    tensors.keySet().stream().filter(n -> n.startsWith(chosen.prefix())).forEach(extra::add);
    chosen.names().values().forEach(extra::remove);
    // Counters and tables of whole numbers are the same for all checkpoints, or read by no one.
    List<String> lost =
        extra.stream()
            .filter(name -> buffers.contains(lastSegment(name)))
            .filter(name -> isFloatingPoint(tensors.get(name)))
            .toList();
    return new TemplateMatch(
        new WeightsChoice(
            chosen.label(),
            chosen.averaged(),
            complete.stream().filter(c -> !c.equals(chosen)).map(Candidate::label).toList()),
        chosen.names(),
        missing,
        wrongShapes,
        List.copyOf(extra),
        lost);
  }

  private static boolean isFloatingPoint(@Nullable TensorInfo tensor) {
    return tensor != null && tensor.type().isFloatingPoint();
  }

  /** Fails with what does not fit, and what to do. */
  void requireComplete(Path checkpoint, Path template) throws BadInputException {
    if (!missing.isEmpty() || !wrongShapes.isEmpty()) {
      List<String> problems =
          new ArrayList<>(missing.stream().map(m -> m + " is missing").toList());
      problems.addAll(wrongShapes);
      throw new BadInputException(
          checkpoint,
          missing.isEmpty() ? Reason.WRONG_SHAPE : Reason.MISMATCH,
          "does not fit the template %s: %s%s; export the template from the network that is trained"
              .formatted(
                  template.getFileName(),
                  summary(problems),
                  extra.isEmpty() ? "" : "; without a counterpart: " + summary(extra)));
    }
    if (!lostBuffers.isEmpty()) {
      throw new BadInputException(
          checkpoint,
          Reason.MISMATCH,
          "has buffers that the template cannot take (%s): outputs would be silently wrong; register them"
                  .formatted(summary(lostBuffers))
              + " as parameters before exporting");
    }
  }

  /** The first few of a list, and how many more there are. */
  static String summary(Collection<String> items) {
    String shown = String.join(", ", items.stream().limit(8).toList());
    return items.size() > 8 ? shown + " and %d more".formatted(items.size() - 8) : shown;
  }

  private static String lastSegment(String name) {
    return name.substring(name.lastIndexOf('.') + 1);
  }
}
