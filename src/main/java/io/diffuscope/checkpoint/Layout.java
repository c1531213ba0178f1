package io.diffuscope.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How a trainer lays out its checkpoints in a directory. Layouts hold no state: each listing is
 * judged afresh, and an entry that goes away under way is left out.
 */
interface Layout {
  /** The name in the setting {@code checkpoints.layout}. */
  String name();

  /** What it looks like and who writes it, in a few words. */
  String description();

  /** The checkpoints in a directory. */
  Found find(Folder folder, Search search);

  /**
   * How to look.
   *
   * @param choice which copy of the weights
   * @param versions remembers which files belong together
   */
  record Search(WeightsChoice choice, WeightVersions versions) {}

  /**
   * What a layout sees in a directory.
   *
   * @param evidence an entry by which the layout recognises itself; null where there is none
   * @param candidates in no order
   * @param setAside keys of what would be a candidate by itself, but repeats another one
   * @param stepUnit what the steps in the names count; null where the layout does not tell
   */
  record Found(
      @Nullable String evidence,
      List<Candidate> candidates,
      Set<Path> setAside,
      @Nullable StepUnit stepUnit) {
    Found(@Nullable String evidence, List<Candidate> candidates, Set<Path> setAside) {
      this(evidence, candidates, setAside, null);
    }
  }
}
