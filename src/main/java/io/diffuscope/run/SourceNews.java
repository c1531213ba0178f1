package io.diffuscope.run;

import io.diffuscope.checkpoint.StepUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the source of a run's checkpoints has to tell: the layout that was recognised, the weights
 * that are taken, a directory that cannot be listed. Told, never stored: each start of a source
 * tells it anew.
 *
 * @param problem whether something is in the way; otherwise the source can see checkpoints
 * @param message one sentence for people
 * @param stepUnit what steps count, where this is what it tells; it holds for runs whose settings
 *     leave it open
 */
public record SourceNews(String run, boolean problem, String message, @Nullable StepUnit stepUnit)
    implements RunNotification {}
