package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.sun.management.ThreadMXBean;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a file of weights holds, reading it ends in values or in a BadInputException. */
class HostileWeightsTest {
  /** Far more than any valid fixture takes, far less than a file of any kind could claim. */
  private static final long MOST_MEMORY = 64L << 20;

  @TempDir private Path folder;

  /** Regions as parts of the file's length, in percent: where the pickle or the directory is. */
  @ParameterizedTest
  @CsvSource({
    "torch-2.13/views-2.pt,0,45,2000",
    "torch-2.13/views-5.pt,0,45,1500",
    "torch-2.13/views-2.pt,70,100,1500",
    "torch-1.13/views-zip64.pt,70,100,1500",
    "torch-1.13/dit.pt,60,100,800",
    "torch-2.13/lightning.ckpt,0,100,800",
    "torch-1.13/legacy.pt,0,60,1500",
    "torch-2.13/legacy-4.pt,0,60,800",
    "torch-2.13/network-snapshot-000100.pkl,0,100,2000",
    "torch-1.13/network-snapshot-0000100-0.050.pkl,0,100,800",
    "torch-1.13/traced.pt,0,100,1200",
  })
  void mutatedFiles(String fixture, int from, int to, int trials) throws IOException {
    byte[] valid = Files.readAllBytes(Fixtures.path(fixture));
    Path file = folder.resolve("weights");
    Tally tally = new Tally();
    SplittableRandom random = new SplittableRandom(20_261_122);
    for (int trial = 0; trial < trials; trial++) {
      Files.write(
          file, Mutations.of(valid, valid.length * from / 100, valid.length * to / 100, random));
      tally.read(file, fixture + ", trial " + trial);
    }
    tally.assertTelling(trials);
  }

  /** One file of a directory is damaged, the others are whole. */
  @ParameterizedTest
  @CsvSource({
    "dcp-1,.metadata,1000",
    "dcp-2,.metadata,2000",
    "dcp-2,__1_0.distcp,1000",
    "unet,diffusion_pytorch_model.safetensors.index.json,2000",
    "unet,diffusion_pytorch_model-00001-of-00002.safetensors,1000",
    "unet-bin,diffusion_pytorch_model-00002-of-00002.bin,800",
  })
  void mutatedDirectories(String fixture, String member, int trials) throws IOException {
    try (Stream<Path> files = Files.list(TorchFixtures.path("torch-2.13", fixture))) {
      for (Path source : files.toList()) {
        String name = String.valueOf(source.getFileName());
        Files.copy(source, folder.resolve(name.equals("metadata") ? ".metadata" : name));
      }
    }
    byte[] valid = Files.readAllBytes(folder.resolve(member));
    Tally tally = new Tally();
    SplittableRandom random = new SplittableRandom(20_261_123);
    for (int trial = 0; trial < trials; trial++) {
      Files.write(folder.resolve(member), Mutations.of(valid, 0, valid.length, random));
      tally.read(folder, fixture + "/" + member + ", trial " + trial);
    }
    tally.assertTelling(trials);
  }

  /** What became of the trials. */
  private static final class Tally {
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final Map<Reason, Integer> refused = new EnumMap<>(Reason.class);
    private int read;

    void read(Path path, String what) {
      long before = threads.getCurrentThreadAllocatedBytes();
      try {
        readAll(path);
        read++;
      } catch (BadInputException expected) {
        assertThat(expected.getMessage()).as(what).doesNotContain("\n");
        refused.merge(expected.reason(), 1, Integer::sum);
      } catch (Throwable other) {
        throw new AssertionError(what, other);
      }
      assertThat(threads.getCurrentThreadAllocatedBytes() - before)
          .as(what)
          .isLessThan(MOST_MEMORY);
    }

    /** Nothing would be shown if all damage were harmless, or all stopped at one gate. */
    void assertTelling(int trials) {
      assertThat(refused.values().stream().mapToInt(n -> n).sum()).isGreaterThan(trials / 8);
      assertThat(refused).hasSizeGreaterThan(1);
      assertThat(read).isGreaterThan(0);
    }
  }

  private static void readAll(Path path) throws BadInputException {
    try (TensorSource source = WeightFiles.open(path)) {
      for (TensorInfo tensor : source.tensors().values()) {
        if (tensor.type().isReadable()) {
          long elements = tensor.shape().elements();
          int count = (int) Math.min(elements, 2000);
          source.readFloats(tensor.name(), 0, FloatBuffer.allocate(count));
          source.readFloats(tensor.name(), elements - count, FloatBuffer.allocate(count));
        }
      }
      source.verifyUnchanged();
    }
    WeightFiles.filesOf(path);
  }

