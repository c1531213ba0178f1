package io.diffuscope.checkpoint.s3;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ConnectException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider;

/** Web identity: the token service's client and its HTTP client are where the AWS SDK looks. */
class WebIdentityTest {
  private final Map<String, @Nullable String> before = new HashMap<>();

  @AfterEach
  void restore() {
    before.forEach(
        (key, value) -> {
          if (value == null) {
            System.clearProperty(key);
          } else {
            System.setProperty(key, value);
          }
        });
  }

  @Test
  void theTokenIsTakenToTheTokenService(@TempDir Path folder) throws Exception {
    int closed;
    try (ServerSocket socket = new ServerSocket(0)) {
      closed = socket.getLocalPort();
    }
    set("aws.webIdentityTokenFile", Files.writeString(folder.resolve("token"), "t").toString());
    set("aws.roleArn", "arn:aws:iam::123456789012:role/reader");
    set("aws.region", "eu-west-1");
    // Nothing leaves this machine: the way to the service is closed.
    set("https.proxyHost", "localhost");
    set("https.proxyPort", Integer.toString(closed));
    AwsCredentialsProvider provider = WebIdentityTokenFileCredentialsProvider.create();

    assertThatThrownBy(provider::resolveCredentials).hasRootCauseInstanceOf(ConnectException.class);
  }

  private void set(String key, String value) {
    before.put(key, System.setProperty(key, value));
  }
}
