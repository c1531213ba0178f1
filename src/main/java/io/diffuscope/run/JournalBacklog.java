package io.diffuscope.run;

/**
 * How far a run's journal is behind what happened, told when that changes. Told, never stored.
 *
 * @param pending events that wait in memory to be written
 * @param failed whether a write failed just now
 * @param lost events that came just now and will not be written
 */
public record JournalBacklog(String run, int pending, boolean failed, int lost)
    implements RunNotification {}
