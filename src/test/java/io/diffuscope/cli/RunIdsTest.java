package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RunIdsTest {
  private final RunIds ids = new RunIds();

  @Test
  void aNameThatIsValidIsItsOwnId() {
    assertThat(ids.next("lr-1e-4_seed.7")).isEqualTo("lr-1e-4_seed.7");
  }

  @Test
  void namesThatComeOutAlikeAreNumbered() {
    assertThat(ids.next("a b")).isEqualTo("a-b");
    assertThat(ids.next("a-b-2")).isEqualTo("a-b-2");
    assertThat(ids.next("a+b")).isEqualTo("a-b-3");
  }

  @Test
  void aNumberedIdIsNotTooLong() {
    String longest = "x".repeat(100);
    assertThat(ids.next(longest)).isEqualTo(longest);
    assertThat(ids.next(longest + "y")).isEqualTo("x".repeat(98) + "-2");
  }
}
