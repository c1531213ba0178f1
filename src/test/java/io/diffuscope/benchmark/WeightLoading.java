package io.diffuscope.benchmark;

import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Reading all weights of a large checkpoint as float32 against reading the same file's bytes, both
 * after the system was told to forget the file, and both from its memory.
 */
final class WeightLoading {
  private static final int TENSORS = 32;
  private static final int CHANNELS = 2048;
  private static final int TENSOR_BYTES = CHANNELS * CHANNELS * Float.BYTES;

  /** As many elements as a network takes over at once. */
  private static final int CHUNK_ELEMENTS = 1 << 18;

  private final Path folder;
  private final PrintStream out;

  WeightLoading(Path folder, PrintStream out) {
    this.folder = folder;
    this.out = out;
  }

  /** A kind of file, 512 MiB each. */
  private enum Kind {
    SAFETENSORS("safetensors, F32"),
    TORCH("torch.save, F32"),
    TORCH_HALF("torch.save, BF16"),
    TORCH_LAYOUT("torch.save, F32, convolutions in channels_last"),
    TORCH_TRANSPOSED("torch.save, F32, transposed matrices");

    private final String title;

    Kind(String title) {
      this.title = title;
    }
  }

  /** Prints one line for each kind of file. */
  void measure(int repetitions) throws Exception {
    for (Kind kind : Kind.values()) {
      Path file = folder.resolve("large-weights");
      write(kind, file);
      for (boolean cold : new boolean[] {true, false}) {
        Spread.Pairs pairs = new Spread.Pairs();
        for (int i = -1; i < repetitions; i++) {
          boolean forgotten = cold && forget(file);
          Clock loading = Clock.time(() -> load(file));
          if (forgotten) {
            forget(file);
          }
          Clock reading = Clock.time(() -> read(file));
          if (i >= 0) {
            pairs.add(loading, reading);
          }
        }
        double mebibytes = Files.size(file) / (double) (1 << 20);
        out.printf(
            Locale.ROOT,
            "%s, %.0f MiB, %s: loading %s MiB/s, reading the bytes %s MiB/s, ratio %s%n",
            kind.title,
            mebibytes,
            cold ? "from the disk" : "from memory",
            pairs.mine(time -> mebibytes / time.wall()).text(0),
            pairs.yardstick(time -> mebibytes / time.wall()).text(0),
            pairs.share(Clock::wall).text(2));
      }
      Files.delete(file);
    }
  }

  private static void load(Path file) throws IOException {
    FloatBuffer chunk =
        ByteBuffer.allocateDirect(CHUNK_ELEMENTS * Float.BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    try (TensorSource source = WeightFiles.open(file)) {
      for (TensorInfo tensor : source.tensors().values()) {
        long size = tensor.shape().elements();
        for (long from = 0; from < size; from += CHUNK_ELEMENTS) {
          chunk.clear().limit((int) Math.min(CHUNK_ELEMENTS, size - from));
          source.readFloats(tensor.name(), from, chunk);
        }
      }
      source.verifyUnchanged();
    }
  }

  private static void read(Path file) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(1 << 20);
    try (FileChannel channel = FileChannel.open(file)) {
      while (channel.read(chunk.clear()) >= 0) {
        // The bytes are of no interest.
      }
    }
  }

  /** Has GNU's dd tell the system to drop what it keeps of the file; false where there is none. */
  private static boolean forget(Path file) throws IOException, InterruptedException {
    try {
      return new ProcessBuilder(
                  "dd", "of=" + file, "oflag=nocache", "conv=notrunc,fdatasync", "count=0")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException noSuchProgram) {
      return false;
    }
  }

  private static void write(Kind kind, Path file) throws IOException {
    if (kind == Kind.SAFETENSORS) {
      FloatArray values =
          new FloatArray(TensorShape.of(CHANNELS, CHANNELS), new float[TENSOR_BYTES / Float.BYTES]);
      Map<String, FloatArray> tensors = new LinkedHashMap<>();
      for (int i = 0; i < TENSORS; i++) {
        tensors.put("blocks." + i + ".weight", values);
      }
      SafetensorsWriter.write(file, tensors, Map.of());
      return;
    }
    byte[] data = new byte[TENSOR_BYTES];
    try (OutputStream stream = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20);
        ZipOutputStream archive = new ZipOutputStream(stream)) {
      member(archive, "archive/data.pkl", pickle(kind).getBytes(StandardCharsets.US_ASCII));
      for (int i = 0; i < TENSORS; i++) {
        member(archive, "archive/data/" + i, data);
      }
    }
  }

  /** A state_dict in the pickle protocol that can be read; PyTorch itself writes a later one. */
  private static String pickle(Kind kind) {
    StringBuilder text = new StringBuilder("(d");
    String view =
        switch (kind) {
          case TORCH_HALF -> numbers(CHANNELS * 2, CHANNELS) + numbers(CHANNELS, 1);
          case TORCH_LAYOUT ->
              numbers(CHANNELS / 2, CHANNELS / 4, 2, 4)
                  + numbers(CHANNELS * 2, 1, CHANNELS, CHANNELS / 4);
          case TORCH_TRANSPOSED -> numbers(CHANNELS, CHANNELS) + numbers(1, CHANNELS);
          default -> numbers(CHANNELS, CHANNELS) + numbers(CHANNELS, 1);
        };
    String storage = kind == Kind.TORCH_HALF ? "BFloat16Storage" : "FloatStorage";
    int elements = TENSOR_BYTES / (kind == Kind.TORCH_HALF ? Short.BYTES : Float.BYTES);
    for (int i = 0; i < TENSORS; i++) {
      text.append("S'blocks.%d.weight'\nctorch._utils\n_rebuild_tensor_v2\n".formatted(i))
          .append("((S'storage'\nctorch\n%s\nS'%d'\nS'cpu'\n".formatted(storage, i))
          .append("I%d\ntQI0\n".formatted(elements))
          .append(view)
          .append("I00\nccollections\nOrderedDict\n(tRtRs");
    }
    return text.append('.').toString();
  }

  private static String numbers(int... numbers) {
    StringBuilder text = new StringBuilder("(");
    for (int number : numbers) {
      text.append('I').append(number).append('\n');
    }
    return text.append('t').toString();
  }

  private static void member(ZipOutputStream archive, String name, byte[] content)
      throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    CRC32 checksum = new CRC32();
    checksum.update(content);
    entry.setCrc(checksum.getValue());
    archive.putNextEntry(entry);
    archive.write(content);
  }
}
