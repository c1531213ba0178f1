package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Short names for contents: the first 16 hexadecimal digits of a SHA-256. */
public final class ContentHash {
  private static final int DIGITS = 16;

  private ContentHash() {}

  /** The hash of some words, order and number counting. */
  public static String of(String... words) {
    MessageDigest digest = sha256();
    for (String word : words) {
      byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
      digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
      digest.update(bytes);
    }
    return hex(digest);
  }

  /** The hash of a file's bytes. */
  public static String of(Path file) throws BadInputException {
    MessageDigest digest = sha256();
    byte[] chunk = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        digest.update(chunk, 0, n);
      }
    } catch (NoSuchFileException e) {
      throw new BadInputException(file, Reason.VANISHED, "no such file");
    } catch (IOException e) {
      throw new BadInputException(
          file.toString(), Reason.UNREADABLE, "cannot be read: " + e.getMessage(), e);
    }
    return hex(digest);
  }

  /** The hash of some whole numbers, order counting. */
  public static String of(int[] numbers) {
    MessageDigest digest = sha256();
    ByteBuffer chunk = ByteBuffer.allocate(1 << 16);
    for (int number : numbers) {
      if (!chunk.hasRemaining()) {
        digest.update(chunk.flip());
        chunk.clear();
      }
      chunk.putInt(number);
    }
    digest.update(chunk.flip());
    return hex(digest);
  }

  /** The whole digest of some bytes. */
  public static byte[] digest(byte[] bytes) {
    return sha256().digest(bytes);
  }

  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest()).substring(0, DIGITS);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
