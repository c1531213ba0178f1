package io.diffuscope.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/** What a TorchScript archive says about its graph, read as text, without the tensor engine. */
final class GraphArchive {
  private static final String SETTINGS_ENTRY = "/extra/diffuscope.json";
  private static final int MOST_BYTES = 1 << 24;

  /** How the archive names the memory of types that the engine cannot hold. */
  private static final Pattern UNSUPPORTED_STORAGE =
      Pattern.compile("(BFloat16|Half|Complex\\w+|Q\\w+)Storage");

  private static final Pattern BUFFERS = Pattern.compile("__buffers__ = \\[([^\\]]*)\\]");
  private static final Pattern QUOTED = Pattern.compile("\"([^\"]+)\"");

  /** The first class in the pickle of a module is the module's own. */
  private static final Pattern ROOT_CLASS = Pattern.compile("c(__torch__[\\w.]*)\\n(\\w+)\\n");

  private final Path file;
  private final ZipFile zip;
  private final List<? extends ZipEntry> entries;

  private GraphArchive(Path file, ZipFile zip) throws BadInputException {
    this.file = file;
    this.zip = zip;
    this.entries = zip.stream().toList();
    if (entries.stream().noneMatch(e -> e.getName().contains("/code/"))) {
      throw new BadInputException(
          file,
          Reason.UNSUPPORTED,
          "a torch file without a graph (a state_dict?), not TorchScript; export the network once"
              + " with torch.jit.trace and torch.jit.save");
    }
  }

  /** What is done with an open archive. */
  @FunctionalInterface
  private interface Reader<T> {
    T read(GraphArchive archive) throws IOException;
  }

  /**
   * The settings of an exported network, checked against its inputs.
   *
   * @throws BadInputException if the file is no TorchScript archive or its settings are incomplete
   */
  static NetworkSettings settingsOf(Path file, NetworkSettings.Overrides overrides)
      throws BadInputException {
    return open(
        file,
        archive -> {
          archive.refuseOtherTypes();
          return archive.settings(overrides);
        });
  }

  /** Whether a file is a network that was exported with its settings. */
  static boolean hasSettings(Path file) {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try {
      return open(file, archive -> archive.entryEndingWith(SETTINGS_ENTRY) != null);
    } catch (BadInputException e) {
      // No archive, or not to be read: whoever reads it as something else says why.
      return false;
    }
  }

  /**
   * Names (without their module) of the buffers in a graph. The engine's interface lists parameters
   * only, but the archive's own code declares both.
   */
  static Set<String> buffersOf(Path file) throws BadInputException {
    return open(file, GraphArchive::buffers);
  }

  private static <T> T open(Path file, Reader<T> reader) throws BadInputException {
    if (Files.isDirectory(file)) {
      throw new BadInputException(
          file, Reason.UNSUPPORTED, "a directory; give the exported network, a file");
    }
    try (ZipFile zip = new ZipFile(file.toFile())) {
      return reader.read(new GraphArchive(file, zip));
    } catch (NoSuchFileException e) {
      throw new BadInputException(file, Reason.VANISHED, "no such file; give the exported network");
    } catch (AccessDeniedException e) {
      throw new BadInputException(file, Reason.UNREADABLE, "permission denied");
    } catch (ZipException e) {
      throw new BadInputException(
          file.toString(),
          Reason.MALFORMED,
          "not a TorchScript file (no zip archive); export the network with torch.jit.save",
          e);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      throw new BadInputException(file.toString(), Reason.UNREADABLE, firstLine(e), e);
    }
  }

  private NetworkSettings settings(NetworkSettings.Overrides overrides) throws IOException {
    NetworkSettings settings;
    try {
      String text = text(entryEndingWith(SETTINGS_ENTRY), StandardCharsets.UTF_8);
      JsonNode json = new ObjectMapper().readTree(text.isEmpty() ? "{}" : text);
      settings = NetworkSettings.of(json, overrides);
    } catch (IllegalArgumentException | JsonProcessingException e) {
      throw new BadInputException(
          file.toString(),
          Reason.UNSUPPORTED,
          "its settings (extra file diffuscope.json) cannot be used: %s; save them with"
                  .formatted(firstLine(e))
              + " torch.jit.save(net, path, _extra_files={\"diffuscope.json\": ...}) or set them in"
              + " the configuration under diffuscope.network",
          e);
    }
    try {
      requireInputs(settings);
    } catch (IllegalArgumentException e) {
      throw new BadInputException(file.toString(), Reason.UNSUPPORTED, firstLine(e), e);
    }
    return settings;
  }

  private void requireInputs(NetworkSettings settings) throws IOException {
    Matcher root =
        ROOT_CLASS.matcher(text(entryEndingWith("/data.pkl"), StandardCharsets.ISO_8859_1));
    if (root.find()) {
      String source = "/code/" + root.group(1).replace('.', '/') + ".py";
      ForwardInputs.of(text(entryEndingWith(source), StandardCharsets.UTF_8), root.group(2))
          .require(settings);
    }
  }

  /** Looked for in the archive itself: the engine would end the process over some of them. */
  private void refuseOtherTypes() throws IOException {
    Matcher storage =
        UNSUPPORTED_STORAGE.matcher(
            text(entryEndingWith("/data.pkl"), StandardCharsets.ISO_8859_1));
    if (storage.find()) {
      throw new BadInputException(
          file,
          Reason.UNSUPPORTED,
          "holds tensors of type %s; export the network in float32, with net.float()"
              .formatted(storage.group(1)));
    }
  }

  private Set<String> buffers() throws IOException {
    Set<String> names = new TreeSet<>();
    for (ZipEntry entry : entries) {
      if (entry.getName().contains("/code/") && entry.getName().endsWith(".py")) {
        Matcher declaration = BUFFERS.matcher(text(entry, StandardCharsets.UTF_8));
        while (declaration.find()) {
          QUOTED.matcher(declaration.group(1)).results().map(m -> m.group(1)).forEach(names::add);
        }
      }
    }
    return names;
  }

  private @Nullable ZipEntry entryEndingWith(String end) {
    return entries.stream().filter(e -> e.getName().endsWith(end)).findFirst().orElse(null);
  }

  private String text(@Nullable ZipEntry entry, Charset charset) throws IOException {
    if (entry == null) {
      return "";
    }
    try (InputStream in = zip.getInputStream(entry)) {
      return new String(in.readNBytes(MOST_BYTES), charset);
    }
  }

  static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("no message");
  }
}
