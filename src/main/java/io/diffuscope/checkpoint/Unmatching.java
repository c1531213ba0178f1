package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Layout.Search;
import io.diffuscope.checkpoint.Sighting.Unmatched;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Says what is in a directory in which no checkpoint was found. */
final class Unmatching {
  /** How files of weights are called, whoever writes them. */
  private static final List<String> WEIGHTS =
      List.of(".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".pkl");

  private Unmatching() {}

  /**
   * A directory that has entries, but no checkpoint.
   *
   * @param layout that was looked for; null where none was recognised
   * @param named whether a person named it
   */
  static Unmatched of(Folder folder, @Nullable Layout layout, boolean named, Search search) {
    boolean suspect =
        !Layouts.recognise(folder, KnownLayouts.ALL, search).isEmpty()
            || folder.names().stream().anyMatch(Unmatching::isWeights);
    int count = folder.names().size();
    String what =
        layout instanceof PatternLayout
            ? "a checkpoint by the pattern: " + layout.description()
            : layout == null
                ? "a checkpoint of a layout that is known"
                : "a checkpoint of the layout " + layout.name();
    String where =
        count == 1
            ? "the one entry there is not"
            : "none of the %d entries there is".formatted(count);
    String remedy =
        !suspect
            ? ""
            : layout instanceof PatternLayout
                ? "; check --pattern (diffuscope.checkpoints.pattern)"
                : named
                    ? "; check --layout (diffuscope.checkpoints.layout)"
                    : "; name the files by --pattern, for example --pattern 'ckpt_{step}.pt'";
    return new Unmatched(
        "%s: %s %s (%s)%s".formatted(folder.path(), where, what, Layouts.summary(folder), remedy),
        suspect);
  }

  private static boolean isWeights(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return WEIGHTS.stream().anyMatch(lower::endsWith);
  }
}
