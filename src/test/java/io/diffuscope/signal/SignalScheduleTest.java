package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The switches of signals, and the catalogue that they take their names from. */
class SignalScheduleTest {
  @Test
  void everyNameIsInTheCatalogueOnce() {
    List<String> names =
        Arrays.stream(SignalNames.class.getDeclaredFields())
            .filter(field -> Modifier.isPublic(field.getModifiers()))
            .map(SignalScheduleTest::valueOf)
            .toList();
    assertThat(SignalCatalogue.names()).containsExactlyInAnyOrderElementsOf(names);
  }

  @Test
  void whatIsCostlyOrEasilyMisreadIsOffUnlessAsked() {
    assertThat(SignalCatalogue.names())
        .filteredOn(name -> !SignalSchedule.DEFAULT.isDue(name, 0))
        .contains("raw_spikiness", "authenticity")
        .doesNotContain("pfd", "nearest_ratio", "train_affinity", "denoising_gap", "spikiness");
    SignalSchedule asked = SignalSchedule.of(Map.of("authenticity", "on", "gl", "off"));
    assertThat(asked.isDue("authenticity", 7)).isTrue();
    assertThat(asked.isDue("gl", 0)).isFalse();
    assertThat(asked.isDue("rp", 7)).as("as without a word").isTrue();
    assertThat(asked.isAskedFor("authenticity")).isTrue();
    assertThat(asked.isAskedFor("rp")).isFalse();
  }

  @Test
  void everyFifthIsTheFirstAndEachFifthAfterIt() {
    SignalSchedule schedule = SignalSchedule.of(Map.of("rp", "every 5"));
    assertThat(LongStream.range(0, 12).filter(ordinal -> schedule.isDue("rp", ordinal)).toArray())
        .containsExactly(0, 5, 10);
    assertThat(schedule.word("rp")).isEqualTo("every 5");
    assertThat(schedule.word("pfd")).isEqualTo("on");
    assertThat(schedule.word("raw_spikiness")).isEqualTo("off");
  }

  @Test
  void theCommandLineSpeaksTheSameWordsAsTheFile() {
    assertThat(SignalSchedule.words(" spikiness=off, rp = every 5,spikiness=on"))
        .isEqualTo(Map.of("spikiness", "on", "rp", "every 5"));
  }

  @ParameterizedTest
  @CsvSource({
    "maybe",
    "every",
    "every 0",
    "every -2",
    "every 99999999999999",
    "every 1.5",
    "true",
    "''"
  })
  void otherWordsAreRefusedWithThoseThatCanBe(String word) {
    assertThatThrownBy(() -> SignalSchedule.of(Map.of("rp", word)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("rp")
        .hasMessageContaining("every K");
  }

  @ParameterizedTest
  @ValueSource(strings = {"spikyness=on", "=on", "Gl=on", "diffuscope.web.port=1"})
  void unknownNamesAreRefusedWithThoseThatThereAre(String switches) {
    assertThatThrownBy(() -> SignalSchedule.words(switches))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("there is no signal")
        .hasMessageContaining("nearest_ratio, train_affinity");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "rp", "rp=on,", "rp=on,,gl=on"})
  void whatSwitchesNothingIsRefused(String switches) {
    assertThatThrownBy(() -> SignalSchedule.words(switches))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("SIGNAL=every K");
  }

  @Test
  void theCatalogueIsWrittenForPeople() {
    for (SignalCatalogue entry : SignalCatalogue.values()) {
      assertThat(entry.definition()).endsWith(".");
      assertThat(entry.cost()).endsWith(".");
      assertThat(entry.costFormula()).isNotBlank();
      assertThat(entry.source()).isNotBlank();
    }
  }

  private static String valueOf(java.lang.reflect.Field field) {
    try {
      return (String) field.get(null);
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }
}
