package io.diffuscope.checkpoint.s3;

import akka.actor.ActorSystem;
import akka.http.javadsl.Http;
import akka.http.javadsl.HttpsConnectionContext;
import akka.http.javadsl.model.headers.ByteRange;
import akka.pattern.Patterns;
import akka.stream.Attributes;
import akka.stream.SystemMaterializer;
import akka.stream.alpakka.s3.AccessStyle;
import akka.stream.alpakka.s3.ApiVersion;
import akka.stream.alpakka.s3.MemoryBufferType;
import akka.stream.alpakka.s3.ObjectMetadata;
import akka.stream.alpakka.s3.RetrySettings;
import akka.stream.alpakka.s3.S3Attributes;
import akka.stream.alpakka.s3.S3Headers;
import akka.stream.alpakka.s3.S3Settings;
import akka.stream.alpakka.s3.javadsl.S3;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import scala.collection.immutable.Map.Map1;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.AwsRegionProvider;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;

/**
 * The requests to an object store, as calls that block. Each has a deadline and is tried again a
 * few times where that may help.
 *
 * <p>It has an actor system of its own, with daemon threads: commands that measure once need
 * buckets before any monitor starts, and the authorities that are trusted here must not be trusted
 * by other clients of the process.
 */
final class ObjectStore implements AutoCloseable {
  /** More keys below one prefix than this are not a training job's. */
  private static final int MOST_OBJECTS = 1_000_000;

  private static final int ATTEMPTS = 5;
  private static final Duration LONGEST_DELAY = Duration.ofSeconds(8);

  /** Without a byte of an answer, or an object of a listing. */
  private static final Duration DEADLINE = Duration.ofMinutes(1);

  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

  /** Of all attempts. */
  private static final Duration PATIENCE = DEADLINE.multipliedBy(ATTEMPTS + 1);

  private static final Config CONFIG =
      ConfigFactory.parseString(
          """
          akka.daemonic = on
          akka.coordinated-shutdown.run-by-jvm-shutdown-hook = off
          akka.http.host-connection-pool.max-retries = 0
          akka.http.host-connection-pool.max-connections = 8
          # Requests that failed wait for their next attempt already.
          akka.http.host-connection-pool.max-connection-backoff = 1 s
          akka.http.client.connecting-timeout = 10 s
          """);

  private final ObjectFailures failures;
  private final ObjectStoreSettings settings;
  private final ActorSystem system;
  private final Attributes attributes;
  private final AtomicLong fetchedBytes = new AtomicLong();
  private final AtomicLong fetches = new AtomicLong();

  private ObjectStore(ObjectStoreSettings settings, ActorSystem system, Attributes attributes) {
    this.settings = settings;
    this.failures = new ObjectFailures(settings);
    this.system = system;
    this.attributes = attributes;
  }

  static ObjectStore open(ObjectStoreSettings settings, AwsCredentialsProvider credentials)
      throws BadInputException {
    Path authorities = settings.authorities();
    HttpsConnectionContext trusted =
        authorities == null ? null : TrustedAuthorities.context(authorities);
    ActorSystem system =
        ActorSystem.create("diffuscope-s3", CONFIG.withFallback(ConfigFactory.load()));
    if (trusted != null) {
      Http.get(system).setDefaultClientHttpsContext(trusted);
    }
    return new ObjectStore(settings, system, S3Attributes.settings(alpakka(settings, credentials)));
  }

  private static S3Settings alpakka(
      ObjectStoreSettings settings, AwsCredentialsProvider credentials) {
    S3Settings s3 =
        S3Settings.create(
                MemoryBufferType.getInstance(),
                credentials,
                region(settings),
                ApiVersion.getListBucketVersion2())
            .withAccessStyle(
                settings.pathStyle()
                    ? AccessStyle.pathAccessStyle()
                    : AccessStyle.virtualHostAccessStyle())
            // Tried again here, where answers are complete.
            .withRetrySettings(
                RetrySettings.create(0, Duration.ofMillis(1), Duration.ofMillis(1), 0));
    URI endpoint = settings.endpoint();
    if (endpoint == null) {
      return s3;
    }
    String host = settings.pathStyle() ? "" : "{bucket}.";
    String port = endpoint.getPort() < 0 ? "" : ":" + endpoint.getPort();
    return s3.withEndpointUrl(endpoint.getScheme() + "://" + host + endpoint.getHost() + port);
  }

