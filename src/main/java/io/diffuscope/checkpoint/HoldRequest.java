package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;

/**
 * A checkpoint on its way to its hold. It may wait for room among the holds of other runs, and
 * keeps its place meanwhile. Thread-safe.
 */
public final class HoldRequest {
  /** Makes the hold. */
  interface Taking {
    Hold take() throws BadInputException;
  }

  private final CompletableFuture<Void> given;
  private final Taking taking;
  private final BooleanSupplier leaving;

  private HoldRequest(CompletableFuture<Void> given, Taking taking, BooleanSupplier leaving) {
    this.given = given;
    this.taking = taking;
    this.leaving = leaving;
  }

  /** One that need not wait. */
  static HoldRequest answered(Hold hold) {
    return new HoldRequest(CompletableFuture.completedFuture(null), () -> hold, () -> false);
  }

  /**
   * One that waits.
   *
   * @param leaving takes it out of the queue; false if it is not in it
   */
  static HoldRequest waiting(
      CompletableFuture<Void> given, Taking taking, BooleanSupplier leaving) {
    return new HoldRequest(given, taking, leaving);
  }

  /**
   * This, as soon as there is room, which lasts as long as the evaluations that use it. Completed
   * on the thread that made room: go on elsewhere. Never completed after {@link #giveUp}.
   */
  public CompletionStage<HoldRequest> room() {
    return given.thenApply(ignored -> this);
  }

  /**
   * Holds the checkpoint. Call it once, when there is room. Blocks while files are copied.
   *
   * @return to be closed when the evaluation is over; its checkpoint is read where it lies if it
   *     cannot be held
   * @throws BadInputException VANISHED, CHANGED or UNREADABLE: it is not what was found any more
   */
  public Hold take() throws BadInputException {
    return taking.take();
  }

  /**
   * Waits no more.
   *
   * @return false where there was room already: the hold is to be taken, and closed
   */
  public boolean giveUp() {
    return leaving.getAsBoolean();
  }
}
