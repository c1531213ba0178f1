package io.diffuscope.tensorfile;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * Named tensors on disk, whatever the format: a safetensors file, a set of shards, a torch file, a
 * pickle, a distributed checkpoint. {@link WeightFiles#open} tells which it is.
 *
 * <p>Tensors of nested dictionaries have dotted names, for example {@code ema.conv_in.weight}.
 * Values are read in bounded chunks on demand; what was read is to be trusted only after {@link
 * #verifyUnchanged()}, because a trainer may write over its files at any time.
 */
public interface TensorSource extends AutoCloseable {
  /** The file or directory. */
  Path path();

  /** The tensors by name, in the order of the file. */
  Map<String, TensorInfo> tensors();

  /**
   * What else is in the files and is left alone: the type of each object by its dotted name, for
   * example {@code args} to {@code argparse.Namespace}. Not complete in files with very many.
   */
  default Map<String, String> objects() {
    return Map.of();
  }

  /**
   * Fills what remains of {@code target} with the values of a tensor, in C order from element
   * {@code from} on, as float32.
   *
   * @throws IndexOutOfBoundsException when the tensor has fewer elements
   * @throws BadInputException MISMATCH (no such tensor), UNSUPPORTED (a type that cannot be read),
   *     MALFORMED, CHANGED or UNREADABLE
   */
  void readFloats(String name, long from, FloatBuffer target) throws BadInputException;

  /**
   * Fails when a file has vanished (VANISHED), or its size, time of modification or inode is not
   * what it was when it was opened (CHANGED).
   */
  void verifyUnchanged() throws BadInputException;

  @Override
  void close();
}
