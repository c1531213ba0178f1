package io.diffuscope.tensorfile;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * From the text that stands for a place, in settings and messages, to a path on the file system
 * that it names: {@code runs/7/last.ckpt} on this machine, {@code s3://bucket/runs/7} in a bucket.
 * A path's own text leads back to it.
 */
public final class Locations {
  private static final Pattern ELSEWHERE = Pattern.compile("([a-z][a-z0-9]+)://([^/]*)(/.*)?");

  private Locations() {}

  /** Whether a text names a place on another file system than this machine's. */
  public static boolean isElsewhere(String text) {
    return ELSEWHERE.matcher(text).matches();
  }

  /**
   * The path.
   *
   * @throws InvalidPathException if the text can stand for none
   * @throws java.nio.file.FileSystemNotFoundException if nothing here reads that kind of place
   */
  public static Path pathOf(String text) {
    Matcher elsewhere = ELSEWHERE.matcher(text);
    if (!elsewhere.matches()) {
      return Path.of(text);
    }
    String path = elsewhere.group(3) == null ? "/" : elsewhere.group(3);
    try {
      // Quotes what a name may hold and a URI may not.
      return Path.of(new URI(elsewhere.group(1), elsewhere.group(2), path, null, null));
    } catch (URISyntaxException | IllegalArgumentException e) {
      throw new InvalidPathException(text, String.valueOf(e.getMessage()));
    }
  }
}
