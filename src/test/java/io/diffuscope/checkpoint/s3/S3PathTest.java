package io.diffuscope.checkpoint.s3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.tensorfile.Locations;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Paths in buckets behave as the platform's, and their text leads back to them. */
class S3PathTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "s3://bucket/",
        "s3://bucket/a",
        "s3://my.bucket_1/a/b c/100%/ü+#?.ckpt",
        "s3://bucket/a=b&c/[1]"
      })
  void theTextLeadsBack(String text) {
    Path path = Locations.pathOf(text);
    assertThat(path.toString()).isEqualTo(text);
    assertThat(Path.of(path.toUri())).isEqualTo(path);
    assertThat(Locations.pathOf(path.toString())).isEqualTo(path);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a/b/../c", "./a", "a//b/", "a/b/c", ""})
  void partsAreThoseOfAPathOnThisMachine(String key) {
    Path here = Path.of("/" + key);
    Path there = Locations.pathOf("s3://bucket/" + key);

    assertThat(names(there)).isEqualTo(names(here));
    assertThat(names(there.normalize())).isEqualTo(names(here.normalize()));
    assertThat(String.valueOf(there.getFileName())).isEqualTo(String.valueOf(here.getFileName()));
    assertThat(there.getParent() == null).isEqualTo(here.getParent() == null);
    assertThat(names(there.resolve("x/y"))).isEqualTo(names(here.resolve("x/y")));
    assertThat(names(there.resolve(Path.of("x")))).isEqualTo(names(here.resolve("x")));
  }

  @Test
  void relativizingAndResolvingAreInverse() {
    Path root = Locations.pathOf("s3://bucket/runs/7");
    Path file = root.resolve("checkpoint-5/unet/model.safetensors");

    assertThat(root.relativize(file).toString()).isEqualTo("checkpoint-5/unet/model.safetensors");
    assertThat(root.resolve(root.relativize(file))).isEqualTo(file);
    assertThat(file.resolveSibling("config.json").toString())
        .isEqualTo("s3://bucket/runs/7/checkpoint-5/unet/config.json");
    assertThat(file.startsWith(root)).isTrue();
    assertThat(file.startsWith(Locations.pathOf("s3://other/runs/7"))).isFalse();
    assertThat(file.startsWith(Path.of("/"))).isFalse();
    assertThat(Path.of("/runs/7").startsWith(root)).isFalse();
  }

  @Test
  void aPathWithoutABucketIsRefused() {
    assertThatThrownBy(() -> Locations.pathOf("s3:///key")).hasMessageContaining("no bucket");
  }

  private static List<String> names(Path path) {
    return java.util.stream.StreamSupport.stream(path.spliterator(), false)
        .map(Path::toString)
        .toList();
  }
}