  private static AwsRegionProvider region(ObjectStoreSettings settings) {
    String named = settings.region();
    if (named != null) {
      return () -> Region.of(named);
    }
    return settings.endpoint() == null
        ? new DefaultAwsRegionProviderChain()
        : () -> Region.US_EAST_1;
  }

  /** All objects whose keys begin with a prefix. */
  List<StoredObject> list(String bucket, String prefix) throws IOException {
    String name = S3FileSystemProvider.SCHEME + "://" + bucket + "/" + prefix;
    List<StoredObject> all =
        ask(
            name,
            () ->
                run(
                    S3.listBucket(bucket, prefix.isEmpty() ? Optional.empty() : Optional.of(prefix))
                        .take(MOST_OBJECTS + 1L)
                        .map(
                            found ->
                                new StoredObject(
                                    bucket,
                                    found.getKey(),
                                    found.getSize(),
                                    found.getLastModified().truncatedTo(ChronoUnit.SECONDS),
                                    unquoted(found.getETag()))),
                    Sink.seq()));
    if (all.size() > MOST_OBJECTS) {
      throw new BadInputException(
          name,
          Reason.UNSUPPORTED,
          "more than %,d objects; name a prefix nearer to the checkpoints".formatted(MOST_OBJECTS),
          null);
    }
    return all;
  }

  /** The object of a key; empty where there is none. */
  Optional<StoredObject> find(String bucket, String key) throws IOException {
    Optional<ObjectMetadata> found =
        ask(
            S3FileSystemProvider.SCHEME + "://" + bucket + "/" + key,
            () -> run(S3.getObjectMetadata(bucket, key), Sink.head()));
    return found.map(
        metadata ->
            new StoredObject(
                bucket,
                key,
                metadata.getContentLength(),
                Instant.ofEpochMilli(metadata.getLastModified().clicks())
                    .truncatedTo(ChronoUnit.SECONDS),
                unquoted(metadata.getETag().orElse(""))));
  }

  /**
   * Some bytes of an object.
   *
   * @throws BadInputException CHANGED where its key has another object now
   */
  ByteString read(StoredObject object, long first, int count) throws IOException {
    S3Headers unchanged =
        S3Headers.create().withCustomHeaders(new Map1<>("If-Match", "\"" + object.etag() + "\""));
    return ask(
        object.name(),
        () -> {
          fetches.incrementAndGet();
          return run(
                  S3.getObject(
                          object.bucket(),
                          object.key(),
                          ByteRange.createSlice(first, first + count - 1),
                          unchanged)
                      // A store that ignores the range must not fill the memory.
                      .limitWeighted(count, bytes -> (long) bytes.size()),
                  Sink.fold(ByteString.emptyByteString(), ByteString::concat))
              .thenApply(bytes -> whole(bytes, count));
        });
  }

  private <T, M, R> CompletionStage<R> run(Source<T, M> request, Sink<T, CompletionStage<R>> sink) {
    return request
        .withAttributes(attributes)
        .idleTimeout(DEADLINE)
        .runWith(sink, SystemMaterializer.get(system).materializer());
  }

  private <T> T ask(String name, Callable<CompletionStage<T>> request) throws IOException {
    CompletionStage<T> answer =
        Patterns.retry(
            request,
            ATTEMPTS,
            settings.firstDelay(),
            LONGEST_DELAY,
            0.2,
            failure -> ObjectFailures.isPassing(ObjectFailures.cause(failure)),
            system);
    try {
      return answer.toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw failures.describe(name, ObjectFailures.cause(e));
    } catch (TimeoutException e) {
      throw failures.describe(name, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException(name + ": interrupted while it was read").initCause(e);
    }
  }

  private ByteString whole(ByteString bytes, int count) {
    fetchedBytes.addAndGet(bytes.size());
    if (bytes.size() != count) {
      throw new IllegalStateException(
          "an answer had %d bytes in place of %d".formatted(bytes.size(), count));
    }
    return bytes;
  }

  /** Bytes of objects that came over the network so far. */
  long fetchedBytes() {
    return fetchedBytes.get();
  }

  /** Requests for bytes of objects so far. */
  long fetches() {
    return fetches.get();
  }

  private static String unquoted(String etag) {
    return etag.replace("\"", "");
  }

  @Override
  public void close() {
    // Pools that end with their system complain aloud.
    Http.get(system)
        .shutdownAllConnectionPools()
        .toCompletableFuture()
        .orTimeout(CLOSE_PATIENCE.toSeconds(), TimeUnit.SECONDS)
        .handle((done, unfinished) -> done)
        .join();
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().join();
  }
}
