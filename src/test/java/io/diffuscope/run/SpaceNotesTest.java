package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.sampling.Augmentation;
import io.diffuscope.tensorfile.TensorShape;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpaceNotesTest {
  private static List<String> notes(
      TensorShape shape, boolean decoded, boolean described, Augmentation augment) {
    return SpaceNotes.of(shape, decoded, described, false, augment);
  }

  @Test
  void pixelsOfLargeImagesSayLittle() {
    TensorShape large = TensorShape.of(3, 64, 96);
    assertThat(notes(large, false, false, Augmentation.NONE))
        .singleElement()
        .asString()
        .startsWith("images of 64 x 96")
        .contains("--descriptor");
    assertThat(notes(large, false, true, Augmentation.NONE))
        .singleElement()
        .asString()
        .contains("neighbours.space = descriptor");
    assertThat(SpaceNotes.of(large, false, true, true, Augmentation.NONE))
        .singleElement()
        .asString()
        .contains("what the descriptor makes of them", "pfd");
    for (TensorShape other :
        List.of(
            TensorShape.of(3, 64, 64),
            TensorShape.of(1, 32, 32),
            TensorShape.of(4, 128, 128),
            TensorShape.of(4096))) {
      assertThat(notes(other, false, false, Augmentation.NONE)).as("%s", other).isEmpty();
    }
  }

  @Test
  void decodedImagesAreComparedAsPixelsToo() {
    TensorShape latent = TensorShape.of(4, 32, 32);
    assertThat(notes(latent, true, false, Augmentation.NONE))
        .singleElement()
        .asString()
        .startsWith("decoded images")
        .contains("64 x 64", "--descriptor");
    assertThat(notes(latent, true, true, Augmentation.NONE)).hasSize(1);
  }

  @Test
  void similaritiesDoNotMirror() {
    TensorShape image = TensorShape.of(3, 32, 32);
    assertThat(notes(image, false, true, Augmentation.HFLIP))
        .singleElement()
        .asString()
        .contains("gl, rp", "hflip");
    assertThat(notes(image, false, false, Augmentation.HFLIP)).isEmpty();
  }
}
