package io.diffuscope.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a monitor's log file says of the checkpoints of one run, in the order of its events. The log
 * must be at level DEBUG.
 *
 * @param entries one for each event of a checkpoint
 * @param complaints other lines at level WARN or ERROR
 */
record MonitorBooks(List<Entry> entries, List<String> complaints) {
  private static final Pattern LINE =
      Pattern.compile("(\\S+) (ERROR|WARN|INFO|DEBUG) +\\[[^]]*] (\\S+): (.*)");
  private static final String CHECKPOINT =
      "(?:step (?<step>\\d+) \\((?<named>[^)]+)\\)|(?<name>\\S+))";
  private static final Map<Kind, Pattern> KINDS = kinds();
  private static final Pattern PASSED_OVER =
      Pattern.compile("run \\S+: passed over \\((?<reason>\\w+)\\): (?<message>.*)");
  private static final Pattern ATTEMPT =
      Pattern.compile("run \\S+: .*: attempt \\d+ goes on from .*");
  private static final Pattern FLAG = Pattern.compile("run \\S+: flag \\S+ (raised|cleared) .*");

  /** What happened. */
  enum Kind {
    FOUND,
    STARTED,
    EVALUATED,
    SKIPPED,
    FAILED,
    PASSED_OVER
  }

  /**
   * An event.
   *
   * @param name the checkpoint's; of one that was passed over the message, which has the path in it
   * @param step 0 where it has none
   * @param reason empty where there is none
   */
  record Entry(Instant at, Kind kind, String name, long step, String reason) {
    /** Whether a checkpoint's path is the name, or in the message. */
    boolean isOf(String checkpoint) {
      return Pattern.compile("(?<![^/])" + Pattern.quote(checkpoint) + "(?![^/:; ])")
          .matcher(name)
          .find();
    }

    boolean closes() {
      return kind == Kind.EVALUATED || kind == Kind.SKIPPED || kind == Kind.FAILED;
    }
  }

  private static Map<Kind, Pattern> kinds() {
    String run = "run \\S+: ";
    Map<Kind, Pattern> kinds = new LinkedHashMap<>();
    kinds.put(Kind.FOUND, Pattern.compile(run + CHECKPOINT + " found"));
    kinds.put(Kind.STARTED, Pattern.compile(run + "evaluating " + CHECKPOINT + "(?:[,: ].*)?"));
    kinds.put(Kind.EVALUATED, Pattern.compile(run + CHECKPOINT + " evaluated: .*"));
    kinds.put(Kind.SKIPPED, Pattern.compile(run + CHECKPOINT + " skipped \\((?<reason>\\w+)\\).*"));
    kinds.put(Kind.FAILED, Pattern.compile(run + CHECKPOINT + " failed \\((?<reason>\\w+)\\): .*"));
    return kinds;
  }

  static MonitorBooks read(Path log) throws IOException {
    List<Entry> entries = new ArrayList<>();
    List<String> complaints = new ArrayList<>();
    List<String> lines = Files.exists(log) ? Files.readAllLines(log) : List.of();
    for (String line : lines) {
      Matcher parts = LINE.matcher(line);
      if (!parts.matches()) {
        complaints.add(line); // of a stack trace
      } else if (!add(parts.group(4), OffsetDateTime.parse(parts.group(1)).toInstant(), entries)
          && parts.group(2).matches("WARN|ERROR")) {
        complaints.add(line);
      }
    }
    return new MonitorBooks(withoutFirstLook(entries), complaints);
  }

  /**
   * At the end of a run its newest checkpoint is sampled, also if only its losses were measured
   * before, or it was left out: what counts is how it ended in the end.
   */
  private static List<Entry> withoutFirstLook(List<Entry> entries) {
    List<Entry> all = new ArrayList<>(entries);
    int last = lastIndex(all, all.size(), entry -> entry.kind == Kind.STARTED);
    if (last < 0) {
      return all;
    }
    String name = all.get(last).name;
    int found = lastIndex(all, all.size(), entry -> entry.kind == Kind.FOUND);
    int before = lastIndex(all, last, entry -> entry.closes() && entry.name.equals(name));
    if (found < before && all.get(found).name.equals(name)) {
      int started =
          lastIndex(all, before, entry -> entry.kind == Kind.STARTED && entry.name.equals(name));
      all.remove(before);
      if (found < started) {
        all.remove(started);
      }
    }
    return all;
  }

  private static int lastIndex(List<Entry> entries, int end, Predicate<Entry> condition) {
    int index = end - 1;
    while (index >= 0 && !condition.test(entries.get(index))) {
      index--;
    }
    return index;
  }

  /** Whether a message is one that is expected here. */
  private static boolean add(String message, Instant at, List<Entry> entries) {
    for (Map.Entry<Kind, Pattern> kind : KINDS.entrySet()) {
      Matcher matcher = kind.getValue().matcher(message);
      if (matcher.matches()) {
        String name = matcher.group("named");
        boolean hasReason = kind.getValue().namedGroups().containsKey("reason");
        entries.add(
            new Entry(
                at,
                kind.getKey(),
                name == null ? matcher.group("name") : name,
                name == null ? 0 : Long.parseLong(matcher.group("step")),
                hasReason ? matcher.group("reason") : ""));
        return true;
      }
    }
    Matcher passedOver = PASSED_OVER.matcher(message);
    if (passedOver.matches()) {
      entries.add(
          new Entry(
              at, Kind.PASSED_OVER, passedOver.group("message"), 0, passedOver.group("reason")));
      return true;
    }
    return ATTEMPT.matcher(message).matches() || FLAG.matcher(message).matches();
  }

