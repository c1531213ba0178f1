package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.checkpoint.Announcement.Outcome;
import io.diffuscope.checkpoint.Announcement.Refusal;
import io.diffuscope.checkpoint.Announcement.RefusedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What may be announced, against a real file system with its links. */
class AnnounceRootsTest {
  @TempDir private Path temporary = Path.of("");
  private Path folder = Path.of("");
  private Path root = Path.of("");
  private Path outside = Path.of("");

  @BeforeEach
  void folders() throws IOException {
    folder = temporary.toRealPath();
    root = Files.createDirectory(folder.resolve("root"));
    outside = Files.writeString(folder.resolve("outside.pt"), "");
    Files.writeString(root.resolve("inside.pt"), "");
    Files.createDirectory(root.resolve("sub"));
    Files.createDirectory(folder.resolve("root-2"));
    Files.writeString(folder.resolve("root-2/inside.pt"), "");
  }

  @Test
  void whatLiesBelowARootIsNamedBelowIt() throws Exception {
    assertThat(resolve(root.resolve("inside.pt"))).isEqualTo(root.resolve("inside.pt"));
    assertThat(resolve(root + "/sub/../inside.pt")).isEqualTo(root.resolve("inside.pt"));
    assertThat(resolve(root + "//sub/")).isEqualTo(root.resolve("sub"));
    assertThat(resolve(root)).isEqualTo(root);
  }

  @Test
  void whatLeadsOutIsForbiddenWhetherItIsThereOrNot() throws Exception {
    Path link = Files.createSymbolicLink(root.resolve("link.pt"), outside);
    Path folderLink = Files.createSymbolicLink(root.resolve("up"), folder);

    for (Object path :
        List.of(
            outside,
            folder.resolve("nothing.pt"),
            root + "/../outside.pt",
            root + "/../nothing.pt",
            root + "/sub/../../outside.pt",
            folder.resolve("root-2/inside.pt"),
            link,
            folderLink.resolve("outside.pt"),
            "/",
            "/etc/passwd")) {
      assertThat(refusal(path)).as("%s", path).isEqualTo(Refusal.FORBIDDEN);
    }
    // The same words for what is there and for what is not: nothing is told of other folders.
    assertThat(message(outside).replace("outside", "nothing"))
        .isEqualTo(message(folder.resolve("nothing.pt")));
  }

  @Test
  void aLinkThatStaysInsideIsItsTarget() throws Exception {
    Path link = Files.createSymbolicLink(root.resolve("last.pt"), root.resolve("inside.pt"));

    assertThat(resolve(link)).isEqualTo(root.resolve("inside.pt"));
  }

  @Test
  void aLinkFromElsewhereThatLeadsInsideIsTaken() throws Exception {
    Path link = Files.createSymbolicLink(folder.resolve("scratch"), root);

    assertThat(resolve(link.resolve("inside.pt"))).isEqualTo(root.resolve("inside.pt"));
  }

  @Test
  void aRootThatIsALinkKeepsItsName() throws Exception {
    Path link = Files.createSymbolicLink(folder.resolve("run"), root);
    AnnounceRoots roots = AnnounceRoots.of(List.of(link.toString()));

    assertThat(roots.resolve(link + "/inside.pt")).isEqualTo(link.resolve("inside.pt"));
    assertThat(roots.resolve(root + "/inside.pt")).isEqualTo(link.resolve("inside.pt"));
    assertThatThrownBy(() -> roots.resolve(outside.toString()))
        .isInstanceOf(RefusedException.class);
  }

  @Test
  void theWatchedDirectoryNamesBeforeOtherRoots() throws Exception {
    Path link = Files.createSymbolicLink(folder.resolve("run"), root);
    AnnounceRoots roots = AnnounceRoots.of(List.of(folder.toString())).with(link);

    assertThat(roots.resolve(root + "/inside.pt")).isEqualTo(link.resolve("inside.pt"));
    assertThat(roots.resolve(outside.toString())).isEqualTo(outside);
  }

  @Test
  void whatIsNotThereYetBelowARootIsIncomplete() {
    assertThat(refusal(root.resolve("later.pt"))).isEqualTo(Refusal.INCOMPLETE);
    assertThat(refusal(root + "/sub/../later.pt")).isEqualTo(Refusal.INCOMPLETE);
  }

