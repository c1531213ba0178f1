package io.diffuscope.web;

import akka.http.javadsl.model.HttpHeader;
import akka.http.javadsl.model.HttpRequest;
import akka.http.javadsl.model.headers.Authorization;
import akka.http.javadsl.model.headers.HttpChallenge;
import akka.http.javadsl.model.headers.OAuth2BearerToken;
import akka.http.javadsl.model.headers.WWWAuthenticate;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A secret that a request shows to be let through ({@code Authorization: Bearer ...}). Only its
 * digest is kept, and comparing takes the same time whatever is shown.
 */
public final class BearerToken {
  private static final int SHORTEST = 16;

  /** What RFC 6750, section 2.1, lets a token consist of. */
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/-]{" + SHORTEST + ",}=*");

  private final byte[] digest;

  private BearerToken(byte[] digest) {
    this.digest = digest;
  }

  /**
   * A token from its text.
   *
   * @throws IllegalArgumentException if it can be guessed or cannot stand in a header; the message
   *     does not repeat it
   */
  public static BearerToken of(String text) {
    if (!TOKEN.matcher(text).matches()) {
      throw new IllegalArgumentException(
          "the token must be at least %d letters, digits or any of ._~+/- ; \"openssl rand -hex 32\" makes one"
              .formatted(SHORTEST));
    }
    return new BearerToken(digest(text));
  }

  /** What a request shows as its token; null where it shows none. */
  static @Nullable String shownBy(HttpRequest request) {
    return request
        .getHeader(Authorization.class)
        .map(Authorization::credentials)
        .filter(OAuth2BearerToken.class::isInstance)
        .map(credentials -> ((OAuth2BearerToken) credentials).token())
        .orElse(null);
  }

  /** The header that belongs to an answer of status 401. */
  static HttpHeader challenge() {
    return WWWAuthenticate.create(HttpChallenge.createOAuth2("diffuscope"));
  }

  boolean matches(String shown) {
    return MessageDigest.isEqual(digest, digest(shown));
  }

  private static byte[] digest(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return "BearerToken";
  }
}
