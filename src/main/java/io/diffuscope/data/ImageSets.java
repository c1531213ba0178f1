package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens sets of images: decodes them once, a small set into memory, and others into an array file
 * of uint8 that is read by blocks.
 *
 * @param files the images
 * @param role what the set is for, for messages
 * @param preparation where decoded sets are kept
 * @param mostInMemory levels, in bytes, that a set in memory may have
 */
record ImageSets(ImageFiles files, String role, ImagePreparation preparation, long mostInMemory) {
  private static final Logger log = LoggerFactory.getLogger(ImageSets.class);

  /** Raised with every change of what an image is decoded to. */
  private static final String CACHE_FORMAT = "1";

  /** Sets of so few images, and of so few bytes, are decoded again in less than about a second. */
  private static final int FEW_IMAGES = 1000;

  private static final int FEW_BYTES = 16 << 20;

  /** Levels of one image, which have to fit into a buffer of float32. */
  private static final int MOST_LEVELS = Integer.MAX_VALUE / Float.BYTES;

  /**
   * The set, without labels. Reads no image where it was decoded before.
   *
   * @param modelShape the shape that the model takes, or null to accept any
   * @throws BadInputException WRONG_SHAPE, or as {@link ImageFiles#read} and {@link
   *     ImageDecoder#decode}
   */
  DataSet open(@Nullable TensorShape modelShape) throws BadInputException {
    TensorShape shape = modelShape == null ? shapeOfFirst() : requireImages(modelShape);
    ImageDecoder decoder = new ImageDecoder(shape);
    ImageBlocks blocks =
        new ImageBlocks(files, decoder, role, preparation.progress(), System::nanoTime);
    int count = files.names().size();
    long bytes = Math.multiplyExact((long) count, decoder.elements());
    Path cache = preparation.cache();
    if (bytes <= mostInMemory && (cache == null || (count <= FEW_IMAGES && bytes <= FEW_BYTES))) {
      return inMemory(blocks, shape, Math.toIntExact(bytes));
    }
    return cache == null
        ? temporary(blocks, shape, bytes)
        : cached(cache.resolve("images"), blocks, shape, bytes);
  }

  private TensorShape shapeOfFirst() throws BadInputException {
    String name = files.describe(files.names().getFirst());
    ImageStream first = ImageStream.of(name, files.read(0));
    long levels = 3L * first.width();
    if (levels > MOST_LEVELS / first.height()) {
      throw ImageStream.malformed(
          name, "%d x %d pixels".formatted(first.width(), first.height()), null);
    }
    return requireImages(TensorShape.of(first.colour() ? 3 : 1, first.height(), first.width()));
  }

  private TensorShape requireImages(TensorShape shape) throws BadInputException {
    boolean image =
        shape.rank() == 3
            && (shape.dimension(0) == 1 || shape.dimension(0) == 3)
            && shape.elements() > 0
            && shape.elements() <= MOST_LEVELS;
    if (!image) {
      throw new BadInputException(
          files.source(),
          Reason.WRONG_SHAPE,
          "the "
              + role
              + " is a set of images, points of shape [1 or 3, height, width], but the model takes"
              + " points of shape "
              + shape
              + "; write what it trains on, for example latents, with export_data",
          null);
    }
    return shape;
  }

  private DataSet inMemory(ImageBlocks blocks, TensorShape shape, int bytes)
      throws BadInputException {
    ByteBuffer levels = ByteBuffer.allocate(bytes);
    try {
      blocks.to((block, length) -> levels.put(block, 0, length));
    } catch (IOException e) {
      throw BadInputException.of(Path.of(files.source()), e);
    }
    return new LevelsDataSet(files.source(), shape, levels.array());
  }

  private DataSet cached(Path folder, ImageBlocks blocks, TensorShape shape, long bytes)
      throws BadInputException {
    String key = ContentHash.of(CACHE_FORMAT, shape.toString(), ContentHash.of(files.state()));
    Path file = folder.resolve(key + ".npy");
    Optional<StoredDataSet> known = find(file, shape);
    if (known.isPresent()) {
      return known.get();
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw cannotKeep(folder, bytes, e);
    }
    write(file, blocks, shape, bytes);
    return new FileDataSet(ArrayFile.open(file.toString()), shape, files.source());
  }

  private Optional<StoredDataSet> find(Path file, TensorShape shape) {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      ArrayFile array = ArrayFile.open(file.toString());
      if (array.type() == ElementType.U8
          && array.shape().equals(shape.withFirst(files.names().size()))) {
        return Optional.of(new FileDataSet(array, shape, files.source()));
      }
      array.close();
      log.warn("{} is not what it should be and is made again", file);
    } catch (BadInputException e) {
      log.warn("{} is damaged and is made again: {}", file, e.getMessage());
    }
    return Optional.empty();
  }

  private DataSet temporary(ImageBlocks blocks, TensorShape shape, long bytes)
      throws BadInputException {
    Path file;
    try {
      file = Files.createTempFile("diffuscope-images-", ".npy");
    } catch (IOException e) {
      throw cannotKeep(Path.of(System.getProperty("java.io.tmpdir", "")), bytes, e);
    }
    // What is left behind would be as large as the set.
    file.toFile().deleteOnExit();
    boolean kept = false;
    try {
      write(file, blocks, shape, bytes);
      ArrayFile array = ArrayFile.open(file.toString());
      kept = true;
      return new FileDataSet(array, shape, files.source(), file);
    } finally {
      if (!kept) {
        FileDataSet.delete(file);
      }
    }
  }

  private void write(Path file, ImageBlocks blocks, TensorShape shape, long bytes)
      throws BadInputException {
    Path folder = Objects.requireNonNull(file.getParent(), "a file without a folder");
    try {
      if (Files.getFileStore(folder).getUsableSpace() < bytes) {
        throw new IOException("too little space");
      }
      NpyWriter.write(
          file,
          shape.withFirst(files.names().size()),
          channel ->
              blocks.to(
                  (levels, length) -> {
                    ByteBuffer block = ByteBuffer.wrap(levels, 0, length);
                    while (block.hasRemaining()) {
                      channel.write(block);
                    }
                  }));
    } catch (IOException e) {
      if (e.getCause() instanceof BadInputException image) {
        throw image;
      }
      throw cannotKeep(folder, bytes, e);
    }
  }

  private BadInputException cannotKeep(Path folder, long bytes, IOException failure) {
    return new BadInputException(
        folder.toString(),
        Reason.UNREADABLE,
        "cannot take the decoded images of %s, %d MiB (%s); make room there"
            .formatted(files.source(), (bytes >> 20) + 1, failure.getMessage()),
        failure);
  }
}
