package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.WorstSample;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the evidence of runs in a folder, within bounds, and finds it again after a restart. Its
 * methods block; any thread may call them.
 *
 * <pre>{@code
 * EvidenceStore store = EvidenceStore.in(dataDirectory.resolve("evidence"), settings);
 * List<Evidence> all = store.of("run");
 * byte[] png = store.sheet("run", "4000");
 * }</pre>
 *
 * <p>Of a run with too many sheets the first, the newest, that of the best checkpoint by the
 * verdict, and the worst (by the median ratio of its samples) stay; of the others the one goes
 * whose neighbours are closest to each other on a logarithmic axis of steps, so that what stays is
 * spread over the training as it is looked at. Where all runs together are too large, the run with
 * the most bytes gives one up.
 */
public final class EvidenceStore {
  /** Keeps nothing and has nothing. */
  public static final EvidenceStore NONE = new EvidenceStore(null, EvidenceSettings.OFF);

  private static final String RUN_PREFIX = "run-";

  private final @Nullable Path folder;
  private final EvidenceSettings settings;
  private final Map<String, Long> bytes = new HashMap<>();
  private final Map<String, Long> best = new HashMap<>();
  private boolean opened;

  private EvidenceStore(@Nullable Path folder, EvidenceSettings settings) {
    this.folder = folder;
    this.settings = settings;
  }

  /**
   * A store; the folder is made when there is something to keep. One that is off keeps and shows
   * nothing, but what an earlier process left in its folder can be counted and removed.
   */
  public static EvidenceStore in(Path folder, EvidenceSettings settings) {
    return new EvidenceStore(folder, settings);
  }

  private boolean isOff() {
    return folder == null || settings.mode() == EvidenceSettings.Mode.OFF;
  }

  /** What is kept, and so what may be shown. */
  public EvidenceSettings.Mode mode() {
    return settings.mode();
  }

  /**
   * Writes down the evidence of a checkpoint before its result is recorded, so that a crash after
   * the record loses no picture. It is shown once it is {@linkplain #keep kept}.
   *
   * @param worst worst first; where there are none, nothing is kept
   * @throws IOException if it cannot be written
   */
  synchronized void draft(String run, String probe, Checkpoint checkpoint, List<WorstSample> worst)
      throws IOException {
    if (isOff() || worst.isEmpty()) {
      return;
    }
    open();
    EvidenceDraft draft = EvidenceDraft.of(probe, checkpoint, worst);
    byte[] sheet = draft.pictured() ? EvidenceSheet.png(checkpoint.step(), worst) : null;
    files(run).draft(draft, sheet);
  }

  /**
   * Keeps what was drafted of a checkpoint whose result is recorded now; nothing where nothing was.
   *
   * @param bestStep of the run's verdict; null where there is none
   * @return whether there was
   * @throws IOException if it cannot be written; the draft is looked at again by {@link #goOn}
   */
  synchronized boolean keep(RunEvent.EvaluationCompleted event, @Nullable Long bestStep)
      throws IOException {
    if (isOff()) {
      return false;
    }
    open();
    String run = event.run();
    KeptEvidence files = files(run);
    EvidenceDraft draft = files.draft();
    if (draft == null || !isShown(event) || !draft.isOf(event)) {
      return false;
    }
    Evidence evidence = Evidence.of(event, draft);
    long before = files.bytes(evidence.name());
    try {
      files.adopt(evidence);
    } finally {
      bytes.merge(run, files.bytes(evidence.name()) - before, Long::sum);
    }
    if (bestStep != null) {
      best.put(run, bestStep);
    }
    List<Evidence> kept = files.tables();
    while (kept.size() > settings.sheets()) {
      kept.remove(remove(run, kept, evidence.name()));
    }
    makeRoom(evidence);
    return true;
  }

  /** Once: what an earlier process left. */
  private void open() throws IOException {
    if (opened) {
      return;
    }
    Path root = folder;
    if (root != null && Files.isDirectory(root)) {
      try (DirectoryStream<Path> runs = Files.newDirectoryStream(root, RUN_PREFIX + "*")) {
        for (Path run : runs) {
          KeptEvidence files = new KeptEvidence(run);
          files.tidy();
          String id = run.getFileName().toString().substring(RUN_PREFIX.length());
          bytes.put(id, files.bytes());
        }
      }
    }
    opened = true;
  }

  private void makeRoom(Evidence newest) throws IOException {
    while (bytes.values().stream().mapToLong(Long::longValue).sum() > settings.maxBytes()) {
      String largest =
          bytes.entrySet().stream()
              .max(Map.Entry.comparingByValue())
              .map(Map.Entry::getKey)
              .orElseThrow();
      List<Evidence> kept = files(largest).tables();
      String spared = largest.equals(newest.run()) ? newest.name() : null;
      if (kept.isEmpty() || (kept.size() == 1 && spared != null)) {
        // Files that are none of ours fill it, or this one alone: not counted any more.
        bytes.put(largest, 0L);
      } else {
        remove(largest, kept, spared);
      }
    }
  }

