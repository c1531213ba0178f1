package io.diffuscope.sampling;

import io.diffuscope.tensorfile.AtomicFile;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Indices of sets on disk, by content key; a missing or damaged file is built again. Nothing is
 * allocated for what the file says, only for what the set's size allows.
 */
final class NeighbourIndexStore {
  private static final Logger log = LoggerFactory.getLogger(NeighbourIndexStore.class);
  private static final long MAGIC = 0x64737049_44583031L;
  private static final int MOST_LEVELS = 64;

  private final Path directory;

  NeighbourIndexStore(Path cacheDirectory) {
    this.directory = cacheDirectory.resolve("neighbours");
  }

  /**
   * The stored index of a set, if it is there whole.
   *
   * @param points number of the set's points
   * @param d numbers of a point
   */
  Optional<NeighbourIndex> find(String key, int points, int d) {
    Path file = file(key);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    CRC32C sum = new CRC32C();
    try (DataInputStream in =
        new DataInputStream(
            new CheckedInputStream(
                new BufferedInputStream(Files.newInputStream(file), 1 << 16), sum))) {
      NeighbourIndex index = read(in, points, d);
      long expected = sum.getValue();
      if (in.readLong() != expected || in.read() >= 0 || !index.graph().isSound()) {
        throw new IOException("its checksum or its links are wrong");
      }
      return Optional.of(index);
    } catch (IOException e) {
      log.warn("{} is damaged and is built again: {}", file, e.toString());
      return Optional.empty();
    }
  }

  private static NeighbourIndex read(DataInputStream in, int points, int d) throws IOException {
    int m = NeighbourIndex.directions(d);
    boolean fits = in.readLong() == MAGIC && in.readInt() == points && in.readInt() == d;
    if (!fits) {
      throw new IOException("it is of another set");
    }
    float[] centre = floats(in, d);
    float[][] directions = new float[m == d ? 0 : m][];
    for (int i = 0; i < directions.length; i++) {
      directions[i] = floats(in, d);
    }
    float[][] vectors = new float[points][];
    for (int i = 0; i < points; i++) {
      vectors[i] = floats(in, m);
    }
    int entry = in.readInt();
    int[][] ground = new int[points][];
    for (int i = 0; i < points; i++) {
      ground[i] = links(in);
    }
    int levels = count(in, MOST_LEVELS);
    List<Map<Integer, int[]>> upper = new ArrayList<>();
    for (int level = 0; level < levels; level++) {
      int nodes = count(in, points);
      Map<Integer, int[]> links = new HashMap<>();
      for (int i = 0; i < nodes; i++) {
        links.put(in.readInt(), links(in));
      }
      upper.add(links);
    }
    return new NeighbourIndex(centre, directions, vectors, new StoredGraph(ground, upper, entry));
  }

  private static int count(DataInputStream in, int most) throws IOException {
    int count = in.readInt();
    if (count < 0 || count > most) {
      throw new IOException("a count of %d is not within 0 and %d".formatted(count, most));
    }
    return count;
  }

  private static int[] links(DataInputStream in) throws IOException {
    // Parts of a graph that are apart are joined by links beyond the degree.
    int[] links = new int[count(in, 64 * NeighbourIndex.DEGREE)];
    ByteBuffer bytes = bytes(in, links.length);
    bytes.asIntBuffer().get(links);
    return links;
  }

  private static float[] floats(DataInputStream in, int count) throws IOException {
    float[] values = new float[count];
    bytes(in, count).asFloatBuffer().get(values);
    return values;
  }

  private static ByteBuffer bytes(DataInputStream in, int count) throws IOException {
    byte[] bytes = new byte[count * Integer.BYTES];
    in.readFully(bytes);
    return ByteBuffer.wrap(bytes);
  }

  /** Keeps an index; a full disk costs the cache, not the measurement. */
  void put(String key, NeighbourIndex index) {
    try {
      Files.createDirectories(directory);
      AtomicFile.write(
          file(key),
          channel -> {
            OutputStream plain =
                new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            CheckedOutputStream checked = new CheckedOutputStream(plain, new CRC32C());
            DataOutputStream out = new DataOutputStream(checked);
            write(out, index);
            out.writeLong(checked.getChecksum().getValue());
            out.flush();
          });
    } catch (IOException e) {
      log.warn("the index of a set cannot be cached: {}", e.toString());
    }
  }

  private static void write(DataOutputStream out, NeighbourIndex index) throws IOException {
    out.writeLong(MAGIC);
    out.writeInt(index.vectors().length);
    out.writeInt(index.centre().length);
    write(out, index.centre());
    for (float[] direction : index.directions()) {
      write(out, direction);
    }
    for (float[] vector : index.vectors()) {
      write(out, vector);
    }
    StoredGraph graph = index.graph();
    out.writeInt(graph.entry());
    for (int[] links : graph.ground()) {
      write(out, links);
    }
    out.writeInt(graph.upper().size());
    for (Map<Integer, int[]> level : graph.upper()) {
      out.writeInt(level.size());
      for (Map.Entry<Integer, int[]> node : level.entrySet()) {
        out.writeInt(node.getKey());
        write(out, node.getValue());
      }
    }
  }

  private static void write(DataOutputStream out, float[] values) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.asFloatBuffer().put(values);
    out.write(bytes.array());
  }

  private static void write(DataOutputStream out, int[] links) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(links.length * Integer.BYTES);
    bytes.asIntBuffer().put(links);
    out.writeInt(links.length);
    out.write(bytes.array());
  }

  private Path file(String key) {
    return directory.resolve(key + ".index");
  }
}
