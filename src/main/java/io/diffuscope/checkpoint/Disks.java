package io.diffuscope.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What holds ask of the operating system's file stores; tests answer in their place. */
interface Disks {
  /** This machine's. */
  Disks REAL =
      new Disks() {
        @Override
        public String type(Path file) throws IOException {
          return Files.getFileStore(file).type();
        }

        @Override
        public long freeBytes(Path folder) throws IOException {
          return Files.getFileStore(folder).getUsableSpace();
        }

        @Override
        public void link(Path link, Path existing) throws IOException {
          Files.createLink(link, existing);
        }
      };

  /** The type of the file store that a file is on, such as {@code ext4} or {@code nfs4}. */
  String type(Path file) throws IOException;

  /** Bytes that this user may still write to the file store of a folder. */
  long freeBytes(Path folder) throws IOException;

  /**
   * A second name for a file.
   *
   * @param existing no symbolic link, which would get the second name itself
   * @throws UnsupportedOperationException where the file system has no links
   */
  void link(Path link, Path existing) throws IOException;
}
