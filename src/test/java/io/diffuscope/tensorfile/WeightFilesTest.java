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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every format but the archives of torch.save, which have a test of their own. */
class WeightFilesTest {
  private static final String SHARD = "diffusion_pytorch_model-00001-of-00002.safetensors";
  private static final String INDEX = "diffusion_pytorch_model.safetensors.index.json";

  @TempDir private Path folder;

  private void assertRefused(Path path, Reason reason, String... words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> WeightFiles.open(path).close())
        .withMessageContainingAll(words)
        .satisfies(
            e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason),
            e -> assertThat(e.getMessage()).doesNotContain("\n"));
  }

  private Path copy(Path directory) throws IOException {
    Path target = Files.createDirectories(folder.resolve(String.valueOf(directory.getFileName())));
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        String name = String.valueOf(file.getFileName());
        // Builds leave out files of the name that this one has in checkpoints.
        Files.copy(file, target.resolve(name.equals("metadata") ? ".metadata" : name));
      }
    }
    return target;
  }

  private Path unet() throws IOException {
    return copy(TorchFixtures.path("torch-2.13", "unet"));
  }

  @ParameterizedTest
  @CsvSource({
    "torch-1.13,legacy.pt,legacy.npz",
    "torch-2.13,legacy.pt,legacy.npz",
    "torch-1.13,legacy-4.pt,legacy.npz",
    "torch-2.13,legacy-4.pt,legacy.npz",
    "torch-1.13,network-snapshot-000100.pkl,network-snapshot-000100.npz",
    "torch-2.13,network-snapshot-000100.pkl,network-snapshot-000100.npz",
    "torch-1.13,network-snapshot-0000100-0.050.pkl,network-snapshot-0000100-0.050.npz",
    "torch-2.13,network-snapshot-0000100-0.050.pkl,network-snapshot-0000100-0.050.npz",
    "torch-1.13,traced.pt,scripted.npz",
    "torch-2.13,traced.pt,scripted.npz",
    "torch-1.13,scripted.pt,scripted.npz",
    "torch-2.13,scripted.pt,scripted.npz",
    "torch-1.13,unet-bin,unet.npz",
    "torch-2.13,unet-bin,unet.npz",
    "torch-1.13,unet-bin/diffusion_pytorch_model.bin.index.json,unet.npz",
    "torch-2.13,unet,unet.npz",
    "torch-2.13,unet/diffusion_pytorch_model.safetensors.index.json,unet.npz",
  })
  void valuesAreThoseThatPythonWrote(String release, String weights, String expected)
      throws IOException {
    TorchFixtures.assertValues(
        TorchFixtures.path(release, weights), TorchFixtures.path(release, expected));
  }

  @ParameterizedTest
  @CsvSource({"dcp-1", "dcp-2"})
  void distributedCheckpoints(String name) throws IOException {
    Path directory = copy(TorchFixtures.path("torch-2.13", name));
    try (TensorSource source = WeightFiles.open(directory)) {
      TorchFixtures.assertListed(source, TorchFixtures.path("torch-2.13", name + ".npz"));
      assertThat(source.objects()).containsEntry("step", "bytes");
      source.verifyUnchanged();
    }
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(WeightFiles.filesOf(directory))
          .containsExactlyInAnyOrderElementsOf(files.toList());
    }
  }

  @Test
  void anOptimizerIsListedAndNeverRead() throws IOException {
    Path directory = copy(TorchFixtures.path("torch-2.13", "dcp-1"));
    Path file = directory.resolve("__0_0.distcp");
    DistributedMetadata metadata;
    try (ByteSource source = FileBytes.open(directory.resolve(".metadata"))) {
      metadata = DistributedMetadata.read(source);
    }
    byte[] bytes = Files.readAllBytes(file);
    for (Map.Entry<String, DistributedMetadata.Tensor> tensor : metadata.tensors().entrySet()) {
      if (tensor.getKey().startsWith("optimizer.")) {
        DistributedMetadata.Place place = tensor.getValue().chunks().get(0).place();
        for (int i = 0; i < place.length(); i++) {
          bytes[(int) place.offset() + i] = 0x55;
        }
      }
    }
    Files.write(file, bytes);
    try (TensorSource source = WeightFiles.open(directory)) {
      TorchFixtures.assertListed(source, TorchFixtures.path("torch-2.13", "dcp-1.npz"));
      String moment =
          source.tensors().keySet().stream()
              .filter(name -> name.startsWith("optimizer.") && name.endsWith("exp_avg"))
              .findFirst()
              .orElseThrow();
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> source.readFloats(moment, 0, FloatBuffer.allocate(1)));
    }
  }

  @Test
  void distributedCheckpointsMustBeWhole() throws IOException {
    Path directory = copy(TorchFixtures.path("torch-2.13", "dcp-2"));
    Path second = directory.resolve("__1_0.distcp");
    byte[] bytes = Files.readAllBytes(second);
    Files.write(second, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    assertRefused(directory, Reason.TRUNCATED, "__1_0.distcp", "too few");
    Files.delete(second);
    assertRefused(directory, Reason.TRUNCATED, "lacks the file '__1_0.distcp'");
    Files.delete(directory.resolve(".metadata"));
    assertRefused(directory, Reason.EMPTY, "without weights");
    assertRefused(
        copy(TorchFixtures.path("torch-2.13", "dcp-attack")),
        Reason.UNSUPPORTED,
        "posix.system",
        "do not load it in Python either");
  }

  @Test
  void filesOfADistributedCheckpointLieInItsDirectory() throws IOException {
    Path directory = copy(TorchFixtures.path("torch-2.13", "dcp-1"));
    Path index = directory.resolve(".metadata");
    String valid = Files.readString(index, StandardCharsets.ISO_8859_1);
    for (String name : new String[] {"/etc/shadow0", "../_0.distcp", "a\\_0_.distcp"}) {
      String changed = valid.replace("__0_0.distcp", (name + "            ").substring(0, 12));
      Files.writeString(index, changed, StandardCharsets.ISO_8859_1);
      assertRefused(directory, Reason.MALFORMED, "is not the name of a file in the same folder");
    }
  }

  @Test
  void aStreamWithinAStreamIsLookedAt() {
    for (String release : TorchFixtures.RELEASES) {
      assertRefused(
          TorchFixtures.path(release, "attack-nested.pkl"), Reason.UNSUPPORTED, "posix.system");
    }
  }

  @Test
  void theFilesOfShards() throws IOException {
    Path unet = unet();
    List<Path> expected = new ArrayList<>();
    for (String name : new String[] {INDEX, SHARD, SHARD.replace("00001-", "00002-")}) {
      expected.add(unet.resolve(name));
    }
    assertThat(WeightFiles.filesOf(unet)).isEqualTo(expected);
    assertThat(WeightFiles.filesOf(unet.resolve(INDEX))).isEqualTo(expected);
    assertThat(WeightFiles.filesOf(unet.resolve(SHARD))).containsExactly(unet.resolve(SHARD));
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> WeightFiles.filesOf(folder.resolve("absent")))
        .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.VANISHED));
  }

  @Test
  void indexAndShardsMustAgree() throws IOException {
    Path unet = unet();
    Path index = unet.resolve(INDEX);
    String valid = Files.readString(index);
    Files.writeString(index, valid.replace("blocks.0.weight", "blocks.9.weight"));
    assertRefused(unet, Reason.MALFORMED, "does not agree with '" + SHARD, "lacks 'blocks.9");
    Files.writeString(index, valid.replaceAll("\"blocks.0.weight\": \"[^\"]*\",", ""));
    assertRefused(unet, Reason.MALFORMED, "does not agree with '" + SHARD, "also has 'blocks.0");
    Files.writeString(index, valid);
    Files.delete(unet.resolve(SHARD));
    assertRefused(unet, Reason.TRUNCATED, "lists the file '" + SHARD, "not there");
  }

  @Test
  void everyFileOfShardsIsWatched() throws IOException {
    for (String name : new String[] {INDEX, SHARD}) {
      Path unet = unet();
      try (TensorSource source = WeightFiles.open(unet)) {
        source.verifyUnchanged();
        Files.delete(unet.resolve(name));
        assertThatExceptionOfType(BadInputException.class)
            .isThrownBy(source::verifyUnchanged)
            .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.VANISHED));
        Files.writeString(unet.resolve(name), "{}");
        assertThatExceptionOfType(BadInputException.class)
            .isThrownBy(source::verifyUnchanged)
            .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.CHANGED));
      }
      try (Stream<Path> files = Files.list(unet)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "../secret.safetensors",
    "/etc/passwd",
    "a/b.safetensors",
    "..",
    "C:b.safetensors",
    "''"
  })
  void anIndexDoesNotReachOtherFolders(String shard) throws IOException {
    Path index =
        Files.writeString(
            folder.resolve("model.safetensors.index.json"),
            "{\"weight_map\": {\"a\": \"" + shard + "\"}}");
    assertRefused(index, Reason.MALFORMED, "is not the name of a file in the same folder");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{\"weight_map\": {\"a\": \"b\"; TRUNCATED; ends within its JSON",
        "{\"weight_map\": {\"a\": \"b\"}} 1; MALFORMED; follows",
        "{\"weight_map\": {\"a\": 1}}; MALFORMED; not as it must be",
        "{\"weight_map\": {\"a\": \"b\", \"a\": \"b\"}}; MALFORMED; not valid",
        "{\"weight_map\": [\"b\"]}; MALFORMED; not as it must be",
        "{\"weight_map\": {}}; EMPTY; no tensors",
        "{\"metadata\": {}}; MALFORMED; no weight_map",
      })
  void whatIsNoIndex(String json, Reason reason, String words) throws IOException {
    assertRefused(Files.writeString(folder.resolve("a.index.json"), json), reason, words);
  }

  @Test
  void aDirectoryWithOneFileOfWeights() throws IOException {
    Path file = folder.resolve("diffusion_pytorch_model.safetensors");
    SafetensorsWriter.write(
        file, Map.of("a", new FloatArray(TensorShape.of(1), new float[1])), Map.of());
    Files.writeString(folder.resolve("config.json"), "{}");
    Files.writeString(folder.resolve("optimizer.bin"), "x");
    Files.writeString(folder.resolve("diffusion_pytorch_model.bin"), "older");
    Files.writeString(folder.resolve(".hidden.safetensors"), "x");
    try (TensorSource source = WeightFiles.open(folder)) {
      assertThat(source.path()).isEqualTo(file);
      assertThat(source.tensors()).containsOnlyKeys("a");
    }
    assertThat(WeightFiles.filesOf(folder)).containsExactly(file);
    Files.copy(file, folder.resolve("ema.safetensors"));
    assertRefused(folder, Reason.MISMATCH, "has 2 files of weights", "ema.safetensors");
  }

  @Test
  void formatsOfOthersAreNamedWithTheirConversion() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("GGUF", "GGUF\u0003\0\0\0".getBytes(StandardCharsets.ISO_8859_1));
    files.put("HDF5", "\u0089HDF\r\n\u001a\nxxxx".getBytes(StandardCharsets.ISO_8859_1));
    files.put("NumPy array", Files.readAllBytes(Fixtures.path("c-f4.npy")));
    files.put("NumPy archive", Files.readAllBytes(Fixtures.path("stored.npz")));
    files.put("gzip", "\u001f\u008b\bxxxxxx".getBytes(StandardCharsets.ISO_8859_1));
    byte[] table =
        ByteBuffer.allocate(100)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(92, 0xdb4775248b80fb57L)
            .array();
    files.put("TensorFlow", table);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Path path = Files.write(folder.resolve("weights"), file.getValue());
      assertRefused(path, Reason.UNSUPPORTED, file.getKey(), "convert it: ");
    }
    Path orbax = Files.createDirectories(folder.resolve("step_1"));
    Files.writeString(orbax.resolve("_METADATA"), "{}");
    assertRefused(orbax, Reason.UNSUPPORTED, "Orbax", "safetensors.numpy");
    assertRefused(
        archive("keras", Map.of("model.weights.h5", new byte[3])), Reason.UNSUPPORTED, "Keras");
    assertRefused(
        archive("other", Map.of("x", new byte[3])), Reason.UNSUPPORTED, "without a data.pkl");
    assertRefused(
        Files.writeString(folder.resolve("text"), "Hello, this is no weights file"),
        Reason.MALFORMED,
        "safetensors");
    assertRefused(Files.write(folder.resolve("empty"), new byte[0]), Reason.TRUNCATED, "0 bytes");
  }

  private Path archive(String name, Map<String, byte[]> members) throws IOException {
    Path path = folder.resolve(name);
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(path))) {
      for (Map.Entry<String, byte[]> member : members.entrySet()) {
        out.putNextEntry(new ZipEntry(member.getKey()));
        out.write(member.getValue());
      }
    }
    return path;
  }

  @Test
  void compressedArchivesSayHowToWriteThem() throws IOException {
    assertRefused(
        archive("a", Map.of("archive/data.pkl", "\u0080\u0002}.".getBytes(StandardCharsets.UTF_8))),
        Reason.UNSUPPORTED,
        "compressed member 'archive/data.pkl'",
        "torch.save");
  }
}
