package io.diffuscope.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What the log of {@code trainer_simulator.py} says of its checkpoints, without a look at the files
 * themselves.
 *
 * @param present checkpoints in the folder, the one written last at the end: whole or not
 * @param versions by name, how often a checkpoint became whole
 * @param written by name, when the content that is there was written to its end
 * @param steps every step that was written, by name
 * @param hazards the kinds that occurred
 * @param held checkpoints that were deleted while the monitor held them
 * @param resumes how often training went on from a step that was not its last
 */
record TrainerBooks(
    Map<String, Boolean> present,
    Map<String, Integer> versions,
    Map<String, Instant> written,
    Map<String, Long> steps,
    Set<String> hazards,
    List<Held> held,
    int resumes) {
  /**
   * A checkpoint that was gone while its hold was still there.
   *
   * @param seen when the hold was looked at last, from then on it was there for a moment at least
   * @param size of the weights in the hold
   */
  record Held(String name, Instant seen, long size) {}

  private static final ObjectMapper JSON = new ObjectMapper();

  static TrainerBooks read(Path log) throws IOException {
    Map<String, Boolean> present = new LinkedHashMap<>();
    Map<String, Integer> versions = new LinkedHashMap<>();
    Map<String, Instant> written = new LinkedHashMap<>();
    Map<String, Long> steps = new LinkedHashMap<>();
    Set<String> hazards = new TreeSet<>();
    List<Held> held = new ArrayList<>();
    int resumes = 0;
    List<String> lines = Files.exists(log) ? Files.readAllLines(log) : new ArrayList<>();
    for (String line : lines) {
      JsonNode entry = JSON.readTree(line);
      String name = entry.path("checkpoint").asText();
      switch (entry.get("action").asText()) {
        case "begin" -> {
          steps.put(name, entry.get("step").asLong());
          hazards.add(entry.get("hazard").asText());
          if (!entry.get("hidden").asBoolean()) {
            present.remove(name);
            present.put(name, false);
          }
        }
        case "complete" -> {
          present.remove(name);
          present.put(name, true);
          versions.merge(name, 1, Integer::sum);
          written.put(name, writtenAt(entry));
        }
        case "delete" -> present.remove(name);
        case "held" ->
            held.add(
                new Held(
                    name,
                    Instant.ofEpochSecond(0, entry.get("seen_ns").asLong()),
                    entry.get("size").asLong()));
        case "resume" -> resumes++;
        default -> {}
      }
    }
    return new TrainerBooks(present, versions, written, steps, hazards, held, resumes);
  }

  /** The latest time of its files: the last of them was written before this entry was. */
  private static Instant writtenAt(JsonNode entry) {
    long nanoseconds = 0;
    for (JsonNode file : entry.get("files")) {
      nanoseconds = Math.max(nanoseconds, file.get("modified_ns").asLong());
    }
    return Instant.ofEpochSecond(0, nanoseconds);
  }

  /** Names of those in the folder that are whole, or of those that are not. */
  Set<String> present(boolean whole) {
    return present.entrySet().stream()
        .filter(entry -> entry.getValue() == whole)
        .map(Map.Entry::getKey)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The one that became whole last, of those in the folder. */
  Optional<String> newest() {
    return present.entrySet().stream()
        .filter(Map.Entry::getValue)
        .map(Map.Entry::getKey)
        .reduce((first, second) -> second);
  }
}
