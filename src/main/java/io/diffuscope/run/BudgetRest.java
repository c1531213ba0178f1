package io.diffuscope.run;

import java.time.Instant;

/**
 * A run has something to evaluate and waits until the device has rested for its budget; told, never
 * stored.
 *
 * @param until when the rest ends; another run may be first then
 */
public record BudgetRest(String run, Instant until) implements RunNotification {}
