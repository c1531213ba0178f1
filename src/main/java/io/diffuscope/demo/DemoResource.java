package io.diffuscope.demo;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A file that travels in the jar; {@code src/main/python/make_demo_resources.py} makes them. */
enum DemoResource {
  /** {@code images} uint8 {@code [1797, 1, 8, 8]}, 0 to 16, and {@code labels}. */
  DIGITS("digits.npz"),
  /** A mixture of ten low-rank Gaussians fitted to the digits at x / 8 - 1, a mixture teacher. */
  MIXTURE("digits-mixture.npz"),
  /** TorchScript of the network at its initial weights. */
  NETWORK("demo-network.pt");

  private final String file;

  DemoResource(String file) {
    this.file = file;
  }

  /** Writes the resource to a file, replacing it. */
  Path copyTo(Path target) throws IOException {
    try (InputStream content = DemoResource.class.getResourceAsStream(file)) {
      if (content == null) {
        throw new FileNotFoundException(file + " is missing in this build of Diffuscope");
      }
      Files.copy(content, target, StandardCopyOption.REPLACE_EXISTING);
      return target;
    }
  }
}
