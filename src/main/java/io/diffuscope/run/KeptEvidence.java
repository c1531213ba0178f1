package io.diffuscope.run;

import com.fasterxml.jackson.core.JsonProcessingException;
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
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of one run's evidence: a table {@code NAME.json} for each checkpoint, and a sheet
 * {@code NAME.png} where there are pictures. A table names its sheet, so it is written last and
 * removed first. Of the checkpoint that was measured last there may be a draft, a table and a
 * sheet, which is not yet evidence. Links are not followed.
 */
final class KeptEvidence {
  private static final Logger LOG = LoggerFactory.getLogger(KeptEvidence.class);

  private static final String TABLE = ".json";
  private static final String SHEET = ".png";
  private static final String TEMPORARY = ".tmp";
  private static final String DRAFT_TABLE = "draft.table";
  private static final String DRAFT_SHEET = "draft.sheet";
  private static final int LONGEST_TABLE = 1 << 16;
  private static final int LONGEST_SHEET = 8 << 20;
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

  /** Length, kind and checksum of a part without content. */
  private static final int LEAST_PART = 3 * Integer.BYTES;

  private static final int LAST_PART = 'I' << 24 | 'E' << 16 | 'N' << 8 | 'D';

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

  /** Writes, or replaces, the draft. */
  void draft(EvidenceDraft draft, byte @Nullable [] sheet) throws IOException {
    Files.createDirectories(folder);
    removeDraft();
    if (sheet != null) {
      write(folder.resolve(DRAFT_SHEET), sheet);
    }
    write(folder.resolve(DRAFT_TABLE), JSON.writeValueAsBytes(draft));
  }

