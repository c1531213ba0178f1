package io.diffuscope.checkpoint;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * The bytes that all holds share. Who asks for more than is free waits, in the order of asking: a
 * small one does not overtake a large one, which might wait for ever otherwise. Thread-safe, and
 * nobody is blocked.
 */
final class HoldRoom {
  private record Waiting(String name, long bytes, CompletableFuture<Void> given) {}

  private final long limit;

  /** Bytes of the holds that somebody uses, by name: they will be free again. */
  private final Map<String, Long> used = new HashMap<>();

  /** Bytes of the holds that an earlier process has left, until somebody uses them. */
  private final Map<String, Long> left = new HashMap<>();

  private final Deque<Waiting> waiting = new ArrayDeque<>();
  private boolean closed;

  HoldRoom(long limit) {
    this.limit = limit;
  }

  /** At the start: a hold that is there, and that nobody uses yet. */
  synchronized void addLeft(String name, long bytes) {
    left.put(name, bytes);
  }

  /**
   * A name that nobody uses now, without room: two runs may look at the same checkpoint.
   *
   * @return the name that was wished for, and the bytes of what was left under it are used now; or
   *     another one
   */
  synchronized String reserve(String wished) {
    String name = wished;
    for (int other = 2; used.containsKey(name); other++) {
      name = wished + "-" + other;
    }
    Long found = left.remove(name);
    used.put(name, found == null ? 0 : found);
    return name;
  }

  /**
   * Asks for room, in place of what the name has.
   *
   * @return completed when the room is the name's; the caller may be the thread that completes it
   * @throws HoldRefusedException if there cannot be so much, whoever gives back what he uses
   */
  CompletableFuture<Void> ask(String name, long bytes) throws HoldRefusedException {
    CompletableFuture<Void> given = new CompletableFuture<>();
    synchronized (this) {
      used.put(name, 0L);
      long stays = sum(left);
      if (bytes > limit - stays) {
        throw refused(bytes, stays);
      }
      waiting.add(new Waiting(name, bytes, given));
    }
    giveOut();
    return given;
  }

  private HoldRefusedException refused(long bytes, long stays) {
    String others =
        stays == 0
            ? ""
            : " with the %s of evaluations that were broken off and have not begun again"
                .formatted(HoldSettings.amount(stays));
    return new HoldRefusedException(
        Hold.Obstacle.LIMIT,
        "its %s%s pass %s; raise diffuscope.holds.max-bytes"
            .formatted(HoldSettings.amount(bytes), others, HoldSettings.amount(limit)),
        null);
  }

  private void giveOut() {
    List<CompletableFuture<Void>> given = new ArrayList<>();
    synchronized (this) {
      for (Waiting next = waiting.peek();
          next != null && next.bytes <= limit - bytes() && !closed;
          next = waiting.peek()) {
        waiting.remove();
        used.put(next.name, next.bytes);
        given.add(next.given);
      }
    }
    given.forEach(future -> future.complete(null));
  }

  /**
   * Leaves the queue, and gives the name back.
   *
   * @return false if the room was given before
   */
  boolean leave(String name) {
    synchronized (this) {
      if (!waiting.removeIf(next -> next.name.equals(name))) {
        return false;
      }
      used.remove(name);
    }
    giveOut(); // who was first may have been in the way of others
    return true;
  }

  /** Gives back the name and its bytes. */
  void free(String name) {
    synchronized (this) {
      used.remove(name);
    }
    giveOut();
  }

  /** Of all holds, used or left. */
  synchronized long bytes() {
    return sum(used) + sum(left);
  }

  private static long sum(Map<String, Long> bytes) {
    return bytes.values().stream().mapToLong(Long::longValue).sum();
  }

  /**
   * Gives out nothing more.
   *
   * @return names of what is used
   */
  synchronized List<String> close() {
    closed = true;
    return List.copyOf(used.keySet());
  }
}
