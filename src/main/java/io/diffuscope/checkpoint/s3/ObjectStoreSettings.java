package io.diffuscope.checkpoint.s3;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where buckets are and what reading them may cost. Credentials are not among these: they are those
 * of the AWS default provider chain (environment, profile, web identity, container, instance).
 *
 * @param endpoint of a store that is not Amazon's, {@code https://host[:port]}; null for Amazon's
 * @param region null: as AWS tools find it, or {@code us-east-1} where there is an endpoint
 * @param pathStyle whether the bucket is named in the path rather than in the host's name
 * @param authorities PEM file of the certificate authorities to trust in place of the system's;
 *     null for the system's
 * @param scratchDirectory where blocks that were read are kept on disk
 * @param scratchBytes most of that space
 * @param blockBytes objects are read in aligned blocks of this size
 * @param pollInterval time between two listings of a prefix; a listing that is older than one and a
 *     half of it is not relied on
 * @param firstDelay before a failed request is tried again; doubles each time
 */
public record ObjectStoreSettings(
    @Nullable URI endpoint,
    @Nullable String region,
    boolean pathStyle,
    @Nullable Path authorities,
    Path scratchDirectory,
    long scratchBytes,
    int blockBytes,
    Duration pollInterval,
    Duration firstDelay) {
  public static final Duration DEFAULT_FIRST_DELAY = Duration.ofMillis(500);

  private static final int SMALLEST_BLOCK = 64 << 10;
  private static final int LARGEST_BLOCK = 64 << 20;

  public ObjectStoreSettings {
    if (endpoint != null
        && (endpoint.getHost() == null
            || !("http".equals(endpoint.getScheme()) || "https".equals(endpoint.getScheme())))) {
      throw new IllegalArgumentException(
          "diffuscope.s3.endpoint is \"%s\": give http:// or https://, a host and perhaps a port"
              .formatted(endpoint));
    }
    if (blockBytes < SMALLEST_BLOCK || blockBytes > LARGEST_BLOCK) {
      throw new IllegalArgumentException(
          "diffuscope.s3.block-bytes must be 64 KiB to 64 MiB, not %d bytes".formatted(blockBytes));
    }
    if (scratchBytes < blockBytes) {
      throw new IllegalArgumentException(
          "diffuscope.s3.scratch-bytes is %d, less than one block (block-bytes) of %d"
              .formatted(scratchBytes, blockBytes));
    }
    if (pollInterval.isNegative() || pollInterval.isZero()) {
      throw new IllegalArgumentException(
          "diffuscope.s3.poll-interval must be positive, not %d ms"
              .formatted(pollInterval.toMillis()));
    }
  }

  /** How messages name the store. */
  String store() {
    return endpoint == null ? "Amazon S3" : endpoint.toString();
  }
}
