package io.diffuscope.checkpoint;

import io.diffuscope.checkpoint.Folder.Lister;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a listing of a watched directory would tell of one path in it, without that listing: its
 * layout is shown nothing but the entry that leads to the path, and, where there is one, the
 * checkpoint that the directory reported last, by which it tells what steps count and whether
 * averaged weights are read. A checkpoint that is a folder is listed itself.
 *
 * <p>Layouts that write several copies of a step as files beside each other (edm2,
 * guided-diffusion, lucidrains' files that are written over) need the names beside the path; only
 * the copies of its own step are looked at then.
 */
final class AnnouncedEntry {
  private final DirectorySettings settings;
  private final Lister lister;
  private volatile @Nullable Path reportedLast;

  AnnouncedEntry(DirectorySettings settings, Lister lister) {
    this.settings = settings;
    this.lister = lister;
  }

  /** The directory has reported this one by itself. */
  void reported(Checkpoint checkpoint) {
    reportedLast = checkpoint.file();
  }

  /** The candidates that a path may belong to; none where it lies elsewhere. */
  List<Candidate> candidates(Path path) throws IOException {
    Path directory = settings.directory();
    if (!path.startsWith(directory)) {
      return List.of();
    }
    Folder shown =
        path.equals(directory)
            ? Folder.list(directory, lister)
            : shown(directory, directory.relativize(path), 0);
    return new DirectoryListing(settings).of(shown).candidates();
  }

  /** The folder that many names below the directory, with what leads on to the path. */
  private Folder shown(Path folder, Path inside, int level) throws IOException {
    String name = inside.getName(level).toString();
    if (isACheckpoint(folder, name)) {
      return Folder.list(folder, lister);
    }
    Set<String> names = new TreeSet<>(Set.of(name));
    Path last = reportedLast;
    if (last != null && folder.equals(last.getParent())) {
      names.add(CheckpointFiles.fileName(last));
    }
    if (Layouts.hasCopies(name)) {
      lister.names(folder).stream()
          .filter(other -> Layouts.areCopies(name, other))
          .forEach(names::add);
    }
    Folder shown = Folder.only(folder, names, lister);
    if (level + 1 < Math.min(depth(inside), inside.getNameCount())) {
      shown.put(shown(folder.resolve(name), inside, level + 1));
    }
    return shown;
  }

  /** One that is written over in place. */
  private boolean isACheckpoint(Path folder, String entry) {
    return folder.equals(reportedLast)
        || Layouts.isPlaceInACheckpoint(entry)
        || (settings.layout().fixed() instanceof FolderLayout layout && layout.child() == null);
  }

  /** How many folders from the directory on hold more than one checkpoint. */
  private int depth(Path inside) {
    if (settings.layout().fixed() instanceof PatternLayout pattern) {
      return pattern.depth();
    }
    return inside.getName(0).toString().equals(Layouts.SUBFOLDER) ? 2 : 1;
  }
}
