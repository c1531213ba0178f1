package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Which file of a directory holds the weights, where the directory itself is given. */
final class WeightDirectory {
  /** The best kind first; of the first kind that is there at all there must be one. */
  private static final List<Pattern> KINDS =
      List.of(
          Pattern.compile("[^.].*\\.safetensors\\.index\\.json"),
          Pattern.compile("[^.].*\\.safetensors"),
          Pattern.compile("[^.].*\\.bin\\.index\\.json"),
          // What accelerate and the Trainer save beside the weights.
          Pattern.compile(
              "(?!optimizer|scheduler|scaler|training_args|random_states)[^.].*\\.bin"));

  private WeightDirectory() {}

  /** The index of a checkpoint of {@code torch.distributed.checkpoint}, if this is one. */
  static Optional<Path> distributed(Path directory) {
    Path metadata = directory.resolve(DistributedCheckpoint.METADATA);
    return Files.isRegularFile(metadata) ? Optional.of(metadata) : Optional.empty();
  }

  /**
   * The file of weights, or the index of several.
   *
   * @throws BadInputException UNSUPPORTED (a checkpoint of another library), EMPTY, MISMATCH
   *     (several files of weights), VANISHED or UNREADABLE
   */
  static Path onlyFile(Path directory) throws BadInputException {
    TreeSet<String> names = new TreeSet<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        if (Files.isRegularFile(entry)) {
          names.add(String.valueOf(entry.getFileName()));
        }
      }
    } catch (DirectoryIteratorException failure) {
      throw FileFailures.describe(directory.toString(), new IOException(failure));
    } catch (IOException failure) {
      throw FileFailures.describe(directory.toString(), failure);
    }
    for (Pattern kind : KINDS) {
      List<String> matching = names.stream().filter(name -> kind.matcher(name).matches()).toList();
      if (matching.size() == 1) {
        return directory.resolve(matching.get(0));
      }
      if (matching.size() > 1) {
        throw new BadInputException(
            directory,
            Reason.MISMATCH,
            "has " + matching.size() + " files of weights; give one of " + Text.list(matching));
      }
    }
    Optional<BadInputException> foreign = ForeignFormats.directory(directory);
    throw foreign.isPresent()
        ? foreign.get()
        : new BadInputException(
            directory,
            Reason.EMPTY,
            "is a directory without weights (.safetensors, .bin, their index, or the .metadata of"
                + " torch.distributed.checkpoint); give the path of a file of weights");
  }
}
