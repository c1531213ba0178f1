package io.diffuscope.run;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.tensorfile.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of one run's evidence: a table {@code NAME.json} for each checkpoint, and a sheet
 * {@code NAME.png} where there are pictures. A table names its sheet, so it is written last and
 * removed first. Links are not followed.
 */
final class KeptEvidence {
  private static final Logger LOG = LoggerFactory.getLogger(KeptEvidence.class);

  private static final String TABLE = ".json";
  private static final String SHEET = ".png";
  private static final int LONGEST_TABLE = 1 << 16;
  private static final int LONGEST_SHEET = 8 << 20;
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /** Files that were complained about: once each. */
  private static final Set<Path> COMPLAINED = ConcurrentHashMap.newKeySet();

  private final Path folder;

  KeptEvidence(Path folder) {
    this.folder = folder;
  }

  /** Writes, or replaces, what is kept of a checkpoint. */
  void write(Evidence evidence, byte @Nullable [] sheet) throws IOException {
    Files.createDirectories(folder);
    Path picture = folder.resolve(evidence.name() + SHEET);
    if (sheet == null) {
      Files.deleteIfExists(folder.resolve(evidence.name() + TABLE));
      Files.deleteIfExists(picture);
    } else {
      AtomicFile.write(picture, channel -> writeAll(channel, sheet));
    }
    byte[] table = JSON.writeValueAsBytes(evidence);
    AtomicFile.write(folder.resolve(evidence.name() + TABLE), channel -> writeAll(channel, table));
  }

  private static void writeAll(java.nio.channels.WritableByteChannel channel, byte[] bytes)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  void remove(String name) throws IOException {
    Files.deleteIfExists(folder.resolve(name + TABLE));
    Files.deleteIfExists(folder.resolve(name + SHEET));
  }

  /** The tables that can be read, in no order; one that is damaged is told of and left out. */
  void removeAll() throws IOException {
    for (Path file : files()) {
      Files.deleteIfExists(file);
    }
    Files.deleteIfExists(folder);
  }

  List<Evidence> tables() throws IOException {
    List<Evidence> tables = new ArrayList<>();
    for (Path file : files()) {
      String name = file.getFileName().toString();
      if (name.endsWith(TABLE)) {
        Evidence evidence = table(file, name.substring(0, name.length() - TABLE.length()));
        if (evidence != null) {
          tables.add(evidence);
        }
      }
    }
    return tables;
  }

  private static @Nullable Evidence table(Path file, String name) {
    try {
      Evidence evidence = JSON.readValue(bytes(file, LONGEST_TABLE), Evidence.class);
      if (evidence != null && evidence.name().equals(name)) {
        return evidence;
      }
      complain(file, "it is the table of another checkpoint");
    } catch (NoSuchFileException gone) {
      return null;
    } catch (IOException | IllegalArgumentException e) {
      complain(file, String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason"));
    }
    return null;
  }

  /** The sheet of this name; null where there is none, or none that can be shown. */
  byte @Nullable [] sheet(String name) {
    Path file = folder.resolve(name + SHEET);
    try {
      byte[] bytes = bytes(file, LONGEST_SHEET);
      if (bytes.length >= SIGNATURE.length
          && Arrays.equals(bytes, 0, SIGNATURE.length, SIGNATURE, 0, SIGNATURE.length)) {
        return bytes;
      }
      complain(file, "it is no PNG");
    } catch (NoSuchFileException | NotDirectoryException none) {
      return null;
    } catch (IOException e) {
      complain(file, e.toString());
    }
    return null;
  }

  private static byte[] bytes(Path file, int longest) throws IOException {
    try (InputStream in =
        Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      byte[] bytes = in.readNBytes(longest + 1);
      if (bytes.length > longest) {
        throw new IOException("longer than %d bytes".formatted(longest));
      }
      return bytes;
    }
  }

  private static void complain(Path file, String why) {
    if (COMPLAINED.size() < 1000 && COMPLAINED.add(file)) {
      LOG.warn("the evidence {} cannot be shown ({}); it can be removed", file, why);
    }
  }

  /** Bytes of all files. */
  long bytes() throws IOException {
    long sum = 0;
    for (Path file : files()) {
      sum += size(file);
    }
    return sum;
  }

  /** Bytes of what is kept of a checkpoint. */
  long bytes(String name) {
    return size(folder.resolve(name + TABLE)) + size(folder.resolve(name + SHEET));
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException gone) {
      return 0;
    }
  }

  /** Removes what a program that died left half written, and sheets without a table. */
  void tidy() throws IOException {
    Set<String> names = new HashSet<>();
    for (Path file : files()) {
      names.add(file.getFileName().toString());
    }
    for (String name : names) {
      boolean temporary = name.startsWith(".") && name.endsWith(".tmp");
      boolean alone =
          name.endsWith(SHEET)
              && !names.contains(name.substring(0, name.length() - SHEET.length()) + TABLE);
      if (temporary || alone) {
        Files.deleteIfExists(folder.resolve(name));
      }
    }
  }

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
        entries.forEach(files::add);
      }
    }
    return files;
  }
}
