package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Alternative.Kind;
import io.diffuscope.checkpoint.Marker.Beside;
import io.diffuscope.checkpoint.Marker.Written;
import io.diffuscope.checkpoint.WeightsChoice.Chosen;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A layout in which a checkpoint is a file, or several copies of the weights in files of their own.
 *
 * @param members kinds of files; a name belongs to the first that matches it
 * @param widestFirst among averages, the one with the largest number is preferred, else the
 *     smallest
 * @param markers any of them tells that a file is closed; none: its structure alone tells
 * @param afterIt names the markers for people, with {@code {step}}
 */
record FileLayout(
    String name,
    String description,
    List<Member> members,
    boolean widestFirst,
    List<Marker> markers,
    String afterIt)
    implements Layout {

  /** Names of copies: numbers by value, words by letter, words last. */
  static final Comparator<String> COPIES =
      Comparator.<String>comparingDouble(FileLayout::number).thenComparing(n -> n);

  /** What files of one kind are to each other. */
  enum Grouping {
    /** Each file is a checkpoint. */
    EACH,
    /** The files of one step are copies of one checkpoint. */
    BY_STEP,
    /** All of them are copies of one checkpoint that is written over. */
    TOGETHER,
    /** As EACH, but left out where a file with a step is: it repeats one of those. */
    SPARE,
    /** As EACH, if the name without the step of another file. */
    FINAL
  }

  /**
   * One kind of file.
   *
   * @param pattern of the whole name; groups {@code step} (digits), {@code copy} (an EMA width or
   *     rate) and {@code base}, where it has them
   * @param copy name of the alternative where the pattern has no group of that name
   * @param stepUnit what the step in the name counts; null where the name does not tell
   */
  record Member(
      Pattern pattern, String copy, Kind kind, Grouping grouping, @Nullable StepUnit stepUnit) {
    static Member each(String regex) {
      return of(regex, "", Kind.EITHER, Grouping.EACH);
    }

    static Member of(String regex, String copy, Kind kind, Grouping grouping) {
      return new Member(Pattern.compile(regex), copy, kind, grouping, null);
    }

    Member counting(StepUnit unit) {
      return new Member(pattern, copy, kind, grouping, unit);
    }

    boolean has(String group) {
      return pattern.namedGroups().containsKey(group);
    }
  }

  private record Match(
      String name,
      int member,
      Grouping grouping,
      Alternative alternative,
      String digits,
      @Nullable Long step,
      String base,
      Folder.Entry entry) {
    FileVersion version() {
      return Objects.requireNonNull(entry.version());
    }

    boolean isReadable() {
      return entry.version() != null;
    }
  }

  @Override
  public Found find(Folder folder, Search search) {
    Set<Path> setAside = new HashSet<>();
    List<Match> matches =
        withoutRepeats(folder, oneUnitOfSteps(matches(folder, setAside)), setAside);
    Map<Path, List<Match>> groups = new LinkedHashMap<>();
    matches.forEach(m -> groups.computeIfAbsent(key(folder, m), k -> new ArrayList<>()).add(m));
    List<Beside> beside = new ArrayList<>();
    Set<String> known = new HashSet<>();
    boolean averaged = false;
    for (Match match : matches) {
      known.add(match.alternative.name());
      averaged |= match.alternative.kind() == Kind.AVERAGED;
      if (match.isReadable()) {
        beside.add(new Beside(match.step, match.alternative.name(), match.version()));
      }
    }
    List<Candidate> candidates = new ArrayList<>();
    for (Map.Entry<Path, List<Match>> group : groups.entrySet()) {
      List<Match> copies = group.getValue().stream().sorted(preferredFirst()).toList();
      candidates.add(candidate(folder, group.getKey(), copies, beside, known, averaged, search));
    }
    return new Found(
        matches.isEmpty() ? null : matches.getFirst().name,
        candidates,
        setAside,
        stepUnit(matches));
  }

  /** Files with a step are of one kind by now. */
  private @Nullable StepUnit stepUnit(List<Match> matches) {
    return matches.stream()
        .filter(m -> m.step != null)
        .findFirst()
        .map(m -> members.get(m.member).stepUnit)
        .orElse(null);
  }

  /**
   * Whether files of these names are copies of the weights of one checkpoint, by their names alone.
   */
  boolean areCopies(String one, String other) {
    String group = group(one);
    return group != null && group.equals(group(other));
  }

  /** Whether copies of the weights in a file of this name may lie beside it under other names. */
  boolean hasCopies(String fileName) {
    boolean several =
        members.stream().filter(m -> m.grouping == Grouping.BY_STEP).count() > 1
            || members.stream().anyMatch(m -> m.has("copy"));
    return several && group(fileName) != null;
  }

  private @Nullable String group(String fileName) {
    for (Member member : members) {
      Matcher matcher = member.pattern.matcher(fileName);
      if (matcher.matches()) {
        return switch (member.grouping) {
          case BY_STEP -> digits(member, matcher);
          case TOGETHER -> "";
          case EACH, SPARE, FINAL -> null;
        };
      }
    }
    return null;
  }

  /** What a name tells of a file; empty where it is not one of this layout. */
  Optional<Named> read(String fileName) {
    for (Member member : members) {
      Matcher matcher = member.pattern.matcher(fileName);
      if (member.grouping != Grouping.FINAL && matcher.matches()) {
        return Optional.of(
            new Named(
                step(digits(member, matcher)),
                new Alternative(copy(member, matcher), member.kind)));
      }
    }
    return Optional.empty();
  }

  /** What the name of a file tells of it. */
  record Named(@Nullable Long step, Alternative alternative) {}

  private List<Match> matches(Folder folder, Set<Path> setAside) {
    List<Match> matches = new ArrayList<>();
    Set<String> bases = new HashSet<>();
    for (String name : folder.names()) {
      match(folder, name).ifPresent(matches::add);
    }
    matches.stream().filter(m -> m.grouping != Grouping.FINAL).forEach(m -> bases.add(m.base));
    boolean stepped = matches.stream().anyMatch(m -> m.step != null);
    matches.removeIf(m -> m.grouping == Grouping.FINAL && !bases.contains(m.base));
    for (Match spare : matches.stream().filter(m -> m.grouping == Grouping.SPARE).toList()) {
      if (stepped) {
        matches.remove(spare);
        setAside.add(folder.resolve(spare.name));
      }
    }
    return matches;
  }

  private Optional<Match> match(Folder folder, String name) {
    for (int i = 0; i < members.size(); i++) {
      Member member = members.get(i);
      Matcher matcher = member.pattern.matcher(name);
      if (matcher.matches()) {
        Folder.Entry entry = folder.entry(name);
        if (entry.kind() != Folder.Kind.FILE && entry.kind() != Folder.Kind.REFUSED) {
          return Optional.empty();
        }
        String digits = digits(member, matcher);
        return Optional.of(
            new Match(
                name,
                i,
                member.grouping,
                new Alternative(copy(member, matcher), member.kind),
                digits,
                step(digits),
                member.has("base") ? matcher.group("base") : "",
                entry));
      }
    }
    return Optional.empty();
  }

  private static String copy(Member member, Matcher matcher) {
    String copy = member.has("copy") ? matcher.group("copy") : null;
    return copy == null ? member.copy : copy;
  }

  private static String digits(Member member, Matcher matcher) {
    String digits = member.has("step") ? matcher.group("step") : null;
    return digits == null ? "" : digits;
  }

  private static @Nullable Long step(String digits) {
    try {
      return digits.isEmpty() ? null : Long.valueOf(digits);
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /**
   * Epochs beside steps are no steps: only the first kind of file that has any is ordered by it.
   */
  private static List<Match> oneUnitOfSteps(List<Match> matches) {
    int unit =
        matches.stream()
            .filter(m -> m.step != null && m.grouping == Grouping.EACH)
            .mapToInt(Match::member)
            .min()
            .orElse(0);
    return matches.stream()
        .map(
            m ->
                m.grouping != Grouping.EACH || m.member == unit
                    ? m
                    : new Match(
                        m.name,
                        m.member,
                        m.grouping,
                        m.alternative,
                        m.digits,
                        null,
                        m.base,
                        m.entry))
        .toList();
  }

  /** Links to another file of the same listing are that file; the one with a step stays. */
  private static List<Match> withoutRepeats(
      Folder folder, List<Match> matches, Set<Path> setAside) {
    Map<String, Match> byInode = new HashMap<>();
    List<Match> stepFirst =
        matches.stream().sorted(Comparator.comparing(m -> m.step == null)).toList();
    Set<Match> repeats = new HashSet<>();
    for (Match match : stepFirst) {
      if (match.isReadable() && !match.version().fileKey().isEmpty()) {
        Match first = byInode.putIfAbsent(match.version().fileKey(), match);
        if (first != null) {
          repeats.add(match);
          setAside.add(folder.resolve(match.name));
        }
      }
    }
    return matches.stream().filter(m -> !repeats.contains(m)).toList();
  }

  /** No file has the name of a group's key. */
  private static Path key(Folder folder, Match match) {
    return switch (match.grouping) {
      case EACH, SPARE, FINAL -> folder.resolve(match.name);
      case BY_STEP -> folder.resolve("step " + match.digits);
      case TOGETHER -> folder.resolve("written over");
    };
  }

  private Comparator<Match> preferredFirst() {
    Comparator<Match> byCopy = Comparator.comparing(m -> m.alternative.name(), COPIES);
    return Comparator.<Match, Kind>comparing(m -> m.alternative.kind())
        .thenComparing(widestFirst ? byCopy.reversed() : byCopy);
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      return Double.POSITIVE_INFINITY;
    }
  }

  private Candidate candidate(
      Folder folder,
      Path key,
      List<Match> copies,
      List<Beside> beside,
      Set<String> known,
      boolean averaged,
      Search search) {
    List<Alternative> alternatives = copies.stream().map(Match::alternative).toList();
    Optional<Chosen> choice = search.choice().choose(alternatives, known, averaged);
    Match taken = copies.get(choice.map(Chosen::index).orElse(0));
    Path path = folder.resolve(taken.name);
    if (choice.isEmpty()) {
      return unreadable(
          key,
          path,
          taken,
          new Obstacle(Obstacle.Kind.WEIGHTS, path + ": " + search.choice().absent(alternatives)));
    }
    if (!taken.isReadable()) {
      return unreadable(
          key,
          path,
          taken,
          new Obstacle(Obstacle.Kind.UNREADABLE, String.valueOf(taken.entry.problem())));
    }
    WeightsLocation weights = new WeightsLocation(path.toString(), choice.get().part());
    ContentVersion version;
    try {
      version =
          path.toString().endsWith(".json")
              ? search.versions().of(path)
              : ContentVersion.of(taken.version());
    } catch (NoSuchFileException e) {
      return unreadable(
          key, path, taken, new Obstacle(Obstacle.Kind.WEIGHTS, path + ": went away"));
    } catch (IOException e) {
      return unreadable(
          key, path, taken, new Obstacle(Obstacle.Kind.UNREADABLE, Folder.unreadable(path, e)));
    }
    return new Candidate(
        key,
        path,
        taken.step,
        weights,
        version,
        marker(folder, path, taken, beside),
        choice.get().text());
  }

  private @Nullable Obstacle marker(Folder folder, Path path, Match taken, List<Beside> beside) {
    Written written =
        new Written(
            folder, taken.step, taken.digits, taken.alternative.name(), taken.version(), beside);
    if (markers.isEmpty() || markers.stream().anyMatch(m -> m.isThere(written))) {
      return null;
    }
    return new Obstacle(
        Obstacle.Kind.MARKER,
        "%s: the trainer has not written %s after it"
            .formatted(path, afterIt.replace("{step}", taken.digits)));
  }

  private static Candidate unreadable(Path key, Path path, Match taken, Obstacle obstacle) {
    return new Candidate(key, path, taken.step, null, ContentVersion.NONE, obstacle, "");
  }
}
