package io.diffuscope.run;

import akka.actor.NoSerializationVerificationNeeded;
import java.util.List;

/**
 * What happened to a run before this process was started, told once before anything else of it.
 * Stays within the process, because it may be long.
 */
public record History(String run, List<RunEvent> events)
    implements RunNotification, NoSerializationVerificationNeeded {
  public History {
    events = List.copyOf(events);
  }
}
