package io.diffuscope.tensorfile;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes NumPy's {@code .npz} archives of float64 arrays, atomically. */
public final class NpzWriter {
  /** The oldest time that a zip entry can hold, so that equal arrays make equal files. */
  private static final LocalDateTime ENTRY_TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  private NpzWriter() {}

  /**
   * Creates or replaces {@code target}.
   *
   * @param arrays by name, without the suffix {@code .npy}
   */
  public static void write(Path target, Map<String, DoubleArray> arrays) throws IOException {
    AtomicFile.write(
        target,
        channel -> {
          ZipOutputStream zip = new ZipOutputStream(Channels.newOutputStream(channel));
          ElementOutput output = new ElementOutput(Channels.newChannel(zip));
          for (Map.Entry<String, DoubleArray> array : arrays.entrySet()) {
            ZipEntry entry = new ZipEntry(array.getKey() + NpzFile.MEMBER_SUFFIX);
            entry.setTimeLocal(ENTRY_TIME);
            zip.putNextEntry(entry);
            NpyWriter.writeArray(output, array.getValue());
            zip.closeEntry();
          }
          // The channel stays open: AtomicFile has still to force it to the disk.
          zip.finish();
        });
  }
}
