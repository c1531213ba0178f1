package io.diffuscope.run;

/**
 * Progress of what is done once before the first checkpoint; told, never stored.
 *
 * @param what for people, for example {@code endpoints of the train flow}
 * @param done units finished
 * @param total units in all
 */
public record PreparationProgress(String run, String what, int done, int total)
    implements RunNotification {}
