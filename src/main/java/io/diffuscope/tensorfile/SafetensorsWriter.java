package io.diffuscope.tensorfile;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * Writes safetensors files of single-precision tensors, atomically.
 *
 * <pre>{@code
 * SafetensorsWriter.write(
 *     Path.of("step-000100.safetensors"),
 *     Map.of("0.weight", new FloatArray(TensorShape.of(64, 32), weights)),
 *     Map.of("step", "100"));
 * }</pre>
 */
public final class SafetensorsWriter {
  private static final int ALIGNMENT = 8;
  private static final JsonMapper JSON = new JsonMapper();

  private SafetensorsWriter() {}

  /**
   * Creates or replaces {@code target}; readers see it whole or not at all.
   *
   * @param tensors by name; they are laid out in the map's order
   * @param metadata the string map {@code __metadata__}; left out when empty
   */
  public static void write(
      Path target, Map<String, FloatArray> tensors, Map<String, String> metadata)
      throws IOException {
    byte[] header = header(tensors, metadata);
    AtomicFile.write(
        target,
        channel -> {
          ElementOutput output = new ElementOutput(channel);
          output.bytes(
              ByteBuffer.allocate(Long.BYTES)
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .putLong(header.length)
                  .array());
          output.bytes(header);
          for (FloatArray tensor : tensors.values()) {
            output.floats(tensor.values());
          }
        });
  }

  private static byte[] header(Map<String, FloatArray> tensors, Map<String, String> metadata)
      throws IOException {
    ObjectNode root = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode strings = root.putObject(SafetensorsHeader.METADATA);
      metadata.forEach(strings::put);
    }
    long offset = 0;
    for (Map.Entry<String, FloatArray> entry : tensors.entrySet()) {
      if (entry.getKey().equals(SafetensorsHeader.METADATA)) {
        throw new IllegalArgumentException("a tensor cannot be named " + entry.getKey());
      }
      TensorShape shape = entry.getValue().shape();
      long end = offset + shape.elements() * Float.BYTES;
      ObjectNode tensor = root.putObject(entry.getKey());
      tensor.put("dtype", ElementType.F32.safetensorsCode());
      shape.dimensions().forEach(tensor.withArray("shape")::add);
      tensor.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] json = JSON.writeValueAsBytes(root);
    // The format allows trailing spaces; padding to 8 bytes keeps the data aligned.
    int padded = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    byte[] header = Arrays.copyOf(json, padded);
    Arrays.fill(header, json.length, padded, (byte) ' ');
    return header;
  }
}