  private Evidence remove(String run, List<Evidence> kept, @Nullable String newest)
      throws IOException {
    Evidence least = EvidenceChoice.leastTelling(kept, newest, best.get(run));
    KeptEvidence files = files(run);
    long freed = files.bytes(least.name());
    files.remove(least.name());
    bytes.merge(run, -freed, Long::sum);
    return least;
  }

  /**
   * What is kept of a run, in order of steps, those without a step last; empty where nothing is.
   */
  public synchronized List<Evidence> of(String run) throws IOException {
    if (isOff() || !RunSettings.isId(run)) {
      return List.of();
    }
    List<Evidence> kept = new ArrayList<>(files(run).tables());
    kept.sort(
        Comparator.comparing(Evidence::step, Comparator.nullsLast(Comparator.<Long>naturalOrder()))
            .thenComparing(Evidence::at));
    return kept;
  }

  /**
   * A sheet as PNG.
   *
   * @param name {@link Evidence#name()}
   * @return null where there is none, none that can be shown, or pictures are not to be shown
   */
  public synchronized byte @Nullable [] sheet(String run, String name) {
    boolean shown = settings.mode() == EvidenceSettings.Mode.PICTURES;
    return folder != null && shown && RunSettings.isId(run) && Evidence.isName(name)
        ? files(run).sheet(name)
        : null;
  }

  /**
   * Brings what is kept of a run in line with its records, when it goes on: what was drafted of a
   * recorded result is kept; what no record tells of, such as the evidence of an evaluation whose
   * result was never recorded, is removed; and so is what is damaged: a table that cannot be read
   * goes with its sheet, and of a table whose sheet is damaged or missing the numbers stay. Told
   * once each in the log.
   *
   * @param recorded all results of the run that are recorded, of all its series
   * @param bestStep of the run's verdict; null where there is none
   * @return the results whose evidence was damaged
   * @throws IOException if something cannot be written or removed
   */
  synchronized List<RunEvent.EvaluationCompleted> goOn(
      String run, List<RunEvent.EvaluationCompleted> recorded, @Nullable Long bestStep)
      throws IOException {
    if (folder == null || !RunSettings.isId(run)) {
      return List.of();
    }
    KeptEvidence files = files(run);
    try {
      EvidenceDraft draft = files.draft();
      RunEvent.EvaluationCompleted last =
          draft == null
              ? null
              : recorded.reversed().stream().filter(draft::isOf).findFirst().orElse(null);
      if (last != null) {
        keep(last, bestStep);
      }
      files.removeDraft();
      Set<String> damaged = files.mend();
      for (Evidence evidence : files.tables()) {
        if (recorded.stream().noneMatch(evidence::isOf)) {
          files.remove(evidence.name());
        }
      }
      return damaged.stream().flatMap(name -> resultOf(name, recorded).stream()).toList();
    } finally {
      if (bytes.containsKey(run)) {
        bytes.put(run, files.bytes());
      }
    }
  }

  private static Optional<RunEvent.EvaluationCompleted> resultOf(
      String name, List<RunEvent.EvaluationCompleted> recorded) {
    return recorded.reversed().stream()
        .filter(event -> isShown(event) && Evidence.nameOf(event.checkpoint()).equals(name))
        .findFirst();
  }

  /** Evidence that a later attempt has replaced must not replace it again. */
  private static boolean isShown(RunEvent.EvaluationCompleted event) {
    return event.sampled() && event.standing() != RunEvent.Standing.SUPERSEDED;
  }

  /**
   * Removes all that is kept of a run; files of others in its folder stay.
   *
   * @throws IOException naming what cannot be removed; it can be tried again
   */
  public synchronized void forget(String run) throws IOException {
    if (folder == null || !RunSettings.isId(run)) {
      return;
    }
    files(run).removeAll();
    bytes.remove(run);
    best.remove(run);
  }

  /**
   * Bytes that a run's evidence takes; 0 where nothing is kept.
   *
   * @throws IOException if its folder cannot be read
   */
  public synchronized long bytes(String run) throws IOException {
    return folder == null || !RunSettings.isId(run) ? 0 : files(run).bytes();
  }

  /** A prefix, because an id may be "..". */
  private KeptEvidence files(String run) {
    if (folder == null) {
      throw new IllegalStateException("nothing is kept");
    }
    return new KeptEvidence(folder.resolve(RUN_PREFIX + run));
  }
}
