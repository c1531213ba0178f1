package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code diffuscope inspect}: what a stuck user runs first. */
class InspectIT {
  private static final Path DEMO_NETWORK =
      Path.of("src/main/resources/io/diffuscope/demo/demo-network.pt");

  @TempDir private Path folder;

  @Test
  void directoryTellsStepsAndWhatIsNotComplete() throws IOException {
    write(folder.resolve("step-000100.safetensors"));
    Files.writeString(folder.resolve("step-000200.safetensors"), "half a fi");

    Outcome seen = Outcome.ofMain("inspect", folder.toString());

    assertThat(seen.exit()).isEqualTo(ExitCode.OK);
    assertThat(seen.output())
        .contains("layout safetensors")
        .contains("2 checkpoints, 1 complete")
        .containsPattern("step 100 .* complete")
        .containsPattern("step 200 .* not complete: .*step-000200")
        .contains("2 tensors, 9 elements, 36 B, F32");
  }

  @Test
  void weightsThatDoNotFitATemplateAreTold() throws IOException {
    write(folder.resolve("step-000100.safetensors"));
    Path template = DEMO_NETWORK;

    Outcome seen =
        Outcome.ofMain(
            "inspect", folder.toString(), "--template", template.toString(), "--tensors");

    assertThat(seen.exit()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(seen.output())
        .containsPattern("F32 +\\[2, 3\\] +a\\.weight")
        .contains("0 of 10 parameters match, so these weights cannot be used")
        .contains("missing: ");
  }

  @Test
  void exportedNetworksAndArraysAreToldApart() throws IOException {
    Path template = DEMO_NETWORK;
    assertThat(Outcome.ofMain("inspect", template.toString()).output())
        .contains("an exported network")
        .containsPattern("preconditioning +edm");

    Path array = folder.resolve("x.npy");
    NpyWriter.write(array, TensorShape.of(2, 3), new float[6]);
    assertThat(Outcome.ofMain("inspect", array.toString()).output())
        .contains("an array [2, 3]")
        .contains("a data set of 2 points of shape [3], no labels");

    Path last = folder.resolve("last.npy");
    NpyWriter.write(last, TensorShape.of(2, 4, 5, 3), new float[120]);
    assertThat(Outcome.ofMain("inspect", last.toString()).output())
        .contains("channels come last there")
        .contains("x.transpose(0, 3, 1, 2)");
  }

  @Test
  void imagesAreToldWithWhatIsWrong() throws IOException {
    for (int i = 0; i < 3; i++) {
      ImageIO.write(
          new BufferedImage(4, i == 2 ? 5 : 4, BufferedImage.TYPE_INT_RGB),
          "png",
          folder.resolve(i + ".png").toFile());
    }
    Outcome mixed = Outcome.ofMain("inspect", folder.toString());
    assertThat(mixed.exit()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(mixed.output())
        .contains("3 images")
        .contains("2 of shape [3, 4, 4], uint8")
        .contains("problem: images of several sizes")
        .contains("cannot be used as it is");

    Files.delete(folder.resolve("2.png"));
    Outcome whole = Outcome.ofMain("inspect", folder.toString());
    assertThat(whole.exit()).isEqualTo(ExitCode.OK);
    assertThat(whole.output()).contains("no labels").contains("x / 127.5 - 1");
  }

  @Test
  void whatIsNothingEndsWithAReason() {
    Outcome missing = Outcome.ofMain("inspect", folder.resolve("none").toString());
    assertThat(missing.exit()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(missing.errors()).contains("no such file or directory");

    Outcome empty = Outcome.ofMain("inspect", folder.toString());
    assertThat(empty.exit()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(empty.output()).contains("it is empty");
  }

  private static void write(Path file) throws IOException {
    SafetensorsWriter.write(
        file,
        Map.of(
            "a.weight", new FloatArray(TensorShape.of(2, 3), new float[6]),
            "a.bias", new FloatArray(TensorShape.of(3), new float[3])),
        Map.of());
  }
}
