package io.diffuscope.tensorfile;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Damages valid files, in ways that their readers look at. */
final class Mutations {
  private static final byte[] TELLING =
      "{}[]():,'\"0123456789<>|=-eFLTU.Rbtuqhc".getBytes(StandardCharsets.US_ASCII);

  private Mutations() {}

  /** One to three changes between the two positions; may make the file shorter. */
  static byte[] of(byte[] valid, int begin, int end, SplittableRandom random) {
    byte[] bytes = valid.clone();
    int prefix = end;
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes; i++) {
      int at = random.nextInt(begin, prefix);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[at] = TELLING[random.nextInt(TELLING.length)];
        // A length or an offset at the end of its range.
        case 3 -> Arrays.fill(bytes, at, Math.min(at + 4, prefix), (byte) (random.nextInt(2) - 1));
        case 4 -> {
          int from = random.nextInt(begin, prefix);
          int length = random.nextInt(1, 20);
          length = Math.min(length, bytes.length - Math.max(from, at));
          System.arraycopy(valid, from, bytes, at, length);
        }
        default -> {
          int to = at + random.nextInt(1, 8);
          if (to < bytes.length && prefix - (to - at) > begin) {
            byte[] shorter = new byte[bytes.length - (to - at)];
            System.arraycopy(bytes, 0, shorter, 0, at);
            System.arraycopy(bytes, to, shorter, at, bytes.length - to);
            bytes = shorter;
            prefix = Math.min(prefix, bytes.length);
          }
        }
      }
    }
    return bytes;
  }
}
