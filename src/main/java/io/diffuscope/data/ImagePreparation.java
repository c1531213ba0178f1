package io.diffuscope.data;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a folder or an archive of images is made ready to be read by blocks.
 *
 * @param cache folder for decoded sets, so that each is decoded once; null: a large set is decoded
 *     into a temporary file
 * @param progress is told how far decoding is
 */
public record ImagePreparation(@Nullable Path cache, Progress progress) {
  private static final Logger log = LoggerFactory.getLogger(ImagePreparation.class);

  /** No cache, and progress goes to the log. */
  public static final ImagePreparation NONE = new ImagePreparation(null, ImagePreparation::log);

  /** Is told how far a set is, about once a second, and not at all below a second. */
  @FunctionalInterface
  public interface Progress {
    /**
     * Some images have been decoded.
     *
     * @param what for people, for example {@code images of the training set}
     * @param done images decoded so far
     * @param total images in all
     */
    void decoded(String what, long done, long total);
  }

  /** With a cache; progress goes to the log. */
  public static ImagePreparation cachedIn(Path cache) {
    return new ImagePreparation(cache, ImagePreparation::log);
  }

  private static void log(String what, long done, long total) {
    log.info("decoding the {}: {} of {}", what, done, total);
  }
}
