package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {
  private static final String F32_PAIR = "{'dtype':'F32','shape':[2],'data_offsets':[0,8]}";

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "float64,F64",
    "float32,F32",
    "float16,F16",
    "int64,I64",
    "int32,I32",
    "int16,I16",
    "int8,I8",
    "uint8,U8",
    "uint16,U16",
    "uint32,U32",
    "uint64,U64",
    "bool,BOOL"
  })
  void readsWhatTheLibraryWrote(String name, ElementType type) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("types.safetensors"))) {
      assertThat(file.tensor(name)).isEqualTo(new TensorInfo(name, type, Fixtures.SHAPE));
      FloatBuffer floats = FloatBuffer.allocate(24);
      file.readFloats(name, 0, floats);
      FloatBuffer direct =
          ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder()).asFloatBuffer();
      file.readFloats(name, 5, direct);
      DoubleBuffer doubles = DoubleBuffer.allocate(24);
      file.readDoubles(name, 0, doubles);
      for (int i = 0; i < 24; i++) {
        assertThat(doubles.get(i)).isEqualTo(Fixtures.value(type, i));
        assertThat(floats.get(i)).isEqualTo((float) Fixtures.value(type, i));
      }
      assertThat(direct.hasRemaining()).isFalse();
      for (int i = 0; i < 3; i++) {
        assertThat(direct.get(i)).isEqualTo(floats.get(5 + i));
      }
      file.verifyUnchanged();
    }
  }

  @Test
  void readsMetadataAndNames() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("types.safetensors"))) {
      assertThat(file.metadata())
          .containsExactlyInAnyOrderEntriesOf(Map.of("step", "1200", "text", "ä \"quoted\""));
      assertThat(file.tensors()).hasSize(12).doesNotContainKey("__metadata__");
    }
  }

  @Test
  void readsScalarsAndEmptyTensors() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("odd-shapes.safetensors"))) {
      FloatBuffer one = FloatBuffer.allocate(1);
      file.readFloats("scalar", 0, one);
      assertThat(one.get(0)).isEqualTo(2.5f);
      file.readFloats("empty", 0, FloatBuffer.allocate(0));
      assertThat(file.tensor("empty").shape()).isEqualTo(TensorShape.of(0, 3));
    }
    try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("no-tensors.safetensors"))) {
      assertThat(file.tensors()).isEmpty();
    }
  }

  @Test
  void knowsTypesThatItCannotRead() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("bf16.safetensors"))) {
      assertThat(file.tensors().values())
          .extracting(TensorInfo::type)
          .containsExactly(ElementType.BF16, ElementType.F8_E4M3, ElementType.F4);
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> file.readFloats("f4", 0, FloatBuffer.allocate(1)))
          .withMessageContaining("'f4'")
          .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED));
    }
  }

  @Test
  void refusesNamesAndRangesThatAreNotThere() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("one.safetensors"))) {
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> file.readFloats("absent", 0, FloatBuffer.allocate(1)))
          .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.MISMATCH));
      assertThatThrownBy(() -> file.readFloats("only", 20, FloatBuffer.allocate(5)))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.readFloats("only", -1, FloatBuffer.allocate(1)))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void acceptsAHeaderByHand() throws IOException {
    Path file = write("{'a':" + F32_PAIR + "}   ", 8);
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      assertThat(opened.tensors()).containsOnlyKeys("a");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // not JSON, not an object, or more than one
        "{",
        "{'a'}",
        "[]",
        "{}{}",
        "{} x",
        " {}",
        // not a tensor
        "{'a':1}",
        "{'a':{}}",
        "{'a':null}",
        "{'a':[" + F32_PAIR + "]}",
        "{'a':{'dtype':'F32','shape':[2]}}",
        "{'a':{'dtype':'F32','shape':2,'data_offsets':[0,8]}}",
        "{'a':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]}}",
        "{'a':{'dtype':'F32','shape':['2'],'data_offsets':[0,8]}}",
        "{'a':{'dtype':4,'shape':[2],'data_offsets':[0,8]}}",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0]}}",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8,8]}}",
        // sizes that lie
        "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}}",
        "{'a':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}}",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}}",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}}",
        "{'a':{'dtype':'F32','shape':[99999999999999999999],'data_offsets':[0,8]}}",
        "{'a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,0]}}",
        "{'a':{'dtype':'F32','shape':[0,4611686018427387904,8],'data_offsets':[0,0]}}",
        "{'a':{'dtype':'F4','shape':[3],'data_offsets':[0,2]}}",
        // a hole, an overlap, bytes left over
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}",
        "{'a':" + F32_PAIR + ",'b':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}",
        // twice the same
        "{'a':" + F32_PAIR + ",'a':" + F32_PAIR + "}",
        "{'a':{'dtype':'F32','dtype':'F32','shape':[2],'data_offsets':[0,8]}}",
        // metadata that are not strings
        "{'__metadata__':{'step':1},'a':" + F32_PAIR + "}",
        "{'__metadata__':'x','a':" + F32_PAIR + "}",
      })
  void refusesHeadersThatBreakTheRules(String header) throws IOException {
    assertReason(write(header, 8), Reason.MALFORMED);
  }

  @Test
  void refusesATypeOfTheFuture() throws IOException {
    assertReason(
        write("{'a':{'dtype':'F2','shape':[2],'data_offsets':[0,8]}}", 8), Reason.UNSUPPORTED);
  }

  @Test
  void refusesTextThatIsNotUtf8() throws IOException {
    byte[] json =
        ("{\"\u00e4\":" + F32_PAIR.replace('\'', '"') + "}").getBytes(StandardCharsets.ISO_8859_1);
    assertReason(write(json.length, json, 8), Reason.MALFORMED);
    byte[] wide = "{}".getBytes(StandardCharsets.UTF_16LE);
    assertReason(write(wide.length, wide, 0), Reason.MALFORMED);
  }

  @Test
  void doesNotBelieveTheLengthOfTheHeader() throws IOException {
    byte[] json = "{}".getBytes(StandardCharsets.UTF_8);
    for (long length : new long[] {0, 1, 100_000_001, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
      assertReason(write(length, json, 100), Reason.MALFORMED);
    }
    for (long length : new long[] {103, 100_000_000}) {
      assertReason(write(length, json, 100), Reason.TRUNCATED);
    }
  }

  @Test
  void seesThatAFileWasCutAnywhere() throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.path("one.safetensors"));
    Path file = folder.resolve("cut.safetensors");
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertReason(file, Reason.TRUNCATED);
    }
  }

  @Test
  void messagesAreOneLineWhateverTheFileHolds() throws IOException {
    String name = "x\\n".repeat(500);
    Path file = write("{'" + name + "':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}}", 8);
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> SafetensorsFile.open(file))
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n").hasSizeLessThan(600));
  }

  private static void assertReason(Path file, Reason reason) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> SafetensorsFile.open(file))
        .withMessageStartingWith(file + ": ")
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
  }

  private Path write(String header, int dataBytes) throws IOException {
    byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    return write(json.length, json, dataBytes);
  }

  private Path write(long length, byte[] json, int dataBytes) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(Long.BYTES + json.length + dataBytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(length)
            .put(json);
    return Files.write(folder.resolve("hand-made.safetensors"), bytes.array());
  }
}
