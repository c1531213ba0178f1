package io.diffuscope.sampling;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Kept samples that are compared noise by noise.
 *
 * @param directory of the {@link SampleStore}
 * @param mine the checkpoint's
 * @param others what they are compared with
 * @param peers the checkpoint's and its peers', in a fixed order; empty: no ensemble
 * @param reference whose flow the peers are compared with; null: no ensemble
 */
public record SampleComparison(
    String directory,
    SampleAddress mine,
    Map<Reference, SampleAddress> others,
    List<SampleAddress> peers,
    @Nullable Reference reference) {
  public SampleComparison {
    others = Map.copyOf(others);
    peers = List.copyOf(peers);
  }
}