  @Test
  void whereALinkLeadsOutNothingTellsWhetherItsTargetIsThere() throws Exception {
    Path there = Files.createSymbolicLink(root.resolve("l"), outside);
    String found = message(there);
    assertThat(refusal(there)).isEqualTo(Refusal.FORBIDDEN);
    for (Path target :
        List.of(
            folder.resolve("nothing.pt"),
            Path.of("../nothing.pt"),
            Path.of("sub/../../nothing/deeper.pt"),
            outside.resolve("below-a-file.pt"),
            folder.resolve("n".repeat(300)))) {
      Files.delete(there);
      Files.createSymbolicLink(there, target);
      assertThat(refusal(there)).as("%s", target).isEqualTo(Refusal.FORBIDDEN);
      assertThat(message(there)).isEqualTo(found);
    }

    // One that stays inside, or whose target is not written yet, is told of as before.
    Files.delete(there);
    Files.createSymbolicLink(there, Path.of("sub/later.pt"));
    assertThat(refusal(there)).isEqualTo(Refusal.INCOMPLETE);
    Files.delete(there);
    Files.createSymbolicLink(there, root.resolve("sub/../later.pt"));
    assertThat(refusal(there)).isEqualTo(Refusal.INCOMPLETE);
  }

  @Test
  void relativeRootsStartAtTheWorkingDirectory() {
    Path working = Path.of("").toAbsolutePath();

    assertThat(AnnounceRoots.of(List.of("runs/7", "./a/..", "/b/", "s3://c/d/")).places())
        .containsExactly(
            working.resolve("runs/7").toString(), working.toString(), "/b", "s3://c/d");
  }

  @Test
  void aLoopOfLinksIsUnusable() throws Exception {
    Path loop = root.resolve("loop");
    Files.createSymbolicLink(loop, loop);

    assertThat(refusal(loop)).isEqualTo(Refusal.UNUSABLE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"inside.pt", "./inside.pt", "../root/inside.pt", "~/inside.pt", "C:x"})
  void relativePathsAreMalformed(String path) {
    assertThat(refusal(path)).isEqualTo(Refusal.MALFORMED);
  }

  @Test
  void textsThatCanBeNoPathAreRefusedBeforeAnyLookAtTheFiles() {
    assertThatThrownBy(() -> new Announcement(root + "/a\0b", null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("control characters");
    assertThatThrownBy(() -> new Announcement(root + "/a\nb", null))
        .hasMessageContaining("control characters");
    assertThatThrownBy(() -> new Announcement("/" + "a".repeat(4_096), null))
        .hasMessageContaining("4097 characters");
    assertThatThrownBy(() -> new Announcement(" ", null)).hasMessageContaining("empty");
    assertThatThrownBy(() -> new Announcement("/a", -1L)).hasMessageContaining("-1");
    // A name that is longer than the file system takes, in a path that is not.
    assertThat(refusal(root.resolve("a".repeat(1_000)))).isEqualTo(Refusal.UNUSABLE);
  }

  @ParameterizedTest
  @CsvSource({
    "s3://bucket/runs/../secret/a.pt, MALFORMED",
    "s3://bucket/runs/./a.pt, MALFORMED",
    "s3://bucket/runs//a.pt, MALFORMED",
    "s3://bucket/runs-2/a.pt, FORBIDDEN",
    "s3://bucket/a.pt, FORBIDDEN",
    "s3://bucket, FORBIDDEN",
    "s3://other/runs/a.pt, FORBIDDEN",
    "s3://bucket/RUNS/a.pt, FORBIDDEN",
    "s3://bucket/runs%2Fa.pt, FORBIDDEN",
    "file:///etc/passwd, FORBIDDEN",
    "https://bucket/runs/a.pt, FORBIDDEN",
    "S3://bucket/runs/a.pt, MALFORMED",
  })
  void placesElsewhereAreComparedByName(String text, Refusal expected) {
    AnnounceRoots roots = AnnounceRoots.of(List.of("s3://bucket/runs/"));

    assertThatThrownBy(() -> roots.resolve(text))
        .isInstanceOfSatisfying(
            RefusedException.class, e -> assertThat(causeOf(e)).isEqualTo(expected));
  }

  @Test
  void noRootsLetNothingIn() {
    AnnounceRoots none = AnnounceRoots.of(List.of());

    assertThat(none.isEmpty()).isTrue();
    assertThatThrownBy(() -> none.resolve(outside.toString()))
        .isInstanceOf(RefusedException.class)
        .hasMessageContaining("--announce-root");
    assertThat(none.with(root).isEmpty()).isFalse();
    assertThatThrownBy(() -> AnnounceRoots.of(List.of(" ")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private Path resolve(Object path) throws RefusedException {
    return AnnounceRoots.of(List.of(root.toString())).resolve(path.toString());
  }

  private Refusal refusal(Object path) {
    try {
      throw new AssertionError("not refused: " + resolve(path));
    } catch (RefusedException e) {
      return causeOf(e);
    }
  }

  private String message(Object path) {
    try {
      throw new AssertionError("not refused: " + resolve(path));
    } catch (RefusedException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static Refusal causeOf(RefusedException refused) {
    Outcome.Refused outcome = refused.outcome();
    return outcome.cause();
  }
}
