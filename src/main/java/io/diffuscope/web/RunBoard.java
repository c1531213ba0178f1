package io.diffuscope.web;

import io.diffuscope.publish.RunListener;
import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SourceNews;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What the page shows: every run's state, folded from its events. Bounded and thread-safe. */
public final class RunBoard implements RunListener {
  /** Points kept of each curve. */
  public static final int POINTS = 2_000;

  private final int pointLimit;
  private final InstantSource clock;
  private final Map<String, BoardRun> runs = new TreeMap<>();

  private RunBoard(int pointLimit, InstantSource clock) {
    this.pointLimit = pointLimit;
    this.clock = clock;
  }

  public static RunBoard create() {
    return new RunBoard(POINTS, InstantSource.system());
  }

  static RunBoard create(int pointLimit, InstantSource clock) {
    return new RunBoard(pointLimit, clock);
  }

  @Override
  public synchronized void onEvent(RunEvent event) {
    runOf(event.run()).apply(event);
  }

  /** Also of a run that has not begun: that is when people look for what is in its way. */
  @Override
  public synchronized void onSourceNews(SourceNews news) {
    runOf(news.run()).source(news);
  }

  /** A run that makes ready for its first checkpoint has not begun. */
  @Override
  public synchronized void onPreparation(PreparationProgress progress) {
    runOf(progress.run()).preparation(progress);
  }

  @Override
  public synchronized void onRest(BudgetRest rest) {
    runOf(rest.run()).rest(rest);
  }

  private BoardRun runOf(String run) {
    return runs.computeIfAbsent(run, id -> new BoardRun(id, pointLimit));
  }

  @Override
  public synchronized void onProgress(EvaluationProgress progress) {
    BoardRun run = runs.get(progress.run());
    if (run != null) {
      run.progress(progress);
    }
  }

  @Override
  public synchronized void removeRun(String run) {
    runs.remove(run);
  }

  /** All runs by id, with at most this many points for each curve. */
  public synchronized List<RunView> runs(int points) {
    return runs.values().stream().map(run -> run.view(points, clock.instant())).toList();
  }

  /** One run, with at most this many points for each curve. */
  public synchronized Optional<RunView> run(String id, int points) {
    return Optional.ofNullable(runs.get(id)).map(run -> run.view(points, clock.instant()));
  }
}
