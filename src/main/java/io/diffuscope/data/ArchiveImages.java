package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ZipArchive;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Images in a zip archive, as EDM's {@code dataset_tool.py} writes it, or any other. */
final class ArchiveImages implements ImageFiles {
  private final Path path;
  private final ZipArchive archive;
  private final List<ZipArchive.Entry> images;
  private final List<String> names;

  private ArchiveImages(Path path, ZipArchive archive, List<ZipArchive.Entry> images) {
    this.path = path;
    this.archive = archive;
    this.images = images;
    this.names = images.stream().map(ZipArchive.Entry::name).toList();
  }

  /**
   * Opens an archive and lists its images.
   *
   * @throws BadInputException as {@link ZipArchive#open}; EMPTY (no images in it) or UNSUPPORTED
   *     (an image of another format)
   */
  static ArchiveImages open(Path path) throws BadInputException {
    ZipArchive archive = ZipArchive.open(path);
    try {
      List<ZipArchive.Entry> images = new ArrayList<>();
      for (ZipArchive.Entry entry : archive.entries()) {
        if (ImageNames.hasHidden(entry.name())) {
          continue;
        }
        switch (ImageNames.kind(entry.name())) {
          case NONE -> {}
          case OTHER_IMAGE -> throw ImageFiles.otherFormat(path + ":" + entry.name());
          case IMAGE -> images.add(entry);
        }
      }
      if (images.isEmpty()) {
        throw new BadInputException(
            path,
            Reason.EMPTY,
            "has no PNG or JPEG images; arrays and latents are read from .npy and .npz files and"
                + " from what export_data writes");
      }
      images.sort(Comparator.comparing(ZipArchive.Entry::name, ImageNames.ORDER));
      return new ArchiveImages(path, archive, List.copyOf(images));
    } catch (BadInputException failure) {
      archive.close();
      throw failure;
    }
  }

  @Override
  public String source() {
    return path.toString();
  }

  @Override
  public List<String> names() {
    return names;
  }

  @Override
  public String describe(String name) {
    return path + ":" + name;
  }

  @Override
  public String[] state() {
    List<String> words = new ArrayList<>();
    words.add("archive");
    words.add(archive.state());
    for (ZipArchive.Entry image : images) {
      words.add(image.name());
      words.add(image.size() + " " + image.checksum());
    }
    return words.toArray(String[]::new);
  }

  @Override
  public byte[] read(int index) throws BadInputException {
    byte[] bytes = archive.read(names.get(index), MOST_IMAGE_BYTES);
    archive.verifyUnchanged();
    return bytes;
  }

  @Override
  public byte @Nullable [] readLabels() throws BadInputException {
    return archive.entries().stream().anyMatch(entry -> entry.name().equals(LABELS))
        ? archive.read(LABELS, MOST_LABELS_BYTES)
        : null;
  }

  @Override
  public void close() {
    archive.close();
  }
}
