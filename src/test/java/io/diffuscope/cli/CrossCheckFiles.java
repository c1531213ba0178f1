package io.diffuscope.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/**
 * The fixtures of {@code make_cross_check_fixtures.py}, laid out in a folder: a trained checkpoint
 * of the demo, 130 training points (two of them near copies), 97 hold-out points (one in the
 * training set too), 200 noises, a mixture of three Gaussians in 64 dimensions.
 */
record CrossCheckFiles(Path folder) {
  private static final String CHECKPOINT = "step-010000.safetensors";

  static CrossCheckFiles unpack(Path folder) throws IOException {
    try (InputStream packed = open("cross-check/" + CHECKPOINT + ".gz");
        InputStream weights = new GZIPInputStream(packed)) {
      Files.copy(weights, folder.resolve(CHECKPOINT));
    }
    for (String name : new String[] {"train.npy", "holdout.npy", "noise.npy", "mixture.npz"}) {
      try (InputStream content = open("cross-check/" + name)) {
        Files.copy(content, folder.resolve(name));
      }
    }
    for (String name : new String[] {"demo-network.pt", "digits-mixture.npz"}) {
      try (InputStream content = open("/io/diffuscope/demo/" + name)) {
        Files.copy(content, folder.resolve(name));
      }
    }
    return new CrossCheckFiles(folder);
  }

  private static InputStream open(String resource) {
    return Objects.requireNonNull(
        CrossCheckFiles.class.getResourceAsStream(resource), "missing resource " + resource);
  }

  /** What {@code cross_check.py} printed for a case when the fixtures were made. */
  static JsonNode expected(String name) throws IOException {
    try (InputStream content = open("cross-check/expected-" + name + ".json")) {
      return new ObjectMapper().readTree(content);
    }
  }

  Path checkpoint() {
    return folder.resolve(CHECKPOINT);
  }

  String template() {
    return path("demo-network.pt");
  }

  String train() {
    return path("train.npy");
  }

  String holdout() {
    return path("holdout.npy");
  }

  String noise() {
    return path("noise.npy");
  }

  String path(String name) {
    return folder.resolve(name).toString();
  }
}
