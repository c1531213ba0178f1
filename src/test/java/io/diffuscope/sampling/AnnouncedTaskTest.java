package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AnnouncedTaskTest {
  /** So many pieces, each of which moves the clock. */
  private static List<String> news(int pieces, double secondsEach) throws Exception {
    AtomicLong clock = new AtomicLong(77);
    List<String> news = new ArrayList<>();
    Task<Integer> counted =
        new Task<>() {
          private int done;

          @Override
          public boolean advance() {
            done++;
            clock.addAndGet((long) (secondsEach * 1e9));
            return done < pieces;
          }

          @Override
          public double progress() {
            return (double) done / pieces;
          }

          @Override
          public Integer result() {
            return done;
          }

          @Override
          public void close() {}
        };
    try (Task<Integer> task = new AnnouncedTask<>(counted, "searching", news::add, clock::get)) {
      while (task.advance()) {}
      assertThat(task.result()).isEqualTo(pieces);
      assertThat(task.progress()).isEqualTo(1);
    }
    return news;
  }

  @Test
  void whatIsQuickIsSilent() throws Exception {
    assertThat(news(9, 1)).isEmpty();
  }

  @Test
  void whatIsLongTellsWhatIsLeft() throws Exception {
    assertThat(news(100, 2))
        .containsExactly(
            "searching: 5 % done after 10 s, about 190 s left",
            "searching: 35 % done after 70 s, about 130 s left",
            "searching: 65 % done after 130 s, about 70 s left",
            "searching: 95 % done after 190 s, about 10 s left");
  }
}
