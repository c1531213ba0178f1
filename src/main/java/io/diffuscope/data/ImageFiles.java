package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The PNG and JPEG files of a set, in the points' order. May be read by several threads. */
interface ImageFiles extends AutoCloseable {
  /** EDM's file of labels, in the folder or archive itself. */
  String LABELS = "dataset.json";

  /** Most bytes of one image's file. */
  int MOST_IMAGE_BYTES = 32 << 20;

  /** Most bytes of the file of labels. */
  int MOST_LABELS_BYTES = 256 << 20;

  /** The folder or archive. */
  String source();

  /** Paths of the images below it, with {@code /} between their parts. */
  List<String> names();

  /** What to call a file below it in messages. */
  String describe(String name);

  /**
   * Words that are others when a file is another: they name the decoded copy of the set. Reads no
   * image.
   */
  String[] state();

  /**
   * The bytes of an image's file.
   *
   * @throws BadInputException CHANGED (since it was listed), VANISHED, UNREADABLE, UNSUPPORTED (too
   *     large), or MALFORMED (an archive's member that is damaged)
   */
  byte[] read(int index) throws BadInputException;

  /** The bytes of {@link #LABELS}, or null where there is none. */
  byte @Nullable [] readLabels() throws BadInputException;

  @Override
  void close();

  /** For a file that cannot be taken as the image that its name says. */
  static BadInputException otherFormat(String file) {
    return new BadInputException(
        file,
        Reason.UNSUPPORTED,
        "images are read from PNG and JPEG files; save it as PNG, or take it out of the set",
        null);
  }
}
