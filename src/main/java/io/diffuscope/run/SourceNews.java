package io.diffuscope.run;

/**
 * What the source of a run's checkpoints has to tell: the layout that was recognised, the weights
 * that are taken, a directory that cannot be listed. Told, never stored.
 *
 * @param problem whether something is in the way
 * @param message one sentence for people
 */
public record SourceNews(String run, boolean problem, String message) implements RunNotification {}