  @ParameterizedTest
  @CsvSource({
    "torch-2.13/views-2.pt,23",
    "torch-1.13/views-zip64.pt,23",
    "torch-1.13/legacy.pt,5",
    "torch-2.13/legacy-4.pt,23",
    "torch-2.13/network-snapshot-000100.pkl,13",
    "torch-1.13/traced.pt,23",
    "torch-2.13/unet/diffusion_pytorch_model.safetensors.index.json,1",
    "torch-2.13/unet/diffusion_pytorch_model-00001-of-00002.safetensors,1",
  })
  void cutFilesAreTruncated(String fixture, int step) throws IOException {
    byte[] valid = Files.readAllBytes(Fixtures.path(fixture));
    // The last character of the index is a line feed, which may be missing.
    int whole = fixture.endsWith(".json") ? valid.length - 1 : valid.length;
    Path file = folder.resolve("weights");
    for (int length = 0; length < whole; length += step) {
      Files.write(file, Arrays.copyOf(valid, length));
      assertThatExceptionOfType(BadInputException.class)
          .as("%s cut to %d bytes", fixture, length)
          .isThrownBy(() -> readAll(file))
          .satisfies(e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(Reason.TRUNCATED));
    }
  }

  @Test
  void cutDistributedMetadataIsTruncated() throws IOException {
    byte[] valid =
        Files.readAllBytes(TorchFixtures.path("torch-2.13", "dcp-2").resolve("metadata"));
    for (int length = 0; length < valid.length; length++) {
      Files.write(folder.resolve(".metadata"), Arrays.copyOf(valid, length));
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> readAll(folder))
          .satisfies(e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(Reason.TRUNCATED));
    }
  }

  /** Sizes, strides and numbers of elements that a storage of four floats does not have. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "4; 0; 2, 2; 2, 1; ''",
        "4; 0; 5; 1; is not within its 16 bytes",
        "4; 4; 1; 1; is not within its 16 bytes",
        "4; 3; 2; 1; is not within its 16 bytes",
        "4; 0; 2, 2; 3, 1; is not within its 16 bytes",
        "4; 0; 4611686018427387904; 1; is not within its 16 bytes",
        "4; 0; 4294967296, 4294967296; 0, 0; is not within its 16 bytes",
        "4; 0; 2, 2; 4611686018427387904, 4611686018427387904; is not within",
        "4; 0; 2, 2, 2; 9223372036854775807, 9223372036854775807, 2; is not within",
        "4; 9223372036854775807; 2; 1; is not within",
        "4; -1; 1; 1; is not within",
        "4; 0; -1; 1; no list of sizes",
        "4; 0; 2; -1; no list of sizes",
        "4; 0; 2, 2; 1; no list of sizes",
        "5; 0; 1; 1; too few for 5 elements",
        "1099511627776; 0; 1; 1; too few for 1099511627776 elements",
        "-1; 0; 1; 1; too few for -1 elements",
        "9223372036854775807; 0; 1; 1; too few for",
      })
  void claimsOfArchives(String elements, String offset, String sizes, String strides, String words)
      throws IOException {
    Path file = archive(elements, offset, sizes, strides);
    if (words.isEmpty()) {
      readAll(file);
      return;
    }
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> readAll(file))
        .withMessageContaining(words)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.MALFORMED));
  }

  private Path archive(String elements, String offset, String sizes, String strides)
      throws IOException {
    String pickle =
        "(dS'a'\nctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\n"
            + ("S'cpu'\nL" + elements + "L\ntQL" + offset + "L\n(")
            + longs(sizes)
            + "t("
            + longs(strides)
            + "tI00\nccollections\nOrderedDict\n)RtRs.";
    Path file = folder.resolve("claims.pt");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
      member(out, "a/data.pkl", pickle.getBytes(StandardCharsets.US_ASCII));
      member(out, "a/data/0", new byte[16]);
    }
    return file;
  }

  private static String longs(String numbers) {
    return "L" + numbers.replace(", ", "L\nL") + "L\n";
  }

  private static void member(ZipOutputStream out, String name, byte[] content) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    CRC32 checksum = new CRC32();
    checksum.update(content);
    entry.setCrc(checksum.getValue());
    out.putNextEntry(entry);
    out.write(content);
  }

  @Test
  void membersThatAreNotThere() throws IOException {
    Path file = archive("4", "0", "1", "1");
    byte[] valid = Files.readAllBytes(file);
    String text = new String(valid, StandardCharsets.ISO_8859_1);
    Files.writeString(file, text.replace("a/data/0", "a/data/1"), StandardCharsets.ISO_8859_1);
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> readAll(file))
        .withMessageContaining("has no member 'a/data/0'");
    Files.writeString(file, text.replace("a/data.pkl", "a/data.pk2"), StandardCharsets.ISO_8859_1);
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> readAll(file))
        .withMessageContaining("without a data.pkl");
    Files.writeString(file, text.replace("a/data/0", "a/data.pk"), StandardCharsets.ISO_8859_1);
    assertThatExceptionOfType(BadInputException.class).isThrownBy(() -> readAll(file));
  }
}
