package io.diffuscope.web;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where the HTTP server listens.
 *
 * @param host name or address of the interface; the loopback unless told otherwise, because nothing
 *     that is served asks for a password
 * @param port 0 to 65535; 0 takes any free one
 * @param token that a training job shows to announce a checkpoint; null where none may
 */
public record WebSettings(String host, int port, @Nullable BearerToken token) {
  public static final String DEFAULT_HOST = "127.0.0.1";
  public static final int DEFAULT_PORT = 9464;

  public WebSettings {
    if (host.isBlank()) {
      throw new IllegalArgumentException(
          "the host to listen on is empty; 127.0.0.1 is the default");
    }
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException(
          "port " + port + " is not between 0 and 65535; 0 takes any free one");
    }
  }

  /** The loopback interface, without a token. */
  public static WebSettings loopback(int port) {
    return new WebSettings(DEFAULT_HOST, port, null);
  }

  /** Whether only this machine can ask; not so where a name cannot be resolved. */
  public boolean isLoopback() {
    try {
      return Arrays.stream(InetAddress.getAllByName(host)).allMatch(InetAddress::isLoopbackAddress);
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** The same with a token. */
  public WebSettings withToken(BearerToken newToken) {
    return new WebSettings(host, port, newToken);
  }
}
