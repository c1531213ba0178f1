package io.diffuscope.checkpoint.s3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.testkit.TestSubscriber;
import akka.stream.testkit.javadsl.TestSink;
import com.typesafe.config.ConfigFactory;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointFiles;
import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.checkpoint.DirectorySubscription;
import io.diffuscope.checkpoint.RunDirectories;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.checkpoint.Sighting.Listed;
import io.diffuscope.checkpoint.Sighting.Problem;
import io.diffuscope.checkpoint.Sighting.Recovered;
import io.diffuscope.checkpoint.Sighting.Settled;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.Locations;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;

/** Buckets as directories, against S3Mock and a front that counts and fails. */
class BucketTest {
  private static final ActorTestKit KIT =
      ActorTestKit.create(
          ConfigFactory.parseString("akka.test.single-expect-default = 60 s")
              .withFallback(ConfigFactory.load()));
  private static final int BLOCK = 64 << 10;
  private static final int SCRATCH = 4 * BLOCK;
  private static final AtomicInteger NUMBER = new AtomicInteger();

  @TempDir private static Path common;
  private static S3Mock mock;

  @TempDir private Path folder;
  private StoreFront front;
  private String bucket = "";
  private volatile String accessKey = "key-1";

  @BeforeAll
  static void startStore() throws Exception {
    mock = S3Mock.start(common);
  }

  @AfterAll
  static void stop() throws Exception {
    KIT.shutdownTestKit();
    mock.close();
  }

  @BeforeEach
  void configure() throws Exception {
    front = StoreFront.start(mock.uri());
    bucket = "bucket-" + NUMBER.incrementAndGet();
    mock.createBucket(bucket);
    configure(front, null);
  }

  private void configure(StoreFront store, @Nullable Path authorities) {
    S3FileSystemProvider.configure(
        new ObjectStoreSettings(
            store.uri(),
            null,
            true,
            authorities,
            folder.resolve("scratch"),
            SCRATCH,
            BLOCK,
            Duration.ofMinutes(10),
            Duration.ofMillis(1)),
        () -> AwsBasicCredentials.create(accessKey, "secret"));
  }

  @AfterEach
  void close() {
    S3FileSystemProvider.close();
    front.close();
  }

  @Test
  void checkpointsThatAreFilesAreFoundInOrderAndThenWhatComes() throws Exception {
    mock.put(bucket, "run/step-20.safetensors", weights(20));
    mock.put(bucket, "run/step-3.safetensors", weights(3));
    TestSubscriber.Probe<Sighting> probe = subscribe(DirectorySettings.of(path("run")));

    assertThat(settled(probe).step()).isEqualTo(3);
    assertThat(settled(probe).step()).isEqualTo(20);
    mock.put(bucket, "run/step-100.safetensors", weights(100));

    Checkpoint last = settled(probe);
    assertThat(last.path()).isEqualTo("s3://" + bucket + "/run/step-100.safetensors");
    assertThat(CheckpointFiles.isCurrent(last)).isTrue();
    assertThat(firstWeight(last.weights().file())).isEqualTo(100);
    probe.cancel();
  }

  @Test
  void checkpointsThatAreFoldersAreFoundByOneListingAPoll() throws Exception {
    for (int step = 500; step <= 2500; step += 500) {
      writeFolder("run/checkpoint-" + step, step);
    }
    TestSubscriber.Probe<Sighting> probe = subscribe(DirectorySettings.of(path("run")));
    for (long step = 500; step <= 2500; step += 500) {
      Checkpoint checkpoint = settled(probe);
      assertThat(checkpoint.step()).isEqualTo(step);
      assertThat(checkpoint.weights().path()).contains("/unet_ema/");
    }
    int polls = 1;
    for (; polls < 4; polls++) {
      listed(probe);
    }
    probe.cancel();

    // A poll that was under way when the stream ended, and one of the stream's buffer.
    assertThat(front.listings()).isBetween(polls - 1, polls + 3);
    assertThat(front.heads()).isZero();
  }

