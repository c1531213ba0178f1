package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tensors that lie in one or more files, wherever and however. */
final class FileTensors implements TensorSource {
  private final Path path;
  private final List<ByteSource> files;
  private final ElementReader reader;
  private final Map<String, StoredTensor> stored;
  private final Map<String, TensorInfo> tensors;
  private final Map<String, String> objects;

  /**
   * Takes over the files.
   *
   * @param objects as {@link #objects()}
   */
  FileTensors(
      Path path,
      List<ByteSource> files,
      Map<String, StoredTensor> stored,
      Map<String, String> objects) {
    this.path = path;
    this.files = List.copyOf(files);
    this.reader = new ElementReader(files.stream().mapToLong(ByteSource::size).max().orElse(0));
    this.stored = stored;
    Map<String, TensorInfo> infos = new LinkedHashMap<>();
    stored.forEach((name, tensor) -> infos.put(name, tensor.info()));
    this.tensors = Collections.unmodifiableMap(infos);
    this.objects = Collections.unmodifiableMap(objects);
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public Map<String, String> objects() {
    return objects;
  }

  @Override
  public void readFloats(String name, long from, FloatBuffer target) throws BadInputException {
    StoredTensor tensor = stored.get(name);
    if (tensor == null) {
      throw new BadInputException(
          path,
          Reason.MISMATCH,
          "has no tensor " + Text.quote(name) + "; it has " + Text.list(tensors.keySet()));
    }
    tensor.read(path.toString(), reader, from, target);
  }

  @Override
  public void verifyUnchanged() throws BadInputException {
    for (ByteSource file : files) {
      file.verifyUnchanged();
    }
  }

  @Override
  public void close() {
    files.forEach(ByteSource::close);
  }
}
