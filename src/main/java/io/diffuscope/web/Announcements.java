package io.diffuscope.web;

import io.diffuscope.checkpoint.Announcement;
import java.util.concurrent.CompletionStage;

/** Takes the checkpoints that a training job announces over HTTP. */
@FunctionalInterface
public interface Announcements {
  /**
   * Passes one on to its run.
   *
   * @param run id of the run
   * @return what became of it; fails where nobody answers in time
   */
  CompletionStage<Announcement.Outcome> announce(String run, Announcement announcement);
}
