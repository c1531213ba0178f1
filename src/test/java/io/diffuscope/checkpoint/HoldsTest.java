package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.checkpoint.HoldSettings.Mode;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.TorchFixtures;
import io.diffuscope.tensorfile.WeightFiles;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real files, links and copies; only the kind of file store and its free space are made up. */
class HoldsTest {
  private static final StandardCopyOption REPLACE = StandardCopyOption.REPLACE_EXISTING;
  private static final HoldSettings AUTO = new HoldSettings(Mode.AUTO, 1 << 20);

  @TempDir private Path root;
  private Path trainer;
  private Path folder;
  private final StagedDisks disks = new StagedDisks();

  @BeforeEach
  void makeFolders() throws IOException {
    trainer = Files.createDirectory(root.resolve("run"));
    folder = root.resolve("state").resolve("holds");
  }

  /** This machine's disks, but for what a test says of them. */
  private static final class StagedDisks implements Disks {
    private String type = "ext4";
    private long free = Long.MAX_VALUE;
    private @Nullable Exception refusal;
    private Action beforeCopy = () -> {};

    /** What a trainer does meanwhile. */
    interface Action {
      void run() throws IOException;
    }

    @Override
    public String type(Path file) {
      return type;
    }

    @Override
    public long freeBytes(Path place) throws IOException {
      beforeCopy.run();
      return free;
    }

    @Override
    public void link(Path link, Path existing) throws IOException {
      if (refusal instanceof IOException e) {
        throw e;
      }
      if (refusal instanceof RuntimeException e) {
        throw e;
      }
      Disks.REAL.link(link, existing);
    }
  }

  @Test
  void aLinkedCheckpointOutlivesItsRotation() throws IOException {
    Path file = written("step-00100.safetensors", "content of step 100");
    Object inode = Files.getAttribute(file, "unix:ino");
    Holds holds = holds(AUTO);
    try (Hold hold = take(holds, describe(file))) {
      Files.delete(file);
      Checkpoint held = hold.checkpoint();
      assertThat(hold.inPlace()).isNull();
      assertThat(Files.getAttribute(held.readFrom().file(), "unix:ino")).isEqualTo(inode);
      assertThat(content(held)).isEqualTo("content of step 100");
      assertThat(CheckpointFiles.isCurrent(held)).isTrue();
      assertThat(held.path()).isEqualTo(file.toString());
      assertThat(held.inItsOwnWords(held.readFrom() + " is odd")).isEqualTo(file + " is odd");
      assertThat(holds.heldBytes()).isEqualTo(19);
    }
    assertThat(folder).isEmptyDirectory();
    assertThat(holds.heldBytes()).isZero();
  }

