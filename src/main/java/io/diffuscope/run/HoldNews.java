package io.diffuscope.run;

/**
 * A checkpoint that should be held while it is evaluated is read where it lies. Told, never stored.
 *
 * @param reason label of the {@link io.diffuscope.checkpoint.Hold.Obstacle}
 * @param first whether it is the first of the run for this reason
 * @param message which checkpoint, why, and what to do, for people
 */
public record HoldNews(String run, String reason, boolean first, String message)
    implements RunNotification {}
