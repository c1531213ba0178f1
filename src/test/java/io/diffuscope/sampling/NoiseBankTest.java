package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.data.DataSets;
import io.diffuscope.sampling.GaussianNoise.Purpose;
import io.diffuscope.tensorfile.DoubleArray;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.NpzWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NoiseBankTest {
  /** Numbers by {@code src/test/python/probability_flow_oracles.py}, written from the papers. */
  @Test
  void agreesWithAnIndependentProgram() throws Exception {
    int vectors = 0;
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(NoiseBankTest.class.getResourceAsStream("philox-noise.csv")),
                StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith("#")) {
          String[] fields = line.split(",", -1);
          Purpose purpose = fields[1].equals("1") ? Purpose.INITIAL : Purpose.DENOISING;
          double[] expected =
              Arrays.stream(fields, 3, fields.length).mapToDouble(Double::parseDouble).toArray();
          double[] found = new double[expected.length];
          new GaussianNoise(Long.parseLong(fields[0]), purpose)
              .fill(Long.parseLong(fields[2]), found, 0, found.length);
          // The logarithms and cosines of two libraries may differ in the last digit.
          assertThat(found).as(line).containsExactly(expected, within(1e-14));
          vectors++;
        }
      }
    }
    assertThat(vectors).isEqualTo(32);
  }

  @Test
  void aNoiseDependsOnSeedAndIndexAlone() throws Exception {
    NoiseBank bank = NoiseBank.seeded(3, 5);
    double[] all = bank.read(0, 10);
    for (int i = 0; i < 10; i++) {
      assertThat(bank.read(i, 1)).containsExactly(Arrays.copyOfRange(all, 5 * i, 5 * i + 5));
    }
    assertThat(bank.read(4, 6)).containsExactly(Arrays.copyOfRange(all, 20, 50));
    assertThat(NoiseBank.seeded(4, 5).read(0, 10)).isNotEqualTo(all);
    // More elements begin with the same ones.
    double[] longer = NoiseBank.seeded(3, 7).read(2, 1);
    assertThat(Arrays.copyOf(longer, 5)).containsExactly(Arrays.copyOfRange(all, 10, 15));
  }

  /** 300,000 numbers; each tolerance is four standard errors of the moment. */
  @Test
  void isStandardNormal() throws Exception {
    int n = 300_000;
    double[] values = NoiseBank.seeded(11, 3).read(1_000_000, n / 3);
    double[] moments = new double[5];
    double neighbours = 0;
    for (int i = 0; i < n; i++) {
      for (int power = 1; power <= 4; power++) {
        moments[power] += Math.pow(values[i], power) / n;
      }
      neighbours += i == 0 ? 0 : values[i] * values[i - 1] / n;
    }
    double root = Math.sqrt(n);
    assertThat(moments[1]).isCloseTo(0, within(4 / root));
    assertThat(moments[2]).isCloseTo(1, within(4 * Math.sqrt(2) / root));
    assertThat(moments[3]).isCloseTo(0, within(4 * Math.sqrt(15) / root));
    assertThat(moments[4]).isCloseTo(3, within(4 * Math.sqrt(96) / root));
    assertThat(neighbours).isCloseTo(0, within(4 / root));
    double beyondThree = Arrays.stream(values).filter(v -> Math.abs(v) > 3).count() / (double) n;
    assertThat(beyondThree).isCloseTo(.0026998, within(4 * Math.sqrt(.0027) / root));
  }

  @Test
  void purposesDoNotOverlap() {
    double[] initial = new double[4];
    double[] denoising = new double[4];
    new GaussianNoise(1, Purpose.INITIAL).fill(0, initial, 0, 4);
    new GaussianNoise(1, Purpose.DENOISING).fill(0, denoising, 0, 4);
    assertThat(initial).isNotEqualTo(denoising);
  }

  @Test
  void readsNoiseFromAFile(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("noise.npy");
    float[] values = {1, 2, 3, 4, 5, 6, 7, 8};
    NpyWriter.write(file, TensorShape.of(2, 1, 2, 2), values);
    TensorShape shape = TensorShape.of(1, 2, 2);
    NoiseBank bank = NoiseBank.of(DataSets.open(file.toString(), "noise", shape));
    assertThat(bank.dimension()).isEqualTo(4);
    assertThat(bank.read(1, 1)).containsExactly(5, 6, 7, 8);
    assertThat(NoiseBank.of(DataSets.open(file.toString(), "noise", shape)).id())
        .isEqualTo(bank.id());
  }

  @Test
  void twoArraysOfOneFileAreTwoBanks(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("noise.npz");
    TensorShape shape = TensorShape.of(2, 2);
    NpzWriter.write(
        file,
        Map.of(
            "a", new DoubleArray(shape, new double[] {1, 2, 3, 4}),
            "b", new DoubleArray(shape, new double[] {4, 3, 2, 1})));
    NoiseBank a = NoiseBank.of(DataSets.open(file + ":a", "noise", TensorShape.of(2)));
    NoiseBank b = NoiseBank.of(DataSets.open(file + ":b", "noise", TensorShape.of(2)));
    assertThat(a.id()).isNotEqualTo(b.id());
  }
}
