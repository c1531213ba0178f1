package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Alternative.Kind;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * Checkpoints whose names the user gives: a glob for file names ({@code *.safetensors}), or a path
 * with {@code {step}} where the number is ({@code ckpt_{step}.pt}, {@code
 * step-{step}/model.safetensors}, {@code run/{step}} for folders), in which {@code *} and {@code ?}
 * stand for anything but a slash.
 */
final class PatternLayout implements Layout {
  static final String NAME = "pattern";

  private static final String STEP = "{step}";

  private final String pattern;
  private final List<Pattern> segments;
  private final @Nullable PathMatcher glob;

  private PatternLayout(String pattern, List<Pattern> segments, @Nullable PathMatcher glob) {
    this.pattern = pattern;
    this.segments = segments;
    this.glob = glob;
  }

  /**
   * Reads a pattern.
   *
   * @throws IllegalArgumentException with a sentence for people
   */
  static PatternLayout of(String pattern) {
    if (pattern.isBlank()) {
      throw new IllegalArgumentException(
          "the checkpoint pattern is empty: give a glob for file names such as *.safetensors, or a"
              + " path such as ckpt_{step}.pt");
    }
    if (pattern.contains(STEP)) {
      return stepped(pattern);
    }
    if (pattern.contains("/")) {
      throw new IllegalArgumentException(
          "the checkpoint pattern '%s' contains a '/' but no {step}: without it, it is matched against file names, so put the directory part into the directory, or {step} where the number is"
              .formatted(pattern));
    }
    try {
      return new PatternLayout(
          pattern, List.of(), FileSystems.getDefault().getPathMatcher("glob:" + pattern));
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "the checkpoint pattern '%s' is not a glob: %s".formatted(pattern, e.getDescription()),
          e);
    }
  }

  private static PatternLayout stepped(String pattern) {
    if (pattern.indexOf(STEP) != pattern.lastIndexOf(STEP)) {
      throw new IllegalArgumentException(
          "the checkpoint pattern '%s' has {step} twice: put * in the place of one"
              .formatted(pattern));
    }
    List<Pattern> segments = new ArrayList<>();
    for (String segment : pattern.split("/", -1)) {
      if (segment.isEmpty() || segment.equals("..") || segment.equals(".")) {
        throw new IllegalArgumentException(
            "the checkpoint pattern '%s' must be a path inside the directory, without empty parts"
                .formatted(pattern));
      }
      segments.add(regex(segment));
    }
    return new PatternLayout(pattern, segments, null);
  }

  private static Pattern regex(String segment) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < segment.length(); i++) {
      if (segment.startsWith(STEP, i)) {
        regex.append("(?<step>\\d+)");
        i += STEP.length() - 1;
      } else if (segment.charAt(i) == '*') {
        regex.append(".*");
      } else if (segment.charAt(i) == '?') {
        regex.append('.');
      } else {
        regex.append(Pattern.quote(String.valueOf(segment.charAt(i))));
      }
    }
    return Pattern.compile(regex.toString());
  }

  /** How many names lead from the directory to what it matches. */
  int depth() {
    return Math.max(1, segments.size());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    return "names that match " + pattern;
  }

  @Override
  public Found find(Folder folder, Search search) {
    List<Candidate> candidates = new ArrayList<>();
    PathMatcher matcher = glob;
    if (matcher != null) {
      for (String name : folder.names()) {
        if (!name.startsWith(".") && matcher.matches(Path.of(name))) {
          file(folder, name, CheckpointFiles.stepOf(name), search).ifPresent(candidates::add);
        }
      }
    } else {
      walk(folder, 0, null, search, candidates);
    }
    String evidence =
        candidates.isEmpty()
            ? null
            : folder.path().relativize(candidates.getFirst().path()).toString();
    return new Found(evidence, candidates, Set.of());
  }

  private void walk(
      Folder folder, int depth, @Nullable Long step, Search search, List<Candidate> candidates) {
    Pattern segment = segments.get(depth);
    boolean isLast = depth == segments.size() - 1;
    for (String name : folder.names()) {
      Matcher matcher = segment.matcher(name);
      if (!matcher.matches()) {
        continue;
      }
      Long found = segment.namedGroups().isEmpty() ? step : number(matcher.group("step"));
      Optional<Folder> inner = folder.folder(name);
      if (!isLast) {
        inner.ifPresent(f -> inner(f, depth, found, search, candidates));
      } else if (inner.isPresent()) {
        candidates.add(folder(inner.get(), found, search));
      } else {
        file(folder, name, found, search).ifPresent(candidates::add);
      }
    }
  }

  private void inner(
      Folder folder, int depth, @Nullable Long step, Search search, List<Candidate> candidates) {
    if (folder.problem() == null) {
      walk(folder, depth + 1, step, search, candidates);
    } else {
      candidates.add(without(folder.path(), step, Obstacle.Kind.UNREADABLE, folder.problem()));
    }
  }

  private static Candidate folder(Folder folder, @Nullable Long step, Search search) {
    if (folder.problem() != null) {
      return without(folder.path(), step, Obstacle.Kind.UNREADABLE, folder.problem());
    }
    return Layouts.folder(folder, step, search)
        .orElseGet(
            () ->
                without(
                    folder.path(),
                    step,
                    Obstacle.Kind.WEIGHTS,
                    folder.path()
                        + ": holds no weights of a name that is known; put the name of"
                        + " the file into the pattern"));
  }

  private static Optional<Candidate> file(
      Folder folder, String name, @Nullable Long step, Search search) {
    Folder.Entry entry = folder.entry(name);
    Path path = folder.resolve(name);
    if (entry.problem() != null) {
      return Optional.of(without(path, step, Obstacle.Kind.UNREADABLE, entry.problem()));
    }
    FileVersion version = entry.version();
    if (version == null) {
      return Optional.empty();
    }
    String part = search.choice().part(new Alternative(name, Kind.EITHER));
    try {
      ContentVersion content =
          name.endsWith(".json") ? search.versions().of(path) : ContentVersion.of(version);
      return Optional.of(
          new Candidate(
              path, path, step, new WeightsLocation(path.toString(), part), content, null, ""));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Candidate without(
      Path path, @Nullable Long step, Obstacle.Kind kind, String sentence) {
    return new Candidate(
        path, path, step, null, ContentVersion.NONE, new Obstacle(kind, sentence), "");
  }

  private static @Nullable Long number(String digits) {
    try {
      return Long.valueOf(digits);
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
