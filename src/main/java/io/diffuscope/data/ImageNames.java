package io.diffuscope.data;

import java.util.Comparator;
import java.util.Locale;
import java.util.Set;

/** Which files are images, and in which order they are points. */
final class ImageNames {
  /**
   * By code points, as Python sorts text. (Java's own order differs beyond the basic plane, where
   * its characters are surrogates.)
   */
  static final Comparator<String> ORDER = ImageNames::compare;

  private static final Set<String> READ = Set.of("png", "jpg", "jpeg");

  /** Images that cannot be read: left out silently they would be missing from the set. */
  private static final Set<String> OTHERS =
      Set.of(
          "avif", "bmp", "gif", "heic", "jfif", "jp2", "jpe", "jxl", "pbm", "pgm", "ppm", "tga",
          "tif", "tiff", "webp");

  /** What a file is by its name. */
  enum Kind {
    /** A PNG or JPEG image. */
    IMAGE,
    /** An image in another format. */
    OTHER_IMAGE,
    /** No image. */
    NONE
  }

  private ImageNames() {}

  /**
   * What a file is.
   *
   * @param name its name, with or without folders before it
   */
  static Kind kind(String name) {
    String suffix = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    if (READ.contains(suffix)) {
      return Kind.IMAGE;
    }
    return OTHERS.contains(suffix) ? Kind.OTHER_IMAGE : Kind.NONE;
  }

  /** Whether one part of a path is hidden, or what macOS adds to archives. */
  static boolean isHidden(String part) {
    return part.startsWith(".") || part.equals("__MACOSX");
  }

  /** Whether any part of a path of {@code /} is hidden. */
  static boolean hasHidden(String path) {
    for (String part : path.split("/", -1)) {
      if (isHidden(part)) {
        return true;
      }
    }
    return false;
  }

  private static int compare(String a, String b) {
    int length = Math.min(a.length(), b.length());
    for (int i = 0; i < length; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        return Character.isSurrogate(x) == Character.isSurrogate(y)
            ? Character.compare(x, y)
            : Character.isSurrogate(x) ? 1 : -1;
      }
    }
    return Integer.compare(a.length(), b.length());
  }
}