  @Test
  void runsAreFoundByTheListingOfTheirRootWhichTheirCheckpointsNeedNoOtherThan() throws Exception {
    mock.put(bucket, "runs/lr-1/step-1.safetensors", weights(1));
    mock.put(bucket, "runs/lr-2/step-2.safetensors", weights(2));
    mock.put(bucket, "runs/other/step-3.safetensors", weights(3));
    TestSubscriber.Probe<RunDirectories.News> runs =
        RunDirectories.create(path("runs"), "lr-*", Duration.ofHours(1))
            .source()
            .runWith(TestSink.create(KIT.system()), KIT.system());
    for (int run = 1; run <= 2; run++) {
      RunDirectories.News.Found found = (RunDirectories.News.Found) runs.requestNext();
      assertThat(found.name()).isEqualTo("lr-" + run);
      TestSubscriber.Probe<Sighting> probe = subscribe(DirectorySettings.of(found.directory()));
      assertThat(settled(probe).step()).isEqualTo(run);
      listed(probe);
      probe.cancel();
    }
    runs.cancel();
    assertThat(front.listings()).isEqualTo(1);
  }

  @Test
  void whatIsNewerThanTheLastListingIsSeenByWhoeverLooksAgain() throws Exception {
    mock.put(bucket, "run/step-1.safetensors", weights(1));
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path("run"))) {
      assertThat(entries).containsExactly(path("run/step-1.safetensors"));
    }
    mock.put(bucket, "run/step-2.safetensors", weights(2));
    assertThat(Files.exists(path("run/step-2.safetensors"))).isFalse();

    S3FileSystemProvider.lookAgain(path("run/step-2.safetensors"));
    assertThat(CheckpointFiles.describe(path("run/step-2.safetensors")).step()).isEqualTo(2);
  }

  @Test
  void anUploadInPartsIsSeenOnceWhenItIsComplete() throws Exception {
    byte[] whole = largeWeights(7, 6 << 20);
    byte[] start = Arrays.copyOf(whole, 5 << 20);
    byte[] rest = Arrays.copyOfRange(whole, start.length, whole.length);
    String key = "run/step-7.safetensors";
    mock.put(bucket, "run/step-1.safetensors", weights(1));
    String upload = mock.startUpload(bucket, key);
    String first = mock.uploadPart(bucket, key, upload, 1, start);
    TestSubscriber.Probe<Sighting> probe = subscribe(DirectorySettings.of(path("run")));
    assertThat(settled(probe).step()).isEqualTo(1);
    for (int i = 0; i < 3; i++) {
      listed(probe);
    }

    String second = mock.uploadPart(bucket, key, upload, 2, rest);
    mock.completeUpload(bucket, key, upload, first, second);

    assertThat(settled(probe).step()).isEqualTo(7);
    for (int i = 0; i < 3; i++) {
      listed(probe);
    }
    probe.cancel();
  }

  @Test
  void aKeyThatIsWrittenOverIsAnotherCheckpointAndReadingTheOldOneSaysChanged() throws Exception {
    String key = "run/step-7.safetensors";
    mock.put(bucket, key, largeWeights(1, 4 * BLOCK));
    TestSubscriber.Probe<Sighting> probe = subscribe(DirectorySettings.of(path("run")));
    Checkpoint old = settled(probe);
    try (FileChannel channel = FileChannel.open(old.file(), StandardOpenOption.READ)) {
      mock.put(bucket, key, largeWeights(2, 4 * BLOCK));

      assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(8), 2L * BLOCK))
          .isInstanceOfSatisfying(
              BadInputException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CHANGED));
    }
    Checkpoint replaced = settled(probe);
    assertThat(replaced.path()).isEqualTo(old.path());
    assertThat(replaced.identity()).isNotEqualTo(old.identity());
    assertThat(CheckpointFiles.isCurrent(old)).isFalse();
    assertThat(firstWeight(replaced.file())).isEqualTo(2);
    probe.cancel();
  }

  @Test
  void anObjectThatIsDeletedWhileItIsReadHasVanished() throws Exception {
    mock.put(bucket, "a.bin", new byte[4 * BLOCK]);
    try (FileChannel channel = FileChannel.open(path("a.bin"), StandardOpenOption.READ)) {
      mock.delete(bucket, "a.bin");
      assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(8), 0))
          .isInstanceOf(NoSuchFileException.class);
    }
    assertThat(Files.exists(path("a.bin"))).isFalse();
  }

  @Test
  void aStoreThatFailsForAWhileIsAProblemAndNothingIsLost() throws Exception {
    mock.put(bucket, "run/step-1.safetensors", weights(1));
    TestSubscriber.Probe<Sighting> probe = subscribe(DirectorySettings.of(path("run")));
    assertThat(settled(probe).step()).isEqualTo(1);

    front.fail(new StoreFront.Failure(503, "ServiceUnavailable"));
    Problem problem = (Problem) next(probe);
    assertThat(problem.message()).startsWith("s3://" + bucket + "/run: ").contains("503");
    mock.put(bucket, "run/step-2.safetensors", weights(2));
    front.fail(null);

    assertThat(next(probe)).isInstanceOf(Recovered.class);
    assertThat(settled(probe).step()).isEqualTo(2);
    probe.cancel();
  }

  @Test
  void credentialsThatExpireAreAProblemUntilTheProviderHasNewOnes() throws Exception {
    mock.put(bucket, "run/step-1.safetensors", weights(1));
    TestSubscriber.Probe<Sighting> probe = subscribe(DirectorySettings.of(path("run")));
    assertThat(settled(probe).step()).isEqualTo(1);

    front.accept("key-2");
    assertThat(((Problem) next(probe)).message()).contains("credentials").contains("expired");
    mock.put(bucket, "run/step-2.safetensors", weights(2));
    accessKey = "key-2";

    assertThat(next(probe)).isInstanceOf(Recovered.class);
    assertThat(settled(probe).step()).isEqualTo(2);
    probe.cancel();
  }

  @Test
  void aRefusalSaysWhatToGrantAndAWrongBucketIsNamed() throws Exception {
    front.fail(new StoreFront.Failure(403, "AccessDenied"));
    assertThatThrownBy(() -> Files.newDirectoryStream(path("run")))
        .hasMessageContaining("s3:ListBucket");
    front.fail(null);
    assertThatThrownBy(() -> Files.newDirectoryStream(Locations.pathOf("s3://nobody-has-this/run")))
        .hasMessageContaining("no such bucket");
  }

  @Test
  void oneFailedAnswerIsNotTold() throws Exception {
    byte[] content = new byte[100];
    new Random(1).nextBytes(content);
    mock.put(bucket, "a.bin", content);
    front.failOnce(new StoreFront.Failure(500, "InternalError"));
    assertThat(Files.readAllBytes(path("a.bin"))).isEqualTo(content);
  }

  @Test
  void onlyWhatTheWeightsNeedComesOverTheNetwork() throws Exception {
    byte[] whole = largeWeights(5, 16 << 20);
    mock.put(bucket, "step-5.safetensors", whole);

    assertThat(firstWeight(path("step-5.safetensors"))).isEqualTo(5);

    assertThat(whole.length).isGreaterThan(16 << 20);
    assertThat(front.readBytes()).isPositive().isLessThan(4L * BLOCK);
    assertThat(S3FileSystemProvider.buckets().store().fetchedBytes()).isEqualTo(front.readBytes());
    int before = front.reads();
    assertThat(firstWeight(path("step-5.safetensors"))).isEqualTo(5);
    assertThat(front.reads()).as("what was read is kept").isEqualTo(before);
  }

  @Test
  void scratchSpaceStaysWithinItsBoundWhateverIsRead() throws Exception {
    byte[] content = new byte[40 * BLOCK + 123];
    new Random(2).nextBytes(content);
    mock.put(bucket, "a.bin", content);

    try (FileChannel channel = FileChannel.open(path("a.bin"), StandardOpenOption.READ)) {
      ByteBuffer odd = ByteBuffer.allocateDirect(3 * BLOCK + 7);
      for (long at = 0; at < content.length; at += odd.position()) {
        odd.clear();
        int count = channel.read(odd, at);
        byte[] read = new byte[count];
        odd.flip().get(read);
        odd.position(count);
        assertThat(read).isEqualTo(Arrays.copyOfRange(content, (int) at, (int) at + count));
        assertThat(S3FileSystemProvider.buckets().scratch().bytes()).isBetween(1L, (long) SCRATCH);
      }
      assertThat(channel.read(ByteBuffer.allocate(1), content.length)).isEqualTo(-1);
    }
    assertThat(Files.readAllBytes(path("a.bin"))).isEqualTo(content);
    // Gaps are fetched in one request each, not block by block.
    assertThat(front.reads()).isLessThan(40);
  }

  @Test
  void aCertificateOfAnAuthorityOfOnesOwnIsTrustedOnlyWhereThatIsNamed() throws Exception {
    mock.put(bucket, "a.bin", new byte[] {1, 2, 3});
    ServerIdentity identity = ServerIdentity.create(folder);
    try (StoreFront secure = StoreFront.start(mock.uri(), identity.context())) {
      configure(secure, null);
      assertThatThrownBy(() -> Files.size(path("a.bin")))
          .hasMessageContaining("not trusted")
          .hasMessageContaining("diffuscope.s3.ca-file");

      configure(secure, identity.certificate());
      assertThat(Files.readAllBytes(path("a.bin"))).containsExactly(1, 2, 3);
    }
  }

  @Test
  void nothingIsEverWritten() throws Exception {
    mock.put(bucket, "a.bin", new byte[] {1});
    Path file = path("a.bin");
    assertThatThrownBy(() -> Files.delete(file)).isInstanceOf(ReadOnlyFileSystemException.class);
    assertThatThrownBy(() -> Files.write(file, new byte[1]))
        .isInstanceOf(ReadOnlyFileSystemException.class);
    assertThatThrownBy(() -> Files.createDirectory(path("b")))
        .isInstanceOf(ReadOnlyFileSystemException.class);
    assertThat(Files.isWritable(file)).isFalse();
    assertThat(Files.readAllBytes(file)).containsExactly(1);
  }

  @Test
  void scratchSpaceIsPrivateAndGoesWithTheProcess() throws Exception {
    mock.put(bucket, "a.bin", new byte[BLOCK]);
    assertThat(Files.readAllBytes(path("a.bin"))).hasSize(BLOCK);
    Path scratch = folder.resolve("scratch");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(scratch)))
        .isEqualTo("rwx------");
    S3FileSystemProvider.close();
    assertThat(scratch).isEmptyDirectory();
  }

  private Path path(String key) {
    return Locations.pathOf("s3://" + bucket + "/" + key);
  }

  private void writeFolder(String prefix, int step) throws Exception {
    mock.put(bucket, prefix + "/unet/config.json", new byte[] {'{', '}'});
    mock.put(bucket, prefix + "/unet/diffusion_pytorch_model.safetensors", weights(step));
    mock.put(bucket, prefix + "/unet_ema/config.json", new byte[] {'{', '}'});
    mock.put(bucket, prefix + "/unet_ema/diffusion_pytorch_model.safetensors", weights(step));
    mock.put(bucket, prefix + "/random_states_0.pkl", new byte[] {1});
  }

  private byte[] weights(float first) throws IOException {
    return largeWeights(first, 4);
  }

  /** Small weights beside an optimizer's state of so many bytes. */
  private byte[] largeWeights(float first, int optimizerBytes) throws IOException {
    Path file = folder.resolve("weights-" + NUMBER.incrementAndGet());
    SafetensorsWriter.write(
        file,
        Map.of(
            "w",
            new FloatArray(TensorShape.of(4), new float[] {first, 2, 3, 4}),
            "optimizer.state",
            new FloatArray(TensorShape.of(optimizerBytes / 4), new float[optimizerBytes / 4])),
        Map.of());
    return Files.readAllBytes(file);
  }

  private static float firstWeight(Path file) throws IOException {
    try (TensorSource weights = WeightFiles.open(file)) {
      FloatBuffer values = FloatBuffer.allocate(4);
      weights.readFloats("w", 0, values);
      weights.verifyUnchanged();
      return values.get(0);
    }
  }

  private static TestSubscriber.Probe<Sighting> subscribe(DirectorySettings settings) {
    return DirectorySubscription.create(
            settings.withPollInterval(Duration.ofMillis(100)).withQuietPeriod(Duration.ZERO))
        .sightings()
        .runWith(TestSink.create(KIT.system()), KIT.system());
  }

  private static Sighting next(TestSubscriber.Probe<Sighting> probe) {
    while (true) {
      Sighting sighting = probe.requestNext();
      if (!(sighting instanceof Listed) && !(sighting instanceof Sighting.Recognised)) {
        return sighting;
      }
    }
  }

  private static void listed(TestSubscriber.Probe<Sighting> probe) {
    assertThat(probe.requestNext()).isInstanceOf(Listed.class);
  }

  private static Checkpoint settled(TestSubscriber.Probe<Sighting> probe) {
    Sighting sighting = next(probe);
    assertThat(sighting).isInstanceOf(Settled.class);
    return ((Settled) sighting).checkpoint();
  }
}
