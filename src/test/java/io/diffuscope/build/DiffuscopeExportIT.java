package io.diffuscope.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Python file that users copy beside their training program, as the distribution ships it, with
 * Debian's Python and its PyTorch 1.13: its own tests, and what it writes read by the monitor.
 */
class DiffuscopeExportIT {
  private static final String PYTHON = "/usr/bin/python3";
  private static final Path SOURCE = Path.of("src/main/python/diffuscope_export.py");
  private static final Path SHIPPED = Path.of("target/diffuscope/python/diffuscope_export.py");

  @TempDir private Path folder;

  /** What a process did. */
  private record Result(int exit, String output) {}

  @BeforeAll
  static void requirePyTorch() throws Exception {
    boolean there =
        Path.of(PYTHON).toFile().canExecute()
            && run(List.of(PYTHON, "-c", "import numpy, torch")).exit() == 0;
    if (System.getenv("CI") != null) {
      assertThat(there).as("PyTorch for %s, which .ci/run installs", PYTHON).isTrue();
    }
    assumeTrue(there, "no PyTorch for " + PYTHON);
  }

  @Test
  void passesItsOwnTests() throws Exception {
    Result result = run(List.of(PYTHON, "src/test/python/test_diffuscope_export.py"));
    assertThat(result.exit()).as(result.output()).isZero();
    assertThat(result.output()).containsPattern("Ran [4-9]\\d tests").doesNotContain("skipped");
  }

  @Test
  void isPartOfTheDistribution() throws Exception {
    assertThat(SHIPPED).hasSameTextualContentAs(SOURCE);
    Result help = run(List.of(PYTHON, SHIPPED.toString(), "--help"));
    assertThat(help.exit()).isZero();
    assertThat(help.output()).contains("convert", "diffusers", "edm");
  }

  @Test
  void dataThatItWritesAreRead() throws Exception {
    Path data = folder.resolve("data");
    String program =
        """
        import sys; sys.path.insert(0, "%s")
        import torch
        from diffuscope_export import export_data
        points = torch.arange(7 * 2 * 3 * 3).reshape(7, 2, 3, 3) / 8.0
        export_data([(p, i %% 3) for i, p in enumerate(points)], "%s", shard_size=3, quiet=True)
        """
            .formatted(SHIPPED.toAbsolutePath().getParent(), data);
    Result result = run(List.of(PYTHON, "-c", program));
    assertThat(result.exit()).as(result.output()).isZero();
    try (DataSet set = DataSets.open(data.toString(), "train", TensorShape.of(2, 3, 3))) {
      assertThat(set.size()).isEqualTo(7);
      assertThat(set.labels()).containsExactly(0, 1, 2, 0, 1, 2, 0);
      float[] points = new float[7 * 18];
      set.read(0, 7, FloatBuffer.wrap(points));
      for (int i = 0; i < points.length; i++) {
        assertThat(points[i]).isEqualTo(i / 8f);
      }
    }
  }

  private static Result run(List<String> command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("diffuscope-export", ".log");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      process.getOutputStream().close();
      int exit = process.waitFor();
      return new Result(exit, Files.readString(output));
    } finally {
      Files.delete(output);
    }
  }
}
