package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** The digest behind {@link DataSet#contentKey()}, made once for a set. */
final class ContentKey {
  private static final int CHUNK_BYTES = 1 << 20;

  private volatile @Nullable String known;

  /** The key of the set that this object belongs to. */
  String of(DataSet data) throws BadInputException {
    // Two threads may both compute it; they find the same.
    String key = known;
    if (key == null) {
      key = digest(data);
      known = key;
    }
    return key;
  }

  private static String digest(DataSet data) throws BadInputException {
    MessageDigest digest = sha256();
    String header = "points " + data.size() + " " + data.pointShape() + " float32\n";
    digest.update(header.getBytes(StandardCharsets.UTF_8));
    int width = Math.toIntExact(data.pointShape().elements());
    int rows = Math.max(1, CHUNK_BYTES / Float.BYTES / width);
    FloatBuffer values = FloatBuffer.allocate(rows * width);
    ByteBuffer bytes =
        ByteBuffer.allocate(rows * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (long from = 0; from < data.size(); from += rows) {
      data.read(from, (int) Math.min(rows, data.size() - from), values.clear());
      bytes.clear().asFloatBuffer().put(values.flip());
      digest.update(bytes.limit(values.limit() * Float.BYTES));
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException("every Java platform has SHA-256", impossible);
    }
  }
}
