package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A trainer may truncate, replace or delete a file while it is read. */
class ChangingFilesTest {
  private static final int COUNT = 1 << 20;

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void writeFile() throws IOException {
    file = folder.resolve("a.safetensors");
    SafetensorsWriter.write(
        file, Map.of("a", new FloatArray(TensorShape.of(COUNT), new float[COUNT])), Map.of());
  }

  @Test
  void truncatedWhileItIsRead() throws IOException {
    try (SafetensorsFile open = SafetensorsFile.open(file)) {
      open.readFloats("a", 0, FloatBuffer.allocate(COUNT / 2));
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(COUNT * 3L);
      }
      fails(
          () -> open.readFloats("a", COUNT / 2, FloatBuffer.allocate(COUNT / 2)),
          Reason.CHANGED,
          "became shorter");
      fails(open::verifyUnchanged, Reason.CHANGED, "size went from");
    }
  }

  @Test
  void replacedWhileItIsRead() throws IOException {
    FileTime modified = Files.getLastModifiedTime(file);
    try (SafetensorsFile open = SafetensorsFile.open(file)) {
      open.verifyUnchanged();
      writeFile();
      // Only the inode tells.
      Files.setLastModifiedTime(file, modified);
      open.readFloats("a", 0, FloatBuffer.allocate(COUNT));
      fails(open::verifyUnchanged, Reason.CHANGED, "replaced");
    }
  }

  @Test
  void writtenOverWhileItIsRead() throws IOException {
    try (SafetensorsFile open = SafetensorsFile.open(file)) {
      Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
      fails(open::verifyUnchanged, Reason.CHANGED, "modified");
    }
  }

  @Test
  void deletedWhileItIsRead() throws IOException {
    try (SafetensorsFile open = SafetensorsFile.open(file)) {
      Files.delete(file);
      fails(open::verifyUnchanged, Reason.VANISHED, "no such file");
    }
  }

  @Test
  void arraysSeeTheSame() throws IOException {
    Path npy = folder.resolve("a.npy");
    NpyWriter.write(npy, TensorShape.of(COUNT, 1), new float[COUNT]);
    try (ArrayFile open = ArrayFile.open(npy.toString())) {
      try (FileChannel channel = FileChannel.open(npy, StandardOpenOption.WRITE)) {
        channel.truncate(1000);
      }
      fails(
          () -> open.readRows(0, COUNT, FloatBuffer.allocate(COUNT)),
          Reason.CHANGED,
          "became shorter");
    }
  }

  @Test
  void torchFilesSeeTheSame() throws IOException {
    for (String name : new String[] {"dit.pt", "legacy.pt", "network-snapshot-000100.pkl"}) {
      Path copy = folder.resolve(name);
      Files.copy(TorchFixtures.path("torch-2.13", name), copy);
      try (TensorSource open = WeightFiles.open(copy)) {
        open.verifyUnchanged();
        TensorInfo last = open.tensors().values().iterator().next();
        try (FileChannel channel = FileChannel.open(copy, StandardOpenOption.WRITE)) {
          channel.truncate(64);
        }
        fails(
            () -> open.readFloats(last.name(), 0, FloatBuffer.allocate(1)),
            Reason.CHANGED,
            "became shorter");
        fails(open::verifyUnchanged, Reason.CHANGED, "size went from");
        Files.delete(copy);
        fails(open::verifyUnchanged, Reason.VANISHED, "no such file");
      }
    }
  }

  @Test
  void aFileThatMayNotBeReadIsUnreadable() throws IOException {
    assertThat(FileFailures.describe("a", new AccessDeniedException("a")))
        .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNREADABLE))
        .hasMessageContainingAll("permission denied", "chmod");
    for (String name : new String[] {"locked.safetensors", "locked.npz", "locked.npy"}) {
      Path locked = Files.copy(file, folder.resolve(name));
      Files.setPosixFilePermissions(locked, PosixFilePermissions.fromString("---------"));
      // The superuser may read everything; then the content decides.
      Reason expected = Files.isReadable(locked) ? Reason.MALFORMED : Reason.UNREADABLE;
      if (Files.isReadable(locked) && name.endsWith(".safetensors")) {
        ArrayFile.open(locked.toString()).close();
      } else {
        fails(() -> ArrayFile.open(locked.toString()), expected, name);
      }
    }
  }

  private static void fails(ThrowingCallable call, Reason reason, String words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(call)
        .withMessageContaining(words)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
  }
}