  long count(Kind kind) {
    return count(kind, entry -> true);
  }

  long count(Kind kind, String name) {
    return count(kind, entry -> entry.name.equals(name));
  }

  private long count(Kind kind, Predicate<Entry> condition) {
    return entries.stream().filter(e -> e.kind == kind).filter(condition).count();
  }

  /** Whether a checkpoint was found since a time. */
  boolean foundSince(String name, Instant time) {
    // The log tells milliseconds; a trainer's clock tells more.
    Instant from = time.truncatedTo(ChronoUnit.MILLIS);
    return count(Kind.FOUND, entry -> entry.name.equals(name) && !entry.at.isBefore(from)) > 0;
  }

  /** How the evaluation ended that was under way at a time. */
  Optional<Kind> endedFirstSince(String name, Instant time) {
    Instant from = time.truncatedTo(ChronoUnit.MILLIS);
    return entries.stream()
        .filter(e -> e.kind == Kind.EVALUATED || e.kind == Kind.FAILED)
        .filter(e -> e.name.equals(name) && !e.at.isBefore(from))
        .map(Entry::kind)
        .findFirst();
  }

  /** How often a checkpoint was passed over. */
  long passedOver(String name, String reason) {
    return count(Kind.PASSED_OVER, entry -> entry.reason.equals(reason) && entry.isOf(name));
  }

  /**
   * What each checkpoint ended as: those that were found by their content, the others by their
   * names. What was passed over and is found later counts as what was found.
   *
   * @param names of all checkpoints that there were
   */
  Map<String, Long> endedAs(Set<String> names) {
    Map<String, Long> numbers = new TreeMap<>();
    Map<String, String> passedOver = new LinkedHashMap<>();
    for (Entry entry : entries) {
      switch (entry.kind) {
        case FOUND -> passedOver.remove(entry.name);
        case STARTED -> {}
        case EVALUATED -> numbers.merge("evaluated", 1L, Long::sum);
        case SKIPPED -> numbers.merge("skipped", 1L, Long::sum);
        case FAILED ->
            numbers.merge(entry.reason.equals("vanished") ? "vanished" : "failed", 1L, Long::sum);
        case PASSED_OVER -> {
          // Of a checkpoint of several files another one may have been seen alone.
          String path = entry.name.split(": ", 2)[0];
          String known = names.stream().filter(entry::isOf).findFirst().orElse(path);
          passedOver.put(known, entry.reason);
        }
      }
    }
    passedOver.values().forEach(reason -> numbers.merge(reason, 1L, Long::sum));
    return numbers;
  }

  /** Numbers by reason. */
  Map<String, Long> byReason(Kind kind) {
    Map<String, Long> numbers = new TreeMap<>();
    entries.stream()
        .filter(e -> e.kind == kind)
        .forEach(e -> numbers.merge(e.reason, 1L, Long::sum));
    return numbers;
  }

  /** Found, and neither evaluated, skipped nor failed. */
  long open() {
    return count(Kind.FOUND) - entries.stream().filter(Entry::closes).count();
  }

  /** What went differently than every run must go, one line each. */
  List<String> mistakes() {
    List<String> mistakes = new ArrayList<>();
    Map<String, Integer> open = new LinkedHashMap<>();
    Entry current = null;
    for (Entry entry : entries) {
      switch (entry.kind) {
        case FOUND -> open.merge(entry.name, 1, Integer::sum);
        case STARTED -> {
          if (current != null || open.getOrDefault(entry.name, 0) < 1) {
            mistakes.add("%s after %s, open %s".formatted(entry, current, open));
          }
          current = entry;
        }
        case EVALUATED, FAILED, SKIPPED -> {
          boolean underEvaluation = current != null && current.name.equals(entry.name);
          if (entry.kind != Kind.SKIPPED) {
            if (!underEvaluation) {
              mistakes.add("%s, but under evaluation is %s".formatted(entry, current));
            }
            current = null;
          }
          if (open.merge(entry.name, -1, Integer::sum) < 0) {
            mistakes.add("%s, but it was not found as often".formatted(entry));
          }
        }
        case PASSED_OVER -> {}
      }
    }
    return mistakes;
  }

  /**
   * Under the policy {@code latest}: whatever evaluation begins, no other one waits then, so that
   * the newest checkpoint never waits for more than the evaluation under way. One line for each
   * start that leaves others waiting.
   */
  List<String> leftWaiting() {
    List<String> left = new ArrayList<>();
    int waiting = 0;
    for (Entry entry : entries) {
      switch (entry.kind) {
        case FOUND -> waiting++;
        case SKIPPED -> waiting--;
        case STARTED -> {
          waiting--;
          if (waiting > 0) {
            left.add("%s, while %d others wait".formatted(entry, waiting));
          }
        }
        case EVALUATED, FAILED, PASSED_OVER -> {}
      }
    }
    return left;
  }
}
