package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A network whose weights are twice the Java heap. */
class LargeCheckpointIT {
  private static final int LAYERS = 8;
  private static final int SIDE = 8192;
  private static final long LAYER_BYTES = (long) SIDE * SIDE * Float.BYTES;

  @TempDir private Path folder = Path.of("");

  /**
   * The network's denoiser is the first number of the first layer and the last one of the last,
   * wherever it starts. Next to the training points that is a distance of 0.005; with the
   * template's own zeros it would be 0.56.
   */
  @Test
  void weightsOfTwoGibibytesAreMeasuredWithAHeapOfOne() throws Exception {
    Path checkpoint = checkpoint(.25f, -.5f);
    assertThat(Files.size(checkpoint)).isGreaterThan(2L << 30);
    Path train = folder.resolve("train.npy");
    NpyWriter.write(train, TensorShape.of(2, 2), new float[] {.25f, -.505f, .25f, -.495f});

    Outcome outcome =
        Outcome.ofProcess(
            List.of(
                "env",
                "DIFFUSCOPE_JAVA_OPTIONS=-Xmx1g",
                Outcome.launcher().getFirst(),
                "evaluate",
                checkpoint.toString(),
                "--template=" + template(),
                "--train=" + train,
                "--samples=4",
                "--ode-steps=2",
                "--data-dir=" + folder.resolve("state"),
                "--format=jsonl"));

    assertThat(outcome.exit()).as(outcome.errors()).isZero();
    List<JsonNode> distances =
        outcome
            .output()
            .lines()
            .map(LargeCheckpointIT::json)
            .filter(row -> row.get("signal").asText().equals("pfd"))
            .filter(row -> row.get("statistic").asText().equals("rms"))
            .toList();
    assertThat(distances).as(outcome.output()).hasSize(1);
    assertThat(distances.getFirst().get("value").asDouble()).isCloseTo(.005, within(1e-4));
  }

  private static JsonNode json(String line) {
    try {
      return new ObjectMapper().readTree(line);
    } catch (IOException e) {
      throw new AssertionError(line, e);
    }
  }

  /** The exported graph, with zeros for the numbers that the fixture leaves out. */
  private Path template() throws IOException {
    Path target = folder.resolve("large.pt");
    byte[] zeros = new byte[1 << 20];
    try (InputStream resource =
            Objects.requireNonNull(
                LargeCheckpointIT.class.getResourceAsStream("/io/diffuscope/model/large.pt"));
        ZipInputStream source = new ZipInputStream(resource);
        OutputStream file = Files.newOutputStream(target);
        ZipOutputStream archive = new ZipOutputStream(file)) {
      archive.setLevel(1);
      for (ZipEntry entry = source.getNextEntry(); entry != null; entry = source.getNextEntry()) {
        archive.putNextEntry(new ZipEntry(entry.getName()));
        source.transferTo(archive);
        if (entry.getName().startsWith("large/data/")) {
          for (long written = 0; written < LAYER_BYTES; written += zeros.length) {
            archive.write(zeros);
          }
        }
        archive.closeEntry();
      }
    }
    return target;
  }

  /** Averaged weights in a file that takes no room on disk: all zeros but two are never written. */
  private Path checkpoint(float first, float last) throws IOException {
    String header =
        IntStream.range(0, LAYERS)
            .mapToObj(
                i ->
                    "\"ema.layers.%d\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%d,%d]}"
                        .formatted(i, SIDE, SIDE, i * LAYER_BYTES, (i + 1) * LAYER_BYTES))
            .collect(Collectors.joining(",", "{", "}"));
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    Path target = folder.resolve("step-000007.safetensors");
    try (RandomAccessFile file = new RandomAccessFile(target.toFile(), "rw")) {
      long start = text.length + (long) Long.BYTES;
      file.setLength(start + LAYERS * LAYER_BYTES);
      file.write(
          ByteBuffer.allocate(Long.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(text.length)
              .array());
      file.write(text);
      file.write(number(first));
      file.seek(file.length() - Float.BYTES);
      file.write(number(last));
    }
    return target;
  }

  private static byte[] number(float value) {
    return ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array();
  }
}
