package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file whose element i, counted from its start, is i: so the value tells the place. */
class StridedArrayTest {
  private static final int ELEMENTS = 1 << 21;

  @TempDir private Path folder;
  private CountingBytes source;
  private final ElementReader reader = new ElementReader(Long.MAX_VALUE);

  /** Counts what is read. */
  private static final class CountingBytes implements ByteSource {
    private final ByteSource file;
    private long reads;
    private long bytes;

    CountingBytes(ByteSource file) {
      this.file = file;
    }

    @Override
    public String name() {
      return file.name();
    }

    @Override
    public long size() {
      return file.size();
    }

    @Override
    public void read(long position, ByteBuffer target) throws BadInputException {
      reads++;
      bytes += target.remaining();
      file.read(position, target);
    }

    @Override
    public void verifyUnchanged() throws BadInputException {
      file.verifyUnchanged();
    }

    @Override
    public void close() {
      file.close();
    }
  }

  @BeforeEach
  void writeFile() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(ELEMENTS * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < ELEMENTS; i++) {
      bytes.putFloat(i);
    }
    source = new CountingBytes(FileBytes.open(Files.write(folder.resolve("data"), bytes.array())));
  }

  @AfterEach
  void closeFile() {
    source.close();
  }

  private StoredTensor tensor(long first, List<Long> shape, List<Long> strides) {
    return StoredTensor.of(
        "a",
        new StridedArray(
            source,
            ElementType.F32,
            ByteOrder.LITTLE_ENDIAN,
            first * Float.BYTES,
            new TensorShape(shape),
            strides));
  }

  /** The place of the element with this number in C order, by the definition of strides. */
  private static long place(long first, List<Long> shape, List<Long> strides, long number) {
    long place = first;
    long rest = number;
    for (int axis = shape.size() - 1; axis >= 0; axis--) {
      place += rest % shape.get(axis) * strides.get(axis);
      rest /= shape.get(axis);
    }
    return place;
  }

  private void assertRun(long first, List<Long> shape, List<Long> strides, long from, int count)
      throws IOException {
    FloatBuffer values = FloatBuffer.allocate(count + 2).position(1).limit(count + 1);
    tensor(first, shape, strides).read("file", reader, from, values);
    assertThat(values.hasRemaining()).isFalse();
    float[] expected = new float[count + 2];
    for (int i = 0; i < count; i++) {
      expected[i + 1] = place(first, shape, strides, from + i);
    }
    // AssertJ's own comparison of arrays takes quadratic time.
    assertThat(Arrays.mismatch(values.array(), expected))
        .as("%s by %s from %d, %d", shape, strides, from, count)
        .isEqualTo(-1);
  }

  @Test
  void anyShapeWithAnyStridesFromAnywhere() throws IOException {
    SplittableRandom random = new SplittableRandom(20_261_122);
    for (int trial = 0; trial < 4000; trial++) {
      int rank = random.nextInt(6);
      List<Long> shape = new ArrayList<>();
      long elements = 1;
      for (int axis = 0; axis < rank; axis++) {
        shape.add(random.nextLong(1, axis == 0 ? 40 : 9));
        elements *= shape.get(axis);
      }
      List<Long> strides = strides(shape, random);
      long last = place(0, shape, strides, elements - 1);
      if (last >= ELEMENTS) {
        continue;
      }
      long from = random.nextLong(elements);
      int count = (int) random.nextLong(elements - from + 1);
      assertRun(random.nextLong(ELEMENTS - last), shape, strides, from, count);
    }
  }

  /** C order of the axes in some order, with gaps between rows, or with an axis that repeats. */
  private static List<Long> strides(List<Long> shape, SplittableRandom random) {
    List<Integer> axes = new ArrayList<>();
    for (int axis = 0; axis < shape.size(); axis++) {
      axes.add(axis);
    }
    Collections.shuffle(axes, new Random(random.nextLong()));
    Long[] strides = new Long[shape.size()];
    long product = 1;
    for (int axis : axes) {
      strides[axis] = random.nextInt(12) == 0 ? 0 : product;
      product *= shape.get(axis) + (random.nextInt(3) == 0 ? random.nextLong(5) : 0);
      if (random.nextInt(6) == 0) {
        product *= random.nextLong(1, 30);
      }
    }
    return List.of(strides);
  }

  @Test
  void largeMatricesInEitherOrder() throws IOException {
    for (long rows : new long[] {3, 100, 1024, 300_000}) {
      long columns = ELEMENTS / rows;
      int all = (int) (rows * columns);
      assertRun(0, List.of(rows, columns), List.of(columns, 1L), 0, all);
      assertRun(0, List.of(columns, rows), List.of(1L, columns), 0, all);
      assertRun(1, List.of(columns, rows), List.of(1L, columns), 1, all - 2);
    }
  }

  @Test
  void imagesInTheOtherLayoutCostOneReadOfTheirBytes() throws IOException {
    // A convolution of 128 x 64 x 3 x 3 in channels_last.
    List<Long> shape = List.of(128L, 64L, 3L, 3L);
    assertRun(0, shape, List.of(576L, 1L, 192L, 64L), 0, 128 * 576);
    assertThat(source.bytes).isEqualTo(128 * 576 * Float.BYTES);
    assertThat(source.reads).isEqualTo(1);
  }

  @Test
  void aTransposedMatrixIsNotReadOnceForEachRow() throws IOException {
    List<Long> shape = List.of(1448L, 1448L);
    int chunk = 1 << 18;
    for (long from = 0; from + chunk <= 1448 * 1448; from += chunk) {
      assertRun(0, shape, List.of(1L, 1448L), from, chunk);
    }
    assertThat(source.bytes).isLessThan(9L * ELEMENTS * Float.BYTES);
  }

  @Test
  void aFewValuesCannotClaimToBeTerabytes() {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(
            () ->
                tensor(0, List.of(1L << 40), List.of(0L))
                    .read("file", reader, 5, FloatBuffer.allocate((1 << 24) + 1)))
        .withMessageContaining("contiguous()")
        .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED));
  }
}
