package io.diffuscope.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version that the build wrote into {@code build.properties}. */
final class Version implements IVersionProvider {
  static String current() {
    try (InputStream in = Version.class.getResourceAsStream("/io/diffuscope/build.properties")) {
      Properties properties = new Properties();
      if (in != null) {
        properties.load(in);
      }
      return properties.getProperty("version", "unknown");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String[] getVersion() {
    return new String[] {
      "diffuscope " + current(),
      "Java " + Runtime.version() + ", " + System.getProperty("os.name", "unknown system")
    };
  }
}
