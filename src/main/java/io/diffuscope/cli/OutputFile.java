package io.diffuscope.cli;

import io.diffuscope.tensorfile.AtomicFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;

/** A file that a command makes of records: it is there whole, or not at all. */
final class OutputFile {
  /** Writes what is in the file; need not close the stream. */
  @FunctionalInterface
  interface Body {
    void writeTo(OutputStream out) throws IOException;
  }

  private OutputFile() {}

  /**
   * Creates or replaces a file.
   *
   * @param complaint a sentence about the file and the cause, in this order
   * @throws CannotServeException if it cannot be written
   * @throws IOException if the records cannot be read
   */
  static void write(Path file, Body body, String complaint) throws IOException {
    try {
      AtomicFile.write(
          file,
          channel -> {
            OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel));
            body.writeTo(out);
            out.flush();
          });
    } catch (IOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (cause instanceof IOException io && Records.failed(io)) {
        throw io;
      }
      throw new CannotServeException(complaint.formatted(file, cause), cause);
    }
  }
}
