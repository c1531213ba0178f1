package io.diffuscope.run;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.NetworkObservation;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.Task;
import io.diffuscope.tensorfile.BadInputException;
import java.util.List;

/** Which task on a device a unit of work about a checkpoint is. */
final class UnitTasks {
  private UnitTasks() {}

  /**
   * What a unit observes of the loaded checkpoint.
   *
   * @param device that has loaded the unit's checkpoint, and the geometry where the unit needs it
   * @param unit one that {@link WorkUnit#measured() measures} a checkpoint
   */
  static Task<List<Observation>> observing(ProbeDevice device, WorkUnit unit)
      throws BadInputException {
    return switch (unit) {
      case WorkUnit.SampleBlock u ->
          device.samples(u.block(), u.measurements(), u.keep(), u.evidence());
      case WorkUnit.DenoisingBlock u -> device.denoisingBlock(u.sigma(), u.block()).map(List::of);
      case WorkUnit.SpikinessBlock u -> device.setSpikiness(u.block()).map(List::of);
      case WorkUnit.RepresentationLevel u -> device.representation(u.level()).map(List::of);
      case WorkUnit.RepresentationIcr u -> device.icr().map(List::of);
      case WorkUnit.NetworkSize u ->
          Task.done(List.of(new NetworkObservation(0, device.parameterCount())));
      case WorkUnit.FindGeometry u -> throw notOfCheckpoint(u);
      case WorkUnit.ReferenceFlow u -> throw notOfCheckpoint(u);
      case WorkUnit.ComparisonBlock u -> throw notOfCheckpoint(u);
    };
  }

  private static IllegalArgumentException notOfCheckpoint(WorkUnit unit) {
    return new IllegalArgumentException(unit.describe() + " is not about a loaded checkpoint");
  }
}