  /** The draft; null where there is none, or a damaged one. */
  @Nullable EvidenceDraft draft() throws IOException {
    Path file = folder.resolve(DRAFT_TABLE);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return null;
    }
    try {
      return JSON.readValue(bytes(file, LONGEST_TABLE), EvidenceDraft.class);
    } catch (DamagedException | JsonProcessingException e) {
      complain(file, firstLine(e));
      return null;
    }
  }

  void removeDraft() throws IOException {
    if (!isThere()) {
      return;
    }
    Files.deleteIfExists(folder.resolve(DRAFT_TABLE));
    Files.deleteIfExists(folder.resolve(DRAFT_SHEET));
  }

  /**
   * Makes the draft evidence, in place of what was kept under its name. After a crash in the midst
   * of it this can be done again: the draft's table goes last.
   */
  void adopt(Evidence evidence) throws IOException {
    Path drawn = folder.resolve(DRAFT_SHEET);
    boolean moved = evidence.pictured() && !Files.exists(drawn, LinkOption.NOFOLLOW_LINKS);
    if (!moved) {
      remove(evidence.name());
    }
    writeTable(evidence);
    if (evidence.pictured() && !moved) {
      Path sheet = folder.resolve(evidence.name() + SHEET);
      Files.move(drawn, sheet, StandardCopyOption.ATOMIC_MOVE);
      COMPLAINED.remove(sheet);
    }
    removeDraft();
  }

  private void writeTable(Evidence evidence) throws IOException {
    Path file = folder.resolve(evidence.name() + TABLE);
    write(file, JSON.writeValueAsBytes(evidence));
    COMPLAINED.remove(file);
  }

  private static void write(Path file, byte[] bytes) throws IOException {
    AtomicFile.write(file, channel -> writeAll(channel, bytes));
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
      return parsed(bytes(file, LONGEST_TABLE), name);
    } catch (NoSuchFileException gone) {
      return null;
    } catch (IOException e) {
      complain(file, firstLine(e));
    }
    return null;
  }

  /** What a table says; of a damaged one an error, and of bytes that could not be read none. */
  private static Evidence parsed(byte[] table, String name) throws DamagedException {
    try {
      Evidence evidence = JSON.readValue(table, Evidence.class);
      if (evidence != null && evidence.name().equals(name)) {
        return evidence;
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new DamagedException(firstLine(e));
    }
    throw new DamagedException("it is the table of another checkpoint");
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason");
  }

  /** It was read, and is not what was written. */
  private static final class DamagedException extends IOException {
    private static final long serialVersionUID = 1;

    DamagedException(String message) {
      super(message);
    }
  }

  /** The sheet of this name; null where there is none, or none that can be shown. */
  byte @Nullable [] sheet(String name) {
    Path file = folder.resolve(name + SHEET);
    try {
      return wholeSheet(file);
    } catch (NoSuchFileException | NotDirectoryException none) {
      return null;
    } catch (DamagedException e) {
      complain(file, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      complain(file, e.toString());
    }
    return null;
  }

  private static byte[] wholeSheet(Path file) throws IOException {
    byte[] bytes = bytes(file, LONGEST_SHEET);
    if (!isWhole(bytes)) {
      throw new DamagedException("it is no PNG, or a damaged one");
    }
    return bytes;
  }

  /** Whether these are all parts of a PNG, each with its own checksum (PNG 1.2, section 3.2). */
  static boolean isWhole(byte[] png) {
    ByteBuffer rest = ByteBuffer.wrap(png);
    if (png.length < SIGNATURE.length
        || !rest.slice(0, SIGNATURE.length).equals(ByteBuffer.wrap(SIGNATURE))) {
      return false;
    }
    rest.position(SIGNATURE.length);
    while (rest.remaining() >= LEAST_PART) {
      int length = rest.getInt();
      if (length < 0 || length > rest.remaining() - 2 * Integer.BYTES) {
        return false;
      }
      CRC32 sum = new CRC32();
      sum.update(rest.slice(rest.position(), Integer.BYTES + length));
      int kind = rest.getInt();
      rest.position(rest.position() + length);
      if (rest.getInt() != (int) sum.getValue()) {
        return false;
      }
      if (kind == LAST_PART) {
        return !rest.hasRemaining();
      }
    }
    return false;
  }

  private static byte[] bytes(Path file, int longest) throws IOException {
    try (InputStream in =
        Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      byte[] bytes = in.readNBytes(longest + 1);
      if (bytes.length > longest) {
        throw new DamagedException("longer than %d bytes".formatted(longest));
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
      boolean temporary = name.startsWith(".") && name.endsWith(TEMPORARY);
      boolean alone =
          name.endsWith(SHEET)
              && !names.contains(name.substring(0, name.length() - SHEET.length()) + TABLE);
      if (temporary || alone) {
        Files.deleteIfExists(folder.resolve(name));
      }
    }
  }

  /**
   * Removes what is damaged, and tells of it: a table with its sheet, and a sheet alone, whose
   * table then has the numbers without it. What is there and cannot be read, because of its
   * permissions or of the disk, is told of and stays: it may be read later.
   *
   * @return names of evidence that was damaged
   */
  Set<String> mend() throws IOException {
    tidy();
    Set<String> damaged = new HashSet<>();
    for (Path file : files()) {
      String fileName = file.getFileName().toString();
      if (fileName.endsWith(TABLE)) {
        String name = fileName.substring(0, fileName.length() - TABLE.length());
        if (!isWhole(file, name)) {
          damaged.add(name);
        }
      }
    }
    return damaged;
  }

  /** Whether there was nothing to remove. */
  private boolean isWhole(Path table, String name) throws IOException {
    Evidence evidence;
    try {
      evidence = parsed(bytes(table, LONGEST_TABLE), name);
    } catch (DamagedException e) {
      complain(table, String.valueOf(e.getMessage()));
      remove(name);
      return false;
    } catch (IOException e) {
      complain(table, e.toString());
      return true;
    }
    Path sheet = folder.resolve(name + SHEET);
    try {
      if (evidence.pictured()) {
        wholeSheet(sheet);
      }
    } catch (NoSuchFileException | DamagedException e) {
      complain(sheet, e instanceof DamagedException ? firstLine(e) : "it is not there");
      // The table first: it must not name a sheet that is gone.
      writeTable(evidence.withoutPictures());
      Files.deleteIfExists(sheet);
      return false;
    } catch (IOException e) {
      complain(sheet, e.toString());
    }
    return true;
  }

  /** Removes all of it, and the folder if nothing of others is in it. */
  void removeAll() throws IOException {
    removeDraft();
    List<Path> files = files();
    for (String kind : List.of(TABLE, SHEET, TEMPORARY)) {
      for (Path file : files) {
        if (file.getFileName().toString().endsWith(kind)) {
          Files.deleteIfExists(file);
          COMPLAINED.remove(file);
        }
      }
    }
    if (isThere() && files().isEmpty()) {
      Files.deleteIfExists(folder);
    }
  }

  private boolean isThere() {
    return Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS);
  }

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    if (isThere()) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
        entries.forEach(files::add);
      }
    }
    return files;
  }
}
