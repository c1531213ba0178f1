package io.diffuscope.run;

import io.diffuscope.sampling.Reference;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/** Distances by reference as bytes, so that every digit comes back. */
final class DistancesCodec {
  private DistancesCodec() {}

  static byte[] encode(Map<Reference, double[]> distances) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(distances.size());
      for (Map.Entry<Reference, double[]> entry : new TreeMap<>(distances).entrySet()) {
        out.writeUTF(entry.getKey().name());
        out.writeInt(entry.getValue().length);
        for (double value : entry.getValue()) {
          out.writeDouble(value);
        }
      }
    }
    return bytes.toByteArray();
  }

  /**
   * What was encoded.
   *
   * @throws IOException if it is something else
   */
  static Map<Reference, double[]> decode(byte[] bytes) throws IOException {
    Map<Reference, double[]> distances = new EnumMap<>(Reference.class);
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      int references = in.readInt();
      for (int i = 0; i < references; i++) {
        Reference reference = Reference.valueOf(in.readUTF());
        int length = in.readInt();
        if (length < 0 || (long) length * Double.BYTES > in.available()) {
          throw new IOException("%d distances in %d bytes".formatted(length, in.available()));
        }
        double[] values = new double[length];
        for (int j = 0; j < length; j++) {
          values[j] = in.readDouble();
        }
        distances.put(reference, values);
      }
      return distances;
    } catch (IllegalArgumentException e) {
      throw new IOException("no distances", e);
    }
  }
}
