package io.diffuscope.run;

import akka.actor.typed.ActorRef;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.sampling.Probe;
import org.jspecify.annotations.Nullable;

/**
 * What the runs of a monitor share; none of them closes it.
 *
 * @param probe what they are measured with, opened from the settings of each
 * @param queue the work of the samplers
 * @param turns at the device; null where evaluation has no budget
 * @param holds hold checkpoints while they are evaluated
 * @param evidence keeps the worst samples of checkpoints
 * @param store keeps what happens to them
 */
public record SharedParts(
    Probe probe,
    ActorRef<WorkQueue.Command> queue,
    @Nullable ActorRef<DeviceTurns.Command> turns,
    Holds holds,
    EvidenceStore evidence,
    RunStore store) {
  /** Without evidence. */
  public SharedParts(
      Probe probe,
      ActorRef<WorkQueue.Command> queue,
      @Nullable ActorRef<DeviceTurns.Command> turns,
      Holds holds,
      RunStore store) {
    this(probe, queue, turns, holds, EvidenceStore.NONE, store);
  }
}
