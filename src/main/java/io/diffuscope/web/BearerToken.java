package io.diffuscope.web;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.regex.Pattern;

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
