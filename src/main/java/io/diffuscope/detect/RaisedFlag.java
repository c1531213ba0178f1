package io.diffuscope.detect;

/**
 * A flag that is up.
 *
 * @param flag which
 * @param step the step at which it was raised
 * @param evidence the numbers that raised it
 */
public record RaisedFlag(Flag flag, long step, String evidence) {}