  /** Such a job writes into the very bytes that the link shows. */
  @Test
  void aJobThatWritesIntoALinkedFileIsFoundOut() throws IOException {
    Path file = written("step-00100.safetensors", "content of step 100");
    try (Hold hold = take(holds(AUTO), describe(file))) {
      Files.writeString(file, "content of step 200, longer");
      assertThat(CheckpointFiles.isCurrent(hold.checkpoint())).isFalse();
    }
    Path again = written("step-00200.safetensors", "content of step 200");
    try (Hold hold = take(holds(AUTO), describe(again))) {
      Files.writeString(again, "CONTENT OF STEP 200");
      Files.setLastModifiedTime(again, FileTime.from(Instant.parse("2030-01-01T00:00:00Z")));
      assertThat(CheckpointFiles.isCurrent(hold.checkpoint())).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"last.ckpt", "model-latest.pt"})
  void aNameThatIsWrittenAgainIsCopied(String name) throws IOException {
    Path file = written(name, "old content");
    try (Hold hold = take(holds(AUTO), describe(file))) {
      assertThat(isLinked(hold, file)).isFalse();
      Files.writeString(file, "and new content");
      assertThat(content(hold.checkpoint())).isEqualTo("old content");
      assertThat(CheckpointFiles.isCurrent(hold.checkpoint())).isTrue();
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void whatIsWrittenOrGoesWhileItIsCopiedIsNotTaken() throws IOException {
    Holds holds = holds(AUTO);
    Path file = written("last.ckpt", "old content");
    Checkpoint longer = describe(file);
    disks.beforeCopy = () -> Files.writeString(file, "new and longer content");
    fails(() -> take(holds, longer), Reason.CHANGED, file);

    Checkpoint shorter = describe(file);
    disks.beforeCopy = () -> Files.writeString(file, "cut");
    fails(() -> take(holds, shorter), Reason.CHANGED, file);

    Checkpoint replaced = describe(file);
    disks.beforeCopy = () -> Files.move(written("new.tmp", "NEW"), file, REPLACE);
    fails(() -> take(holds, replaced), Reason.CHANGED, file);

    Checkpoint removed = describe(file);
    disks.beforeCopy = () -> Files.deleteIfExists(file);
    fails(() -> take(holds, removed), Reason.VANISHED, file);
    assertThat(folder).isEmptyDirectory();
    assertThat(holds.heldBytes()).isZero();
  }

  @Test
  void whatWasWrittenAgainOrWentBeforeIsTold() throws IOException {
    Path file = written("step-7.safetensors", "seven");
    Checkpoint found = describe(file);
    Files.writeString(file, "seven, again");
    fails(() -> take(holds(AUTO), found), Reason.CHANGED, file);
    Files.delete(file);
    fails(() -> take(holds(AUTO), found), Reason.VANISHED, file);
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"nfs", "nfs4", "cifs", "smb3", "lustre", "fuse.sshfs", "CEPH", "gpfs", "9p"})
  void networkFileSystemsAreCopied(String type) throws IOException {
    disks.type = type;
    assertThat(isLinkedWhenTaken()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "NTFS"})
  void localFileSystemsAreLinked(String type) throws IOException {
    disks.type = type;
    assertThat(isLinkedWhenTaken()).isTrue();
  }

  @Test
  void whereLinksAreRefusedItIsCopied() throws IOException {
    disks.refusal = new FileSystemException("a", "b", "Operation not permitted");
    assertThat(isLinkedWhenTaken()).isFalse();
    disks.refusal = new UnsupportedOperationException("no links here");
    assertThat(isLinkedWhenTaken()).isFalse();
  }

  @Test
  void theModeDecides() throws IOException {
    Path file = written("step-1.safetensors", "one");
    try (Hold hold = take(holds(new HoldSettings(Mode.COPY, 100)), describe(file))) {
      assertThat(isLinked(hold, file)).isFalse();
      assertThat(content(hold.checkpoint())).isEqualTo("one");
    }
    Path none = root.resolve("none");
    Holds off = Holds.open(none, HoldSettings.OFF, Set.of());
    for (Holds holds : List.of(off, Holds.off())) {
      try (Hold hold = take(holds, describe(file))) {
        assertThat(hold.checkpoint()).isEqualTo(describe(file));
        assertThat(hold.inPlace()).isNull();
      }
    }
    assertThat(none).doesNotExist();
  }

  @Test
  void whatLiesInABucketIsReadThere() throws IOException {
    Checkpoint remote = Checkpoint.ofFile("id", "s3://bucket/run/step-1.safetensors", 1L);
    try (Hold hold = take(holds(AUTO), remote)) {
      assertThat(hold.checkpoint()).isEqualTo(remote);
      assertThat(hold.inPlace()).isNull();
    }
    assertThat(folder).isEmptyDirectory();
  }

  private boolean isLinkedWhenTaken() throws IOException {
    Path file = written("step-9.safetensors", "nine");
    try (Hold hold = take(holds(AUTO), describe(file))) {
      assertThat(content(hold.checkpoint())).isEqualTo("nine");
      return isLinked(hold, file);
    }
  }

  /** A link to the symbolic link would show what that points to, whatever it is by then. */
  @Test
  void behindASymbolicLinkTheFileItselfIsHeld() throws IOException {
    Path real = written("step-5.safetensors", "five");
    Path link = Files.createSymbolicLink(trainer.resolve("copy-step-5.safetensors"), real);
    try (Hold hold = take(holds(AUTO), describe(link))) {
      Files.delete(real);
      assertThat(content(hold.checkpoint())).isEqualTo("five");
    }
  }

  @Test
  void nothingOfTheTrainersFilesChanges() throws IOException {
    written("step-1.safetensors", "one");
    written("last.ckpt", "last");
    Files.setPosixFilePermissions(
        trainer.resolve("last.ckpt"), PosixFilePermissions.fromString("r--r-----"));
    Map<String, String> before = described(trainer);
    Holds holds = holds(AUTO);
    for (String name : List.of("step-1.safetensors", "last.ckpt")) {
      take(holds, describe(trainer.resolve(name))).close();
    }
    assertThat(described(trainer)).isEqualTo(before).hasSize(3);
  }

  @Test
  void shardsAreHeldUnderTheNamesInTheirIndex() throws IOException {
    Path unet = copied("unet", trainer.resolve("checkpoint-500/unet"));
    Files.writeString(trainer.resolve("checkpoint-500/optimizer.bin"), "not read");
    try (Hold hold = take(holds(AUTO), describe(trainer.resolve("checkpoint-500")))) {
      Path shard = unet.resolve("diffusion_pytorch_model-00001-of-00002.safetensors");
      Path held = hold.checkpoint().readFrom().file();
      assertThat(Files.isSameFile(held.resolveSibling(shard.getFileName()), shard)).isTrue();
      removeAll(trainer.resolve("checkpoint-500"));
      assertThat(CheckpointFiles.isCurrent(hold.checkpoint())).isTrue();
      assertValues(hold, "unet.npz");
      assertThat(files(folder)).hasSize(4).noneMatch(name -> name.contains("optimizer"));
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void oneShardThatGoesMeanwhileIsACheckpointThatWent() throws IOException {
    Path unet = copied("unet", trainer.resolve("checkpoint-500/unet"));
    Checkpoint found = describe(trainer.resolve("checkpoint-500"));
    Files.delete(unet.resolve("diffusion_pytorch_model-00002-of-00002.safetensors"));
    fails(() -> take(holds(AUTO), found), Reason.VANISHED, trainer.resolve("checkpoint-500"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"step-500", "latest"})
  void distributedCheckpointsAreHeldWhole(String name) throws IOException {
    Path original = copied("dcp-2", trainer.resolve(name));
    Checkpoint found = describe(original);
    try (Hold hold = take(holds(AUTO), found)) {
      Path held = hold.checkpoint().readFrom().file();
      assertThat(Files.isSameFile(held.resolve("__1_0.distcp"), original.resolve("__1_0.distcp")))
          .isEqualTo(name.equals("step-500"));
      removeAll(original);
      assertThat(CheckpointFiles.isCurrent(hold.checkpoint())).isTrue();
      assertValues(hold, "dcp-2.npz");
    }
    assertThat(folder).isEmptyDirectory();
  }

  /** One rank's file, written again in place behind the link. */
  @Test
  void aDistributedCheckpointThatIsWrittenIntoIsFoundOut() throws IOException {
    Path original = copied("dcp-2", trainer.resolve("step-500"));
    try (Hold hold = take(holds(AUTO), describe(original))) {
      Files.writeString(original.resolve("__1_0.distcp"), "new");
      assertThat(CheckpointFiles.isCurrent(hold.checkpoint())).isFalse();
    }
  }

  @Test
  void beyondTheWholeLimitItIsReadInPlace() throws IOException {
    Holds holds = holds(new HoldSettings(Mode.AUTO, 10));
    Checkpoint eleven = describe(written("last.ckpt", "12345678901"));
    try (Hold hold = take(holds, eleven)) {
      assertThat(hold.checkpoint()).isEqualTo(eleven);
      assertThat(hold.inPlace())
          .satisfies(
              news -> {
                assertThat(news.obstacle()).isEqualTo(Hold.Obstacle.LIMIT);
                assertThat(news.message())
                    .contains("last.ckpt", "11 bytes pass 10 bytes", "holds.max-bytes");
              });
    }
    assertThat(holds.heldBytes()).isZero();
  }

  /** Six bytes are held of ten: five wait, and so do the four behind them, which would fit. */
  @Test
  void whoFindsNoRoomWaitsInTheOrderOfAsking() throws IOException {
    Holds holds = holds(new HoldSettings(Mode.AUTO, 10));
    Hold six = take(holds, describe(written("step-6.safetensors", "123456")));
    HoldRequest five = holds.request(describe(written("last.ckpt", "12345")));
    HoldRequest four = holds.request(describe(written("step-4.safetensors", "1234")));
    assertThat(hasRoom(five)).isFalse();
    assertThat(hasRoom(four)).isFalse();
    six.close();
    assertThat(hasRoom(five)).isTrue();
    assertThat(hasRoom(four)).isTrue();
    try (Hold first = five.take();
        Hold second = four.take()) {
      assertThat(first.inPlace()).isNull();
      assertThat(second.inPlace()).isNull();
      assertThat(holds.heldBytes()).isEqualTo(9);
    }
    assertThat(holds.heldBytes()).isZero();
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void whoGivesUpLetsThoseBehindPass() throws IOException {
    Holds holds = holds(new HoldSettings(Mode.AUTO, 10));
    Checkpoint asked = describe(written("last.ckpt", "12345"));
    try (Hold six = take(holds, describe(written("step-6.safetensors", "123456")))) {
      assertThat(six.inPlace()).isNull();
      HoldRequest five = holds.request(asked);
      HoldRequest four = holds.request(describe(written("step-4.safetensors", "1234")));
      assertThat(five.giveUp()).isTrue();
      assertThat(hasRoom(five)).isFalse();
      assertThat(hasRoom(four)).isTrue();
      assertThat(four.giveUp()).isFalse();
      four.take().close();
    }
    try (Hold again = take(holds, asked)) {
      assertThat(again.inPlace()).isNull();
    }
    assertThat(holds.heldBytes()).isZero();
  }

  /** Nothing protects it while it waits. */
  @Test
  void whatChangesWhileItWaitsIsNotTaken() throws IOException {
    Holds holds = holds(new HoldSettings(Mode.AUTO, 10));
    Hold six = take(holds, describe(written("step-6.safetensors", "123456")));
    Path removed = written("step-5.safetensors", "12345");
    Path rewritten = written("last.ckpt", "1234");
    HoldRequest first = holds.request(describe(removed));
    HoldRequest second = holds.request(describe(rewritten));
    Files.delete(removed);
    Files.writeString(rewritten, "new content");
    six.close();
    assertThat(hasRoom(first)).isTrue();
    fails(first::take, Reason.VANISHED, removed);
    fails(second::take, Reason.CHANGED, rewritten);
    assertThat(holds.heldBytes()).isZero();
    assertThat(folder).isEmptyDirectory();
  }

  /** Nobody knows when the evaluation that it belongs to begins again. */
  @Test
  void whatAnEarlierProcessLeftCountsAndIsNotWaitedFor() throws IOException {
    HoldSettings ten = new HoldSettings(Mode.AUTO, 10);
    Checkpoint six = describe(written("step-6.safetensors", "123456"));
    Checkpoint five = describe(written("last.ckpt", "12345"));
    assertThat(take(holds(ten), six).inPlace()).isNull();
    Holds next = Holds.open(folder, ten, Set.of(six.identity()), disks);
    assertThat(next.heldBytes()).isEqualTo(6);
    try (Hold hold = take(next, five)) {
      assertThat(hold.inPlace())
          .satisfies(
              news ->
                  assertThat(news.message())
                      .contains("5 bytes with the 6 bytes of evaluations that were broken off"));
    }
    Hold again = take(next, six);
    assertThat(next.heldBytes()).isEqualTo(6);
    HoldRequest waiting = next.request(five);
    assertThat(hasRoom(waiting)).isFalse();
    again.close();
    assertThat(hasRoom(waiting)).isTrue();
  }

  @Test
  void aFullDiskIsNotMadeFuller() throws IOException {
    disks.free = PrivateCopy.RESERVE + 4;
    Checkpoint copied = describe(written("last.ckpt", "12345"));
    Holds holds = holds(AUTO);
    try (Hold hold = take(holds, copied)) {
      assertThat(hold.checkpoint()).isEqualTo(copied);
      assertThat(hold.inPlace())
          .satisfies(
              news -> {
                assertThat(news.obstacle()).isEqualTo(Hold.Obstacle.SPACE);
                assertThat(news.message()).contains("last.ckpt", "1.0 GiB", "--data-dir");
              });
    }
    // A link needs none.
    try (Hold hold = take(holds, describe(written("step-5.safetensors", "12345")))) {
      assertThat(hold.inPlace()).isNull();
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aFolderThatCannotBeWrittenDoesNotStopTheEvaluation() throws IOException {
    Holds holds = holds(AUTO);
    Files.delete(folder);
    Files.writeString(folder, "a file in its place");
    Checkpoint found = describe(written("last.ckpt", "12345"));
    try (Hold hold = take(holds, found)) {
      assertThat(hold.checkpoint()).isEqualTo(found);
      assertThat(hold.inPlace())
          .satisfies(news -> assertThat(news.obstacle()).isEqualTo(Hold.Obstacle.UNWRITABLE));
    }
  }

  @Test
  void twoHoldsOfOneCheckpointAreApart() throws IOException {
    Checkpoint found = describe(written("step-3.safetensors", "three"));
    Holds holds = holds(AUTO);
    Hold first = take(holds, found);
    try (Hold second = take(holds, found)) {
      first.close();
      first.close();
      assertThat(content(second.checkpoint())).isEqualTo("three");
    }
    assertThat(folder).isEmptyDirectory();
  }

  /** The process that took them is gone without a word. */
  @Test
  void leftOversAreRemovedAtTheNextStartAndOpenOnesUsed() throws IOException {
    Path linked = written("step-1.safetensors", "one");
    Path copied = written("last.ckpt", "last");
    Path closed = written("step-2.safetensors", "two");
    Holds crashed = holds(AUTO);
    List<Checkpoint> open = List.of(describe(linked), describe(copied));
    for (Checkpoint checkpoint : open) {
      assertThat(take(crashed, checkpoint).inPlace()).isNull();
    }
    assertThat(take(crashed, describe(closed)).inPlace()).isNull();
    Path foreign = Files.writeString(folder.resolve("notes.txt"), "mine");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
        .isEqualTo("rwx------");

    Holds next = Holds.open(folder, AUTO, open.stream().map(Checkpoint::identity).toList(), disks);
    assertThat(files(folder)).hasSize(5);
    assertThat(linkCount(closed)).isEqualTo(1);
    Files.delete(linked);
    Files.delete(copied);
    for (Checkpoint checkpoint : open) {
      try (Hold hold = take(next, checkpoint)) {
        assertThat(content(hold.checkpoint()))
            .isEqualTo(checkpoint.name().equals("last.ckpt") ? "last" : "one");
        assertThat(CheckpointFiles.isCurrent(hold.checkpoint())).isTrue();
      }
    }
    assertThat(files(folder)).containsExactly("notes.txt");
    Holds.open(folder, HoldSettings.OFF, Set.of(), disks);
    assertThat(foreign).hasContent("mine");
  }

  @Test
  void aLeftOverThatIsNotWhatWasHeldIsNotUsed() throws IOException {
    Path linked = written("step-1.safetensors", "one");
    Path copied = written("last.ckpt", "last");
    List<Checkpoint> open = List.of(describe(linked), describe(copied));
    Holds crashed = holds(AUTO);
    Files.writeString(take(crashed, open.get(1)).checkpoint().readFrom().file(), "lost");
    assertThat(take(crashed, open.get(0)).inPlace()).isNull();
    Files.writeString(linked, "one, written into");
    Files.delete(linked);
    Files.delete(copied);
    Holds next = Holds.open(folder, AUTO, open.stream().map(Checkpoint::identity).toList(), disks);
    fails(() -> take(next, open.get(0)), Reason.VANISHED, linked);
    fails(() -> take(next, open.get(1)), Reason.VANISHED, copied);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void closingReleasesWhatIsHeld() throws IOException {
    Holds holds = holds(AUTO);
    Hold hold = take(holds, describe(written("step-1.safetensors", "one")));
    holds.close();
    assertThat(folder).isEmptyDirectory();
    hold.close();
  }

  @Test
  void theNumberInTheNameIsTheStep() {
    assertThat(carriesItsStep("/runs/5/step-00100.pt", 100L)).isTrue();
    assertThat(carriesItsStep("/runs/5/ckpt_100_of_300.pt", 100L)).isTrue();
    assertThat(carriesItsStep("/runs/5/step-100/model.safetensors", 100L)).isTrue();
    assertThat(carriesItsStep("/runs/5/step-1000.pt", 100L)).isFalse();
    assertThat(carriesItsStep("/runs/5/last.ckpt", 100L)).isFalse();
    assertThat(carriesItsStep("/runs/5/last.ckpt", null)).isFalse();
  }

  private static boolean carriesItsStep(String path, @Nullable Long step) {
    return Holds.carriesItsStep(Checkpoint.ofFile("id", path, step));
  }

  private Holds holds(HoldSettings settings) throws IOException {
    return Holds.open(folder, settings, Set.of(), disks);
  }

  /** For a checkpoint that need not wait. */
  private static Hold take(Holds holds, Checkpoint checkpoint) throws IOException {
    HoldRequest request = holds.request(checkpoint);
    assertThat(hasRoom(request)).isTrue();
    return request.take();
  }

  private static boolean hasRoom(HoldRequest request) {
    return request.room().toCompletableFuture().isDone();
  }

  private Path written(String name, String content) throws IOException {
    return Files.writeString(trainer.resolve(name), content);
  }

  /** Of a fixture that PyTorch wrote. */
  private static Path copied(String fixture, Path target) throws IOException {
    Files.createDirectories(target);
    try (Stream<Path> files = Files.list(TorchFixtures.path("torch-2.13", fixture))) {
      for (Path file : files.toList()) {
        String name = CheckpointFiles.fileName(file);
        // Builds leave out files of the name that this one has in checkpoints.
        Files.copy(file, target.resolve(name.equals("metadata") ? ".metadata" : name));
      }
    }
    return target;
  }

  private static Checkpoint describe(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return CheckpointFiles.describe(path);
    }
    // Its bytes are not looked at here, so that a few letters will do.
    return new Candidate(
            path,
            path,
            Layouts.stepOf(path),
            WeightsLocation.of(path),
            ContentVersion.of(FileVersion.of(path)),
            null,
            "")
        .checkpoint();
  }

  private static String content(Checkpoint checkpoint) throws IOException {
    return Files.readString(checkpoint.readFrom().file());
  }

  private static void assertValues(Hold hold, String expected) throws IOException {
    try (TensorSource source = WeightFiles.open(hold.checkpoint().readFrom().file())) {
      TorchFixtures.assertListed(source, TorchFixtures.path("torch-2.13", expected));
      source.verifyUnchanged();
    }
  }

  private static boolean isLinked(Hold hold, Path file) throws IOException {
    assertThat(hold.checkpoint().held()).isNotNull();
    return Files.isSameFile(hold.checkpoint().readFrom().file(), file);
  }

  private static int linkCount(Path file) throws IOException {
    return (Integer) Files.getAttribute(file, "unix:nlink");
  }

  private static void fails(ThrowingCallable action, Reason reason, Path path) {
    assertThatThrownBy(action)
        .isInstanceOfSatisfying(
            BadInputException.class,
            failure -> {
              assertThat(failure.reason()).isEqualTo(reason);
              assertThat(failure.getMessage()).startsWith(path + ": ");
            });
  }

  /** All that a trainer or a person could notice of a folder and its files. */
  private static Map<String, String> described(Path top) throws IOException {
    Map<String, String> all = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(top)) {
      for (Path path : paths.toList()) {
        all.put(
            path.toString(),
            "%s %s %d %s %s"
                .formatted(
                    Files.getAttribute(path, "unix:ino"),
                    Files.getLastModifiedTime(path),
                    linkCount(path),
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(path)),
                    Files.isDirectory(path) ? "" : Files.readString(path)));
      }
    }
    return all;
  }

  /** The files below a folder, by their names. */
  private static List<String> files(Path top) throws IOException {
    try (Stream<Path> paths = Files.walk(top)) {
      return paths.filter(Files::isRegularFile).map(CheckpointFiles::fileName).sorted().toList();
    }
  }

  private static void removeAll(Path top) throws IOException {
    new HeldFiles(top, Disks.REAL).delete();
  }
}
