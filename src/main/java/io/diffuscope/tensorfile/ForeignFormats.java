package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * Formats of weights that are recognised but not read, each with the Python that makes safetensors
 * of it: a person is told what the file is and what to run, and not that its header is wrong.
 */
final class ForeignFormats {
  /**
   * A format told by bytes at a position.
   *
   * @param python prints no output; IN and OUT are to be replaced
   */
  private record Format(String name, int position, byte[] magic, String python) {}

  private static final String FROM_NUMPY =
      "import numpy, safetensors.numpy as s; s.save_file(dict(numpy.load(IN)), OUT)";
  private static final String FROM_TENSORFLOW =
      "import tensorflow as tf, safetensors.numpy as s; r = tf.train.load_checkpoint(IN);"
          + " s.save_file({n.replace('/', '.'): r.get_tensor(n) for n in"
          + " r.get_variable_to_shape_map()}, OUT)";
  private static final String FROM_ORBAX =
      "import numpy, orbax.checkpoint as o, flax.traverse_util as t, safetensors.numpy as s;"
          + " s.save_file({k: numpy.asarray(v) for k, v in"
          + " t.flatten_dict(o.PyTreeCheckpointer().restore(IN), sep='.').items()}, OUT)";
  private static final String FROM_HDF5 =
      "import h5py, safetensors.numpy as s; d = {}; h5py.File(IN).visititems(lambda n, v:"
          + " d.update({n.replace('/', '.'): v[()]}) if isinstance(v, h5py.Dataset) else None);"
          + " s.save_file(d, OUT)";
  private static final String FROM_GGUF =
      "import gguf, safetensors.numpy as s; s.save_file({t.name: gguf.dequantize(t.data,"
          + " t.tensor_type) for t in gguf.GGUFReader(IN).tensors}, OUT)";

  private static final List<Format> FORMATS =
      List.of(
          new Format("a GGUF file", 0, ascii("GGUF"), FROM_GGUF),
          new Format("an HDF5 (Keras) file", 0, latin("\u0089HDF\r\n\u001a\n"), FROM_HDF5),
          new Format(
              "a NumPy array file",
              0,
              latin("\u0093NUMPY"),
              "import numpy, safetensors.numpy as s; s.save_file({'array': numpy.load(IN)}, OUT)"),
          new Format("a file compressed by gzip", 0, latin("\u001f\u008b\b"), "gunzip IN"),
          new Format("a file compressed by Zstandard", 0, latin("(\u00b5/\u00fd"), "unzstd IN"),
          new Format(
              "a tar archive",
              257,
              ascii("ustar"),
              "import torch; torch.save(torch.load(IN), OUT)"),
          // The magic number of LevelDB's tables, which TensorFlow's indices are, is at the end.
          new Format(
              "the index of a TensorFlow checkpoint",
              -8,
              latin("W\u00fb\u0080\u008b$uG\u00db"),
              FROM_TENSORFLOW));

  private ForeignFormats() {}

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] latin(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** What to say of a file that begins or ends as one of these formats does. */
  static Optional<BadInputException> file(ByteSource source) throws BadInputException {
    for (Format format : FORMATS) {
      long at = format.position < 0 ? source.size() + format.position : format.position;
      if (at < 0 || source.size() - at < format.magic.length) {
        continue;
      }
      ByteBuffer found = ByteBuffer.allocate(format.magic.length);
      source.read(at, found);
      if (found.flip().equals(ByteBuffer.wrap(format.magic))) {
        return Optional.of(refusal(source.name(), format.name, format.python));
      }
    }
    return Optional.empty();
  }

  /** What to say of a zip archive without PyTorch's pickle. */
  static BadInputException archive(ByteSource source, Collection<String> members) {
    if (members.stream().anyMatch(name -> name.endsWith(".npy"))) {
      return refusal(source.name(), "a NumPy archive (.npz)", FROM_NUMPY);
    }
    if (members.contains("model.weights.h5")) {
      return refusal(
          source.name(),
          "a Keras model",
          "import keras; keras.models.load_model(IN).save_weights('weights.h5') and then "
              + FROM_HDF5);
    }
    if (members.stream().anyMatch(name -> name.endsWith("archive_format"))) {
      return refusal(
          source.name(),
          "a program of torch.export",
          "import torch, safetensors.torch as s; s.save_file(torch.export.load(IN).state_dict,"
              + " OUT)");
    }
    return new BadInputException(
        source.name(),
        Reason.UNSUPPORTED,
        "is an archive without a data.pkl, which torch.save would have written; save the weights"
            + " with torch.save(model.state_dict(), FILE) or as safetensors",
        null);
  }

  /** What to say of a directory that other libraries write. */
  static Optional<BadInputException> directory(Path path) {
    if (has(path, "_CHECKPOINT_METADATA")
        || has(path, "_METADATA")
        || has(path, "manifest.ocdbt")
        || has(path, "commit_success.txt")) {
      return Optional.of(refusal(path.toString(), "an Orbax (JAX) checkpoint", FROM_ORBAX));
    }
    if (has(path, "saved_model.pb")) {
      return Optional.of(
          refusal(
              path.toString(),
              "a TensorFlow SavedModel",
              FROM_TENSORFLOW.replace("IN", "IN + '/variables/variables'")));
    }
    if (has(path, "zero_to_fp32.py")) {
      return Optional.of(
          new BadInputException(
              path,
              Reason.UNSUPPORTED,
              "is a DeepSpeed checkpoint, which is not read; the script in it makes safetensors:"
                  + " python zero_to_fp32.py . OUT --safe_serialization"));
    }
    return Optional.empty();
  }

  /** What to say of a file that holds an object of a Python class and nothing else. */
  static BadInputException object(String file, String type) {
    return new BadInputException(
        file,
        Reason.UNSUPPORTED,
        "holds an object of the Python class "
            + Text.quote(type)
            + ", which only its own code can load; save its weights instead:"
            + " torch.save(model.state_dict(), FILE)",
        null);
  }

  private static boolean has(Path directory, String name) {
    return Files.exists(directory.resolve(name));
  }

  private static BadInputException refusal(String file, String format, String python) {
    return new BadInputException(
        file,
        Reason.UNSUPPORTED,
        "is "
            + format
            + ", which is not read; convert it: "
            + (python.startsWith("import") ? "python -c \"" + python + "\"" : python),
        null);
  }
}
