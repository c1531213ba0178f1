package io.diffuscope.detect;

/**
 * A flag that was raised or cleared at a step, and why.
 *
 * @param flag which flag
 * @param raised true when it was raised, false when it was cleared
 * @param step the step of the checkpoint that decided it
 * @param evidence the numbers behind the decision, one sentence
 */
public record FlagChange(Flag flag, boolean raised, long step, String evidence) {}
