package io.diffuscope.cli;

import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SourceNews;
import io.diffuscope.web.Readiness;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Whether the checkpoints of every run can be seen: one condition of readiness, however many runs
 * there are. Thread-safe.
 *
 * <p>Of several runs only those that have begun count, because any directory that matches a glob
 * looks like a run that has not begun. A run that is over needs no source.
 */
final class SourceHealth {
  private static final int NAMED = 5;

  private final boolean severalRuns;
  private final Map<String, String> problems = new TreeMap<>();
  private final Set<String> begun = new HashSet<>();
  private final Set<String> over = new HashSet<>();

  SourceHealth(boolean severalRuns) {
    this.severalRuns = severalRuns;
  }

  synchronized void onEvent(RunEvent event) {
    if (event instanceof RunEvent.RunEnded) {
      over.add(event.run());
    } else {
      begun.add(event.run());
      over.remove(event.run());
    }
  }

  synchronized void onSourceNews(SourceNews news) {
    if (news.problem()) {
      problems.put(news.run(), news.message());
    } else {
      problems.remove(news.run());
    }
  }

  synchronized Readiness.Condition condition() {
    List<Map.Entry<String, String>> counted =
        problems.entrySet().stream()
            .filter(problem -> !over.contains(problem.getKey()))
            .filter(problem -> !severalRuns || begun.contains(problem.getKey()))
            .toList();
    if (counted.isEmpty()) {
      return new Readiness.Condition("sources", true, "checkpoints can be looked for");
    }
    String named =
        counted.stream()
            .limit(NAMED)
            .map(problem -> "run %s: %s".formatted(problem.getKey(), problem.getValue()))
            .collect(Collectors.joining("; "));
    int more = counted.size() - NAMED;
    return new Readiness.Condition(
        "sources", false, more > 0 ? "%s; and %d more runs".formatted(named, more) : named);
  }
}
