package io.diffuscope.run;

/**
 * What a run's journal has to tell: a new series begins, a disk is full. Told, never stored.
 *
 * @param problem whether something is in the way
 * @param message one sentence for people
 */
public record JournalNews(String run, boolean problem, String message) implements RunNotification {}
