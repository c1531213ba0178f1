package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FileIdentity;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Images in a folder and the folders below it. Links are followed; hidden files are not seen. */
final class FolderImages implements ImageFiles {
  private static final int MOST_DEPTH = 32;
  private static final int MOST_FOLDERS = 1_000_000;
  private static final int MOST_IMAGES = 5_000_000;

  private final Path folder;
  private final List<Listed> images;
  private final List<String> names;

  /** An image as it was when the folder was listed. */
  private record Listed(String name, FileIdentity identity) {}

  private FolderImages(Path folder, List<Listed> images) {
    this.folder = folder;
    this.images = images;
    this.names = images.stream().map(Listed::name).toList();
  }

  /**
   * Lists the images of a folder; there may be none.
   *
   * @throws BadInputException UNSUPPORTED (an image of another format, a link that leads back, too
   *     many or too deep), VANISHED (a link to nothing) or UNREADABLE
   */
  static FolderImages list(Path folder) throws BadInputException {
    Lister lister = new Lister(folder);
    try {
      Files.walkFileTree(folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), MOST_DEPTH, lister);
    } catch (IOException e) {
      throw BadInputException.of(folder, e);
    }
    lister.found.sort(Comparator.comparing(Listed::name, ImageNames.ORDER));
    return new FolderImages(folder, List.copyOf(lister.found));
  }

  private static final class Lister extends SimpleFileVisitor<Path> {
    private final Path root;
    private final List<Listed> found = new ArrayList<>();
    private int folders;

    Lister(Path root) {
      this.root = root;
    }

    @Override
    public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes)
        throws BadInputException {
      if (!path.equals(root) && ImageNames.isHidden(last(path))) {
        return FileVisitResult.SKIP_SUBTREE;
      }
      folders++;
      if (folders > MOST_FOLDERS) {
        throw tooMuch("has more than " + MOST_FOLDERS + " folders below it");
      }
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFile(Path path, BasicFileAttributes attributes)
        throws BadInputException {
      if (ImageNames.isHidden(last(path))) {
        return FileVisitResult.CONTINUE;
      }
      if (attributes.isDirectory()) {
        throw tooMuch("is more than " + MOST_DEPTH + " folders deep");
      }
      switch (ImageNames.kind(last(path))) {
        case NONE -> {}
        case OTHER_IMAGE -> throw ImageFiles.otherFormat(path.toString());
        case IMAGE -> add(path, attributes);
      }
      return FileVisitResult.CONTINUE;
    }

    private void add(Path path, BasicFileAttributes attributes) throws BadInputException {
      if (attributes.isSymbolicLink()) {
        throw new BadInputException(
            path, Reason.VANISHED, "a link to something that is not there; remove or mend it");
      }
      if (!attributes.isRegularFile()) {
        throw new BadInputException(
            path, Reason.UNSUPPORTED, "is not a regular file; take it out of the set");
      }
      if (found.size() == MOST_IMAGES) {
        throw tooMuch("has more than " + MOST_IMAGES + " images");
      }
      String name = root.relativize(path).toString().replace(File.separatorChar, '/');
      found.add(new Listed(name, FileIdentity.of(attributes)));
    }

    @Override
    public FileVisitResult visitFileFailed(Path path, IOException failure)
        throws BadInputException {
      if (failure instanceof FileSystemLoopException) {
        throw new BadInputException(
            path, Reason.UNSUPPORTED, "a link that leads back to a folder above it; remove it");
      }
      throw BadInputException.of(path, failure);
    }

    private BadInputException tooMuch(String what) {
      return new BadInputException(
          root, Reason.UNSUPPORTED, what + "; write the set with export_data instead");
    }

    private static String last(Path path) {
      Path name = path.getFileName();
      return name == null ? "" : name.toString();
    }
  }

  @Override
  public String source() {
    return folder.toString();
  }

  @Override
  public List<String> names() {
    return names;
  }

  @Override
  public String describe(String name) {
    return folder.resolve(name).toString();
  }

  @Override
  public String[] state() {
    List<String> words = new ArrayList<>();
    words.add("folder");
    words.add(folder.toAbsolutePath().normalize().toString());
    for (Listed image : images) {
      words.add(image.name);
      words.add(image.identity.size() + " " + image.identity.modified());
    }
    return words.toArray(String[]::new);
  }

  @Override
  public byte[] read(int index) throws BadInputException {
    Listed image = images.get(index);
    Path path = folder.resolve(image.name);
    image.identity.verify(path);
    byte[] bytes = read(path, MOST_IMAGE_BYTES);
    image.identity.verify(path);
    return bytes;
  }

  @Override
  public byte @Nullable [] readLabels() throws BadInputException {
    Path path = folder.resolve(LABELS);
    return Files.isRegularFile(path) ? read(path, MOST_LABELS_BYTES) : null;
  }

  private static byte[] read(Path path, int most) throws BadInputException {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(most + 1);
      if (bytes.length > most) {
        throw new BadInputException(
            path,
            Reason.UNSUPPORTED,
            "has more than %d MiB; make it smaller".formatted(most >> 20));
      }
      return bytes;
    } catch (IOException e) {
      throw BadInputException.of(path, e);
    }
  }

  @Override
  public void close() {}
}
