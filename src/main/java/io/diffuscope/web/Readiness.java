package io.diffuscope.web;

import java.util.List;

/**
 * Whether the monitor can do its work, condition by condition.
 *
 * @param conditions everything that must hold
 */
public record Readiness(List<Condition> conditions) {
  /**
   * One thing that must hold.
   *
   * @param name for example {@code sampler}
   * @param ready whether it holds
   * @param message what it waits for, or how it is, in a few words
   */
  public record Condition(String name, boolean ready, String message) {}

  public Readiness {
    conditions = List.copyOf(conditions);
  }

  /** Ready when every condition holds. */
  public boolean ready() {
    return conditions.stream().allMatch(Condition::ready);
  }

  /** Names of the conditions that do not hold. */
  public List<String> notReady() {
    return conditions.stream().filter(c -> !c.ready()).map(Condition::name).toList();
  }
}
