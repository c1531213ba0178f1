package io.diffuscope.run;

/**
 * The evidence of a checkpoint could not be kept; the evaluation goes on. Told, never stored.
 *
 * @param first whether the one before was kept: only then it is worth telling people
 * @param message one sentence for people
 */
public record EvidenceNews(String run, boolean first, String message) implements RunNotification {}
