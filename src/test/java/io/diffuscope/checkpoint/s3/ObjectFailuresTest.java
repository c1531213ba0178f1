package io.diffuscope.checkpoint.s3;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;

class ObjectFailuresTest {
  private final ObjectFailures failures =
      new ObjectFailures(
          new ObjectStoreSettings(
              null,
              null,
              false,
              null,
              Path.of("scratch"),
              1 << 20,
              64 << 10,
              Duration.ofSeconds(10),
              ObjectStoreSettings.DEFAULT_FIRST_DELAY));

  @Test
  void everyFailureSaysWhatToDo() {
    assertThat(
            words(
                SdkClientException.create(
                    "Unable to load credentials from any of the providers\nFirst: none")))
        .contains("Unable to load credentials", "environment, profile, web identity")
        .doesNotContain("First");
    assertThat(words(AwsServiceException.builder().message("Not authorized to perform it").build()))
        .contains("Not authorized to perform it", "trust policy");
    assertThat(words(new TimeoutException())).contains("did not answer in time");
    assertThat(words(new ConnectException("Connection refused")))
        .contains("cannot be reached (Connection refused)", "diffuscope.s3.endpoint");
  }

  private String words(Throwable failure) {
    IOException told = failures.describe("s3://models/7", failure);
    assertThat(told.getMessage()).startsWith("s3://models/7");
    return String.valueOf(told.getMessage());
  }
}
