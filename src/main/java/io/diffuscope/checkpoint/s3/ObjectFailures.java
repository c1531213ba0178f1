package io.diffuscope.checkpoint.s3;

import akka.stream.alpakka.s3.S3Exception;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkServiceException;

/** The failures of an object store in words of files, with what to do about them. */
final class ObjectFailures {
  private static final Set<String> EXPIRED =
      Set.of("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired");

  /** Answers below 500 that mean: later. */
  private static final Set<String> BUSY = Set.of("SlowDown", "RequestTimeout", "TooManyRequests");

  private static final Set<String> WRONG_REGION =
      Set.of(
          "AuthorizationHeaderMalformed",
          "PermanentRedirect",
          "IllegalLocationConstraintException");

  private final ObjectStoreSettings settings;

  ObjectFailures(ObjectStoreSettings settings) {
    this.settings = settings;
  }

  /** The failure itself, without what streams and futures wrap around it. */
  static Throwable cause(Throwable failure) {
    Throwable cause = failure.getCause();
    boolean wraps = failure instanceof CompletionException || failure instanceof ExecutionException;
    return wraps && cause != null ? cause(cause) : failure;
  }

  /** Whether the same request may succeed in a moment. */
  static boolean isPassing(Throwable failure) {
    return switch (failure) {
      case S3Exception e ->
          e.statusCode().intValue() >= 500
              || e.statusCode().intValue() == 429
              || BUSY.contains(e.code())
              || EXPIRED.contains(e.code());
      case SSLException e -> false;
      case SdkClientException e -> false;
      case BadInputException e -> false;
      default -> true;
    };
  }

  /** What callers of a file system expect. */
  IOException describe(String name, Throwable failure) {
    return switch (failure) {
      case S3Exception e -> refused(name, e);
      case SdkClientException e ->
          unreadable(
              name,
              "AWS credentials could not be had (%s); set them where AWS tools look (environment,"
                      .formatted(firstLine(e))
                  + " profile, web identity)",
              e);
      case SdkServiceException e ->
          unreadable(
              name,
              "the service that lends credentials refuses (%s); check the role, its trust policy and"
                      .formatted(firstLine(e))
                  + " the web identity token",
              e);
      case SSLException e ->
          unreadable(
              name,
              "the certificate of %s is not trusted (%s); name its authority in diffuscope.s3.ca-file"
                  .formatted(settings.store(), e.getMessage()),
              e);
      case TimeoutException e -> unreadable(name, settings.store() + " did not answer in time", e);
      case BadInputException e -> e;
      default ->
          unreadable(
              name,
              "%s cannot be reached (%s); check diffuscope.s3.endpoint and the network"
                  .formatted(settings.store(), root(failure)),
              failure);
    };
  }

  private IOException refused(String name, S3Exception failure) {
    int status = failure.statusCode().intValue();
    String code = failure.code();
    if (code.equals("NoSuchBucket")) {
      return unreadable(name, settings.store() + " has no such bucket; check its name", failure);
    }
    if (status == 404) {
      return new NoSuchFileException(name);
    }
    if (status == 412 || code.equals("PreconditionFailed")) {
      return new BadInputException(
          name,
          Reason.CHANGED,
          "was replaced by another object while it was read; read it again when its writer has"
              + " finished",
          failure);
    }
    if (EXPIRED.contains(code)) {
      return unreadable(
          name,
          "the credentials for %s have expired; renew them where AWS tools look for them"
              .formatted(settings.store()),
          failure);
    }
    if (code.equals("RequestTimeTooSkewed")) {
      return unreadable(
          name,
          "%s finds the clock of this machine wrong; set it".formatted(settings.store()),
          failure);
    }
    if (WRONG_REGION.contains(code)) {
      return unreadable(
          name,
          "%s says that the bucket is in another region (%s); set diffuscope.s3.region"
              .formatted(settings.store(), failure.message()),
          failure);
    }
    if (status == 401 || status == 403) {
      return unreadable(
          name,
          "%s refuses these credentials (%s); grant them s3:ListBucket and s3:GetObject there"
              .formatted(settings.store(), code),
          failure);
    }
    return unreadable(
        name, "%s answers %d (%s)".formatted(settings.store(), status, code), failure);
  }

  private static IOException unreadable(String name, String detail, Throwable cause) {
    return new BadInputException(name, Reason.UNREADABLE, detail, cause);
  }

  /** The reasons of all providers of credentials are in the lines that follow. */
  private static String firstLine(Throwable failure) {
    return String.valueOf(failure.getMessage()).lines().findFirst().orElse("no reason given");
  }

  private static @Nullable String root(Throwable failure) {
    Throwable cause = failure.getCause();
    return cause == null || cause == failure ? failure.getMessage() : root(cause);
  }
}
