package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Checkpoints of torch.save since 1.6, as trainers write them. */
class TorchZipTest {
  @SuppressWarnings("unused") // read by the tests' parameters
  private static final java.util.List<String> RELEASES = TorchFixtures.RELEASES;

  @ParameterizedTest
  @FieldSource("RELEASES")
  void dictionariesOfStateDicts(String release) throws IOException {
    Path file = TorchFixtures.path(release, "dit.pt");
    TorchFixtures.assertValues(file, TorchFixtures.path(release, "dit.npz"));
    try (TensorSource source = WeightFiles.open(file)) {
      assertThat(source.objects()).isEqualTo(java.util.Map.of("args", "argparse.Namespace"));
      assertThat(TorchFixtures.info(source, "ema.conv_in.weight").shape())
          .isEqualTo(TensorShape.of(4, 3, 3, 3));
      assertThat(source.tensors()).containsKey("ema.norm.running_mean");
      assertThat(source.tensors()).doesNotContainKey("ema.scratch");
    }
  }

  @ParameterizedTest
  @FieldSource("RELEASES")
  void lightningCheckpoints(String release) throws IOException {
    TorchFixtures.assertValues(
        TorchFixtures.path(release, "lightning.ckpt"),
        TorchFixtures.path(release, "lightning.npz"));
  }

  @ParameterizedTest
  @FieldSource("RELEASES")
  void everyViewTypeAndProtocol(String release) throws IOException {
    for (String variant : new String[] {"2", "3", "4", "5", "zip64", "big-endian"}) {
      Path file = TorchFixtures.path(release, "views-" + variant + ".pt");
      try (TensorSource source = WeightFiles.open(file)) {
        assertThat(TorchFixtures.info(source, "bfloat16").type()).isEqualTo(ElementType.BF16);
        assertThat(TorchFixtures.info(source, "transposed").shape())
            .isEqualTo(TensorShape.of(6, 4, 5));
        if (!source.tensors().containsKey("float8_e4m3fn")) {
          TorchFixtures.assertValues(file, TorchFixtures.path(release, "views.npz"));
          continue;
        }
        assertThat(source.tensors().get("float8_e4m3fn"))
            .isEqualTo(new TensorInfo("float8_e4m3fn", ElementType.F8_E4M3, TensorShape.of(4)));
        assertThatExceptionOfType(BadInputException.class)
            .isThrownBy(() -> source.readFloats("float8_e4m3fn", 0, FloatBuffer.allocate(4)))
            .withMessageContaining("F8_E4M3, which cannot be read; convert it to F32")
            .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED));
        TorchFixtures.assertListed(source, TorchFixtures.path(release, "views.npz"));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("RELEASES")
  void oneTensorByItself(String release) throws IOException {
    TorchFixtures.assertValues(
        TorchFixtures.path(release, "bare.pt"), TorchFixtures.path(release, "bare.npz"));
  }

  @ParameterizedTest
  @FieldSource("RELEASES")
  void wholeModulesNeedTheirOwnCode(String release) {
    for (String name : new String[] {"module.pt", "module-inside.pt"}) {
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> WeightFiles.open(TorchFixtures.path(release, name)))
          .withMessageContainingAll(
              "an object of the Python class '__main__.Small'",
              "torch.save(model.state_dict(), FILE)")
          .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED));
    }
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> WeightFiles.open(TorchFixtures.path(release, "no-tensors.pt")))
        .withMessageContaining("has no tensors")
        .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.EMPTY));
  }
}
