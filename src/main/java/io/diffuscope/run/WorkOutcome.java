package io.diffuscope.run;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What came of a {@link WorkUnit}. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME)
@JsonSubTypes({
  @JsonSubTypes.Type(value = WorkOutcome.GeometryFound.class, name = "geometry"),
  @JsonSubTypes.Type(value = WorkOutcome.EndpointsKept.class, name = "endpoints"),
  @JsonSubTypes.Type(value = WorkOutcome.Observed.class, name = "observed"),
  @JsonSubTypes.Type(value = WorkOutcome.Failed.class, name = "failed")
})
public sealed interface WorkOutcome extends CborSerializable {
  /** Of {@link WorkUnit.FindGeometry}. */
  record GeometryFound(GeometrySummary geometry) implements WorkOutcome {}

  /** Of {@link WorkUnit.ReferenceFlow}: how many endpoints there are now. */
  record EndpointsKept(int endpoints) implements WorkOutcome {}

  /**
   * Of the units that look at a checkpoint.
   *
   * @param observations each small enough for a message of its own
   * @param weights what was read of the checkpoint; null where it is not told
   */
  record Observed(List<Observation> observations, @Nullable WeightsUsed weights)
      implements WorkOutcome {}

  /**
   * The unit could not be done, and trying again would not help.
   *
   * @param reason a metric label
   * @param message for people: what, where, what to do
   */
  record Failed(String reason, String message) implements WorkOutcome {}
}
