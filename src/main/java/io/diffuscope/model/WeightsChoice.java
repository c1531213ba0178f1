package io.diffuscope.model;

import java.util.List;

/**
 * Which of the networks in a file of weights is used. Trainers keep averaged (EMA) weights beside
 * the ones they train; those are better and preferred.
 *
 * @param prefix dotted key below which the weights lie, for example {@code ema}; empty where the
 *     names are the network's own
 * @param averaged whether they are averaged weights, by the words in the prefix
 * @param others prefixes of the other complete copies of the network in the file
 */
public record WeightsChoice(String prefix, boolean averaged, List<String> others) {
  public WeightsChoice {
    others = List.copyOf(others);
  }

  /** For example {@code ema (averaged), not model}. */
  @Override
  public String toString() {
    String chosen =
        (prefix.isEmpty() ? "the whole file" : prefix) + (averaged ? " (averaged)" : "");
    return others.isEmpty() ? chosen : chosen + ", not " + String.join(", ", others);
  }
}
