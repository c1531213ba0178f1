package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever bytes a file holds, reading it ends in values or in a BadInputException. */
class HostileFilesTest {
  private static final int CENTRAL_DIRECTORY_ENTRY = 0x02014b50;

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "types.safetensors,1700,1500",
    "one.safetensors,70,2000",
    "c-f4.npy,128,2000",
    "fortran-f8.npy,128,1000",
    "version-2.npy,128,1000",
    "stored.npz,796,800",
    "deflated.npz,280,800"
  })
  void mutatedFilesAreReadOrRefused(String fixture, int prefix, int trials) throws IOException {
    byte[] valid = Files.readAllBytes(Fixtures.path(fixture));
    SplittableRandom random = new SplittableRandom(20_261_122);
    Map<Reason, Integer> refused = new EnumMap<>(Reason.class);
    int read = 0;
    for (int trial = 0; trial < trials; trial++) {
      byte[] bytes = Mutations.of(valid, 0, Math.min(prefix, valid.length), random);
      // A new file each time, as the runtime caches the directory of a zip file by its identity.
      Path file = Files.write(folder.resolve(trial + "-" + fixture), bytes);
      try {
        readAll(file);
        read++;
      } catch (BadInputException expected) {
        assertThat(expected.getMessage()).startsWith(file.toString()).doesNotContain("\n");
        refused.merge(expected.reason(), 1, Integer::sum);
      } catch (Throwable other) {
        throw new AssertionError("trial " + trial + " of " + fixture, other);
      }
      Files.delete(file);
    }
    // The loop would show nothing if all mutations were harmless, or all were stopped at one gate.
    assertThat(refused.values().stream().mapToInt(n -> n).sum()).isGreaterThan(trials / 4);
    assertThat(refused).hasSizeGreaterThan(1);
    assertThat(read).isGreaterThan(0);
  }

  @ParameterizedTest
  @CsvSource({"c-f4.npy", "version-2.npy", "stored.npz", "deflated.npz"})
  void cutFilesAreRefused(String fixture) throws IOException {
    byte[] valid = Files.readAllBytes(Fixtures.path(fixture));
    for (int length = 0; length < valid.length; length++) {
      Path file = Files.write(folder.resolve(length + "-" + fixture), Arrays.copyOf(valid, length));
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> readAll(file))
          .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.TRUNCATED));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "'<f4'; False; (4611686018427387904, 4)",
        "'<f4'; True; (0, 4611686018427387904, 8)",
        "'<f4'; False; (99999999999999999999,)",
        "'<f4'; False; (-1,)",
        "'<f4'; False; (2",
        "'<f4'; False; 2",
        "'<f4'; None; (2,)",
        "'<f4'; False; (2,), 'more': 1",
        "'<f4'; False; (2,), 'shape': (2,)",
        "'<f4'; False; (__import__('os').getpid(),)",
        "[[[[[[; False; (2,)",
        "'<f4; False; (2,)",
      })
  void npyHeadersThatLieAreMalformed(String descr, String order, String shape) throws IOException {
    String text = "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape;
    assertNpyReason(text + "}\n", Reason.MALFORMED);
  }

  @Test
  void npyHeadersMayBeSpacedAndOrderedFreely() throws IOException {
    try (ArrayFile file =
        ArrayFile.open(
            npy("{ \"shape\" :(2L ,) ,'fortran_order':True,'descr':'=f4' }   ").toString())) {
      assertThat(file.shape()).isEqualTo(TensorShape.of(2));
    }
  }

  @Test
  void npyDataMustBeWhole() throws IOException {
    String start = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    assertNpyReason(start + "3,)}", Reason.TRUNCATED);
    assertNpyReason(start + "4611686018427387,)}", Reason.TRUNCATED);
    assertNpyReason(start + "1,)}", Reason.MALFORMED);
  }

  @Test
  void archivesThatLieAboutTheirMembersAreMalformed() throws IOException {
    // Offsets into an entry of the central directory (APPNOTE 4.3.12): checksum, unpacked size.
    int checksum = 16;
    int size = 24;
    int honest = 224;
    assertArchive(size, honest, "");
    assertArchive(size, honest - 1, "its length is not the declared 223 bytes");
    assertArchive(size, honest + 1, "its length is not the declared 225 bytes");
    assertArchive(size, 0x7FFFFFFF, "cannot unpack to the declared 2147483647 bytes");
    assertArchive(size, -2, "cannot unpack to the declared 4294967294 bytes");
    assertArchive(checksum, 0x12345678, "its checksum is wrong");
  }

  /** Changes one field of the only member's entry and expects these words, or none for success. */
  private void assertArchive(int field, int value, String words) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.wrap(Files.readAllBytes(Fixtures.path("deflated.npz")))
            .order(ByteOrder.LITTLE_ENDIAN);
    int entry = 0;
    while (bytes.getInt(entry) != CENTRAL_DIRECTORY_ENTRY) {
      entry++;
    }
    bytes.putInt(entry + field, value);
    Path file = Files.write(folder.resolve(field + "-" + value + ".npz"), bytes.array());
    if (words.isEmpty()) {
      readAll(file);
    } else {
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> readAll(file))
          .withMessageContaining(words)
          .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.MALFORMED));
    }
  }

  private void assertNpyReason(String text, Reason reason) throws IOException {
    String file = npy(text).toString();
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> ArrayFile.open(file))
        .satisfies(e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }

  /** Two float32 values behind a header of this text. */
  private Path npy(String text) throws IOException {
    byte[] bytes = new byte[10 + text.length() + 8];
    byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    System.arraycopy(magic, 0, bytes, 0, magic.length);
    bytes[8] = (byte) text.length();
    System.arraycopy(text.getBytes(StandardCharsets.ISO_8859_1), 0, bytes, 10, text.length());
    return Files.write(folder.resolve("hand-made.npy"), bytes);
  }

  private static void readAll(Path path) throws BadInputException {
    if (path.toString().endsWith(".safetensors")) {
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        for (TensorInfo tensor : file.tensors().values()) {
          // The header was checked against the file, so no shape is larger than its few bytes.
          FloatBuffer values = FloatBuffer.allocate(Math.toIntExact(tensor.shape().elements()));
          file.readFloats(tensor.name(), 0, values);
        }
        file.verifyUnchanged();
      }
    } else if (path.toString().endsWith(".npz")) {
      try (NpzFile archive = NpzFile.open(path)) {
        for (String name : archive.names()) {
          try (ArrayFile array = archive.array(name)) {
            readAll(array);
          }
        }
      }
    } else {
      try (ArrayFile array = ArrayFile.open(path.toString())) {
        readAll(array);
      }
    }
  }

  private static void readAll(ArrayFile array) throws BadInputException {
    array.readDoubles();
    if (array.shape().rank() > 0 && array.shape().elements() > 0) {
      array.readRows(
          0,
          Math.toIntExact(array.shape().dimension(0)),
          FloatBuffer.allocate(Math.toIntExact(array.shape().elements())));
    }
    array.verifyUnchanged();
  }
}
