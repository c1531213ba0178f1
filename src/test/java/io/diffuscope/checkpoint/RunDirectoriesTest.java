package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.testkit.TestSubscriber;
import akka.stream.testkit.javadsl.TestSink;
import io.diffuscope.checkpoint.RunDirectories.News;
import io.diffuscope.checkpoint.RunDirectories.News.Found;
import io.diffuscope.checkpoint.RunDirectories.News.Problem;
import io.diffuscope.checkpoint.RunDirectories.News.Recovered;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The stream on a real directory. */
class RunDirectoriesTest {
  private static final ActorTestKit KIT = ActorTestKit.create();

  @TempDir private Path root = Path.of("");

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @Test
  void findsSubdirectoriesThatMatchInOrderAndThenThoseThatAppear() throws IOException {
    for (String name : new String[] {"lr-2", "lr-1", ".lr-0", "lr-3.tmp", "other"}) {
      Files.createDirectory(root.resolve(name));
    }
    Files.writeString(root.resolve("lr-file"), "no run");
    Files.createSymbolicLink(root.resolve("lr-link"), root.resolve("other"));
    TestSubscriber.Probe<News> probe = subscribe(root, "lr-*");

    assertThat(probe.requestNext()).isEqualTo(new Found("lr-1", root.resolve("lr-1")));
    assertThat(probe.requestNext()).isEqualTo(new Found("lr-2", root.resolve("lr-2")));
    assertThat(probe.requestNext()).isEqualTo(new Found("lr-link", root.resolve("lr-link")));
    assertThat(probe.requestNext()).isEqualTo(new News.Listed());
    // One that goes and comes back is the same run, and not told again.
    Files.delete(root.resolve("lr-1"));
    Files.createDirectory(root.resolve("lr-4"));
    assertThat(probe.requestNext()).isEqualTo(new Found("lr-4", root.resolve("lr-4")));
    Files.createDirectory(root.resolve("lr-1"));
    // A file makes room for a directory of its name.
    Files.delete(root.resolve("lr-file"));
    Files.createDirectory(root.resolve("lr-file"));
    assertThat(probe.requestNext()).isEqualTo(new Found("lr-file", root.resolve("lr-file")));
    probe.cancel();
  }

  @Test
  void aMissingRootIsAProblemUntilItAppears() throws IOException {
    Path later = root.resolve("later");
    TestSubscriber.Probe<News> probe = subscribe(later, "*");

    assertThat(((Problem) probe.requestNext()).message())
        .isEqualTo(later + ": the directory of runs does not exist; waiting for it to appear");
    Files.createDirectory(later);
    assertThat(probe.requestNext()).isInstanceOf(Recovered.class);
    assertThat(probe.requestNext()).isEqualTo(new News.Listed());
    Files.createDirectory(later.resolve("a"));
    assertThat(probe.requestNext()).isEqualTo(new Found("a", later.resolve("a")));
    probe.cancel();
  }

  @Test
  void aFileInPlaceOfTheRootIsAProblem() throws IOException {
    Path file = Files.createFile(root.resolve("file"));
    TestSubscriber.Probe<News> probe = subscribe(file, "*");

    assertThat(((Problem) probe.requestNext()).message())
        .isEqualTo(file + ": this is a file; name the directory that holds the runs");
    probe.cancel();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a/*", "[a", "{a"})
  void whatIsNoGlobForANameIsRefused(String glob) {
    assertThatThrownBy(() -> RunDirectories.create(root, glob, Duration.ofSeconds(1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + glob + "'");
  }

  private static TestSubscriber.Probe<News> subscribe(Path root, String glob) {
    return RunDirectories.create(root, glob, Duration.ofMillis(20))
        .source()
        .runWith(TestSink.create(KIT.system()), KIT.system());
  }
}
