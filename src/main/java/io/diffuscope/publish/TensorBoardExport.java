package io.diffuscope.publish;

import io.diffuscope.run.RunEvent;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.statistics.Estimate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The events of a series as files for TensorBoard: one folder, which it calls a run, for each
 * attempt of the training, so that no curve goes back.
 *
 * <p>Tags are {@code SIGNAL/REFERENCE/STATISTIC/sigma=SIGMA}, without what does not apply, and the
 * same with {@code /lower} and {@code /upper} for the ends of the interval; {@code flag/FLAG} is 0
 * or 1. Left out are checkpoints without a step, results that a later attempt or another content of
 * the file superseded, and numbers that are none.
 */
public final class TensorBoardExport implements Consumer<RunEvent> {
  private final Path folder;
  private final String name;
  private final Map<Integer, TensorBoardFile> files = new HashMap<>();
  private final List<Path> written = new ArrayList<>();
  private int attempt = 1;
  private long scalars;
  private long leftOut;

  /**
   * An export.
   *
   * @param folder takes {@code NAME} for the first attempt, {@code NAME-attempt-2}, ...
   */
  public TensorBoardExport(Path folder, String name) {
    this.folder = folder;
    this.name = name;
  }

  @Override
  public void accept(RunEvent event) {
    try {
      write(event);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void write(RunEvent event) throws IOException {
    switch (event) {
      case RunEvent.AttemptStarted e -> attempt = e.attempt();
      case RunEvent.EvaluationCompleted e -> {
        Long step = e.checkpoint().step();
        if (step == null || e.standing() == RunEvent.Standing.SUPERSEDED) {
          leftOut += e.estimates().size();
        } else {
          for (SignalEstimate estimate : e.estimates()) {
            write(estimate, e.attempt(), step, e.at());
          }
        }
      }
      case RunEvent.FlagChanged e ->
          scalar(
              "flag/" + e.change().flag().label(),
              attempt,
              e.change().step(),
              e.at(),
              e.change().raised() ? 1 : 0);
      default -> {}
    }
  }

  private void write(SignalEstimate row, int of, long step, Instant at) throws IOException {
    Estimate e = row.estimate();
    if (!Double.isFinite(e.value())) {
      leftOut++;
      return;
    }
    String tag = tag(row);
    scalar(tag, of, step, at, e.value());
    if (Double.isFinite(e.lower()) && Double.isFinite(e.upper())) {
      scalar(tag + "/lower", of, step, at, e.lower());
      scalar(tag + "/upper", of, step, at, e.upper());
    }
  }

  static String tag(SignalEstimate row) {
    StringBuilder tag = new StringBuilder(row.signal());
    if (row.reference() != null) {
      tag.append('/').append(row.reference().label());
    }
    tag.append('/').append(row.statistic().label());
    if (row.sigma() != null) {
      tag.append("/sigma=").append(row.sigma());
    }
    return tag.toString();
  }

  private void scalar(String tag, int of, long step, Instant at, double value) throws IOException {
    TensorBoardFile file = files.get(of);
    if (file == null) {
      Path place = folder.resolve(of == 1 ? name : "%s-attempt-%d".formatted(name, of));
      Files.createDirectories(place);
      Path path =
          place.resolve("events.out.tfevents.%010d.diffuscope".formatted(at.getEpochSecond()));
      file = TensorBoardFile.create(path, at);
      files.put(of, file);
      written.add(path);
    }
    file.scalar(tag, step, at, value);
    scalars++;
  }

  /** What was written. */
  public record Written(List<Path> files, long scalars, long leftOut) {}

  /** Ends all files. */
  public Written finish() throws IOException {
    @Nullable IOException failure = null;
    for (TensorBoardFile file : files.values()) {
      try {
        file.close();
      } catch (IOException e) {
        failure = e;
      }
    }
    if (failure != null) {
      throw failure;
    }
    return new Written(List.copyOf(written), scalars, leftOut);
  }
}
