package io.diffuscope.run;

/**
 * A run's checkpoints cannot be held while they are evaluated. Told once for each cause, never
 * stored.
 *
 * @param message which checkpoint, why, and what to do, for people
 */
public record HoldNews(String run, String message) implements RunNotification {}
