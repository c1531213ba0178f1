package io.diffuscope.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * File stores whose files other machines may write: links have surprises there, and locks and
 * written data may not be what they are on a disk of one's own. They are known by their types as
 * the operating system names them.
 */
public final class SharedFileStores {
  private static final Set<String> TYPES =
      Set.of(
          "9p",
          "acfs",
          "afpfs",
          "afs",
          "beegfs",
          "beegfs_nodev",
          "ceph",
          "coda",
          "davfs",
          "drvfs",
          "gfs2",
          "glusterfs",
          "gpfs",
          "lustre",
          "ncpfs",
          "ocfs2",
          "orangefs",
          "panfs",
          "prl_fs",
          "pvfs2",
          "v9fs",
          "vboxsf",
          "virtiofs",
          "vmhgfs",
          "webdav",
          "wekafs");

  private static final List<String> PREFIXES = List.of("cifs", "fuse", "nfs", "smb");

  private SharedFileStores() {}

  /** Whether file stores of a type, such as {@code ext4} or {@code nfs4}, are shared. */
  public static boolean isShared(String type) {
    String known = type.toLowerCase(Locale.ROOT);
    return TYPES.contains(known) || PREFIXES.stream().anyMatch(known::startsWith);
  }

  /** The type of the file store that a file is on; null where it is this machine's or not known. */
  public static @Nullable String typeOf(Path file) {
    try {
      String type = Files.getFileStore(file).type();
      return isShared(type) ? type : null;
    } catch (IOException | SecurityException unknown) {
      return null;
    }
  }
}
