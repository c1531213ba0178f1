package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.diffuscope.model.SigmaGrid;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Opening a probe: what fits, what is refused and how, and what its id depends on. */
class ProbeTest {
  @TempDir private Path folder;
  private ProbeFiles files;
  private Builder base;

  @BeforeEach
  void write() throws Exception {
    files = new ProbeFiles(folder);
    base = new Builder(files.smallSpec());
  }

  @Test
  void withoutHoldoutAndTeacher() throws Exception {
    Builder b = base.copy();
    b.holdout = null;
    try (Probe probe = Probe.open(b.build())) {
      assertThat(probe.references()).containsExactly(Reference.TRAIN);
      assertThat(probe.samples()).isEqualTo(40);
      assertThat(probe.dimension()).isEqualTo(64);
      assertThat(probe.id()).matches("[0-9a-f]{16}");
    }
    b.samples = null;
    try (Probe probe = Probe.open(b.build())) {
      assertThat(probe.samples()).isEqualTo(1000);
      assertThat(probe.sampleBlocks()).isEqualTo(63);
      assertThat(probe.rowsOfBlock(62)).isEqualTo(8);
    }
  }

  @Test
  void aNoiseFileIsUsedWholeUnlessFewerSamplesAreAskedFor() throws Exception {
    Builder b = base.copy();
    b.noise = noise(30).toString();
    b.samples = null;
    try (Probe probe = Probe.open(b.build())) {
      assertThat(probe.samples()).isEqualTo(30);
    }
    b.samples = 12;
    try (Probe probe = Probe.open(b.build())) {
      assertThat(probe.samples()).isEqualTo(12);
    }
    b.samples = 31;
    BadInputException refused = refusal(b.build());
    assertThat(refused)
        .hasMessageContaining("noise.npy")
        .hasMessageContaining("30 noises")
        .hasMessageContaining("31 samples");
  }

  @Test
  void refusesWhatDoesNotFit() throws Exception {
    Builder b = base.copy();
    b.holdout = files.write("flat.npy", TensorShape.of(3, 3), new float[90]).toString();
    assertRefused(b, Reason.WRONG_SHAPE, "flat.npy");
    b = base.copy();
    b.train = files.write("wide.npy", TensorShape.of(65), new float[650]).toString();
    assertRefused(b, Reason.WRONG_SHAPE, "wide.npy");
    b = base.copy();
    b.train = files.points("one.npy", 1, 1).toString();
    assertRefused(b, Reason.EMPTY, "at least 2 points");
    b = base.copy();
    b.train = folder.resolve("absent.npy").toString();
    assertRefused(b, Reason.VANISHED, "absent.npy");
    b = base.copy();
    b.noise = files.write("short.npy", TensorShape.of(5), new float[50]).toString();
    assertRefused(b, Reason.WRONG_SHAPE, "short.npy");
    b = base.copy();
    b.teacher = files.resource("/io/diffuscope/model/memorizer.pt").toString();
    assertRefused(b, Reason.WRONG_SHAPE, "memorizer.pt");
    b = base.copy();
    b.template = Files.writeString(folder.resolve("text.pt"), "nothing").toString();
    assertRefused(b, Reason.MALFORMED, "text.pt");
  }

  @Test
  void everyChangeOfWhatIsMeasuredWithIsAnotherProbe() throws Exception {
    Set<String> ids = new HashSet<>();
    ids.add(id(base));
    assertThat(id(base.copy())).as("the same again").isIn(ids);
    Builder same = base.copy();
    same.cache = folder.resolve("elsewhere").toString();
    same.batchSize = 8;
    assertThat(id(same)).as("where and how it is computed does not count").isIn(ids);

    Builder b = base.copy();
    b.seed = 8;
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.samples = 41;
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.flow = new FlowSettings(FlowSettings.Solver.EULER, SigmaGrid.edm(6));
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.flow = new FlowSettings(FlowSettings.Solver.HEUN, new SigmaGrid(6, .002, 80, 6));
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.train = files.points("other.npy", 24, 5).toString();
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.holdout = null;
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.teacher = files.resource("/io/diffuscope/demo/digits-mixture.npz").toString();
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.noise = noise(40).toString();
    assertThat(ids.add(id(b))).isTrue();
    b = base.copy();
    b.denoising = new DenoisingSettings(List.of(.1), 2, 20);
    assertThat(ids.add(id(b))).isTrue();
  }

  private Path noise(int rows) throws Exception {
    Path file = folder.resolve("noise.npy");
    NpyWriter.write(file, TensorShape.of(rows, 64), NoiseBank.seeded(1, 64).read(0, rows));
    return file;
  }

  private static String id(Builder builder) throws Exception {
    try (Probe probe = Probe.open(builder.build())) {
      return probe.id();
    }
  }

  private static void assertRefused(Builder builder, Reason reason, String text) {
    BadInputException refused = refusal(builder.build());
    assertThat(refused).hasMessageContaining(text);
    assertThat(refused.reason()).isEqualTo(reason);
  }

  private static BadInputException refusal(ProbeSpec spec) {
    BadInputException refused =
        catchThrowableOfType(BadInputException.class, () -> Probe.open(spec).close());
    assertThat(refused).isNotNull();
    return refused;
  }

  /** A spec with one thing changed. */
  private static final class Builder {
    private String template;
    private String train;
    private @Nullable String holdout;
    private @Nullable String teacher;
    private @Nullable String noise;
    private long seed;
    private @Nullable Integer samples;
    private int batchSize;
    private FlowSettings flow;
    private DenoisingSettings denoising;
    private String cache;
    private final ProbeSpec original;

    Builder(ProbeSpec s) {
      original = s;
      template = s.template();
      train = s.train();
      holdout = s.holdout();
      teacher = s.teacher();
      noise = s.noise();
      seed = s.seed();
      samples = s.samples();
      batchSize = s.batchSize();
      flow = s.flow();
      denoising = s.denoising();
      cache = s.cacheDirectory();
    }

    Builder copy() {
      return new Builder(original);
    }

    ProbeSpec build() {
      return new ProbeSpec(
          template,
          original.network(),
          train,
          holdout,
          teacher,
          noise,
          seed,
          samples,
          batchSize,
          flow,
          denoising,
          cache,
          original.residentBytes());
    }
  }
}
