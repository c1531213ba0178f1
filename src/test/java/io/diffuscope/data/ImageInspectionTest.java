package io.diffuscope.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageInspectionTest {
  @TempDir private Path folder;

  @Test
  void tellsShapesAndClasses() throws Exception {
    write("cat/1.png", 6, 4, BufferedImage.TYPE_INT_RGB);
    write("cat/2.png", 6, 4, BufferedImage.TYPE_INT_RGB);
    write("dog/1.png", 6, 4, BufferedImage.TYPE_BYTE_GRAY);
    List<Long> told = new ArrayList<>();

    ImageInspection seen =
        ImageInspection.of(folder, (what, done, total) -> told.add(done)).orElseThrow();

    assertThat(seen.images()).isEqualTo(3);
    assertThat(seen.sizes()).isEqualTo(Map.of("[3, 4, 6]", 2, "[1, 4, 6]", 1));
    assertThat(seen.unreadable()).isZero();
    assertThat(seen.classes()).isEqualTo(2);
    assertThat(seen.labels()).contains("folders");
    assertThat(told).containsExactly(3L);
  }

  @Test
  void oneThatCannotBeReadIsAProblemAndNotTheEnd() throws Exception {
    write("a.png", 8, 8, BufferedImage.TYPE_INT_RGB);
    byte[] whole = Files.readAllBytes(folder.resolve("a.png"));
    Files.write(folder.resolve("b.png"), Arrays.copyOf(whole, whole.length - 20));
    Files.writeString(folder.resolve("c.png"), "no image");
    write("d.png", 8, 9, BufferedImage.TYPE_INT_RGB);

    ImageInspection seen = ImageInspection.of(folder, (what, done, total) -> {}).orElseThrow();

    assertThat(seen.images()).isEqualTo(4);
    assertThat(seen.unreadable()).isEqualTo(2);
    assertThat(seen.problems()).hasSize(2);
    assertThat(seen.problems().get(0)).contains("b.png");
    assertThat(seen.problems().get(1)).contains("c.png");
    assertThat(seen.sizes()).containsOnlyKeys("[3, 8, 8]", "[3, 9, 8]");
    assertThat(seen.labels()).isNull();
  }

  @Test
  void aFolderWithoutImagesIsNone() throws Exception {
    Files.writeString(folder.resolve("x.txt"), "text");
    assertThat(ImageInspection.of(folder, (what, done, total) -> {})).isEmpty();
  }

  private void write(String name, int width, int height, int type) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    ImageIO.write(new BufferedImage(width, height, type), "png", file.toFile());
  }
}
