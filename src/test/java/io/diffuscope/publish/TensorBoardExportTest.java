package io.diffuscope.publish;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import io.diffuscope.detect.Flag;
import io.diffuscope.run.RunEvent;
import io.diffuscope.sampling.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardExportTest {
  @TempDir private Path folder = Path.of("");

  /** RFC 3720, B.4, rotated and moved as TensorFlow's record format says. */
  @Test
  void sumsAreMasked() {
    assertThat(TensorBoardFile.masked(new byte[32])).isEqualTo(masked(0x8a9136aa));
    byte[] ones = new byte[32];
    Arrays.fill(ones, (byte) 0xff);
    assertThat(TensorBoardFile.masked(ones)).isEqualTo(masked(0x62a8ab43));
    byte[] rising =
        HexFormat.of().parseHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    assertThat(TensorBoardFile.masked(rising)).isEqualTo(masked(0x46dd794e));
  }

  private static int masked(int sum) {
    return ((sum >>> 15) | (sum << 17)) + 0xa282ead8;
  }

  /** A value as a reader finds it. */
  private record Read(String tag, long step, float value, double at) {}

  private static List<Read> read(Path file) throws Exception {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Read> all = new ArrayList<>();
    boolean first = true;
    while (bytes.hasRemaining()) {
      byte[] length = new byte[8];
      bytes.get(length);
      assertThat(bytes.getInt()).isEqualTo(TensorBoardFile.masked(length));
      byte[] event =
          new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      bytes.get(event);
      assertThat(bytes.getInt()).isEqualTo(TensorBoardFile.masked(event));
      if (first) {
        assertThat(new String(event, StandardCharsets.UTF_8)).endsWith("brain.Event:2");
        first = false;
      } else {
        all.add(event(event));
      }
    }
    return all;
  }

  private static Read event(byte[] bytes) throws Exception {
    CodedInputStream in = CodedInputStream.newInstance(bytes);
    double at = 0;
    long step = 0;
    String tag = "";
    float value = Float.NaN;
    for (int field = in.readTag(); field != 0; field = in.readTag()) {
      switch (WireFormat.getTagFieldNumber(field)) {
        case 1 -> at = in.readDouble();
        case 2 -> step = in.readInt64();
        case 5 -> {
          CodedInputStream summary = CodedInputStream.newInstance(in.readByteArray());
          assertThat(WireFormat.getTagFieldNumber(summary.readTag())).isEqualTo(1);
          CodedInputStream scalar = CodedInputStream.newInstance(summary.readByteArray());
          assertThat(WireFormat.getTagFieldNumber(scalar.readTag())).isEqualTo(1);
          tag = scalar.readString();
          assertThat(WireFormat.getTagFieldNumber(scalar.readTag())).isEqualTo(2);
          value = scalar.readFloat();
        }
        default -> throw new AssertionError(field);
      }
    }
    return new Read(tag, step, value, at);
  }

  @Test
  void eachAttemptIsACurveOfItsOwn() throws Exception {
    TensorBoardExport export = new TensorBoardExport(folder, "r");
    List<RunEvent> events =
        List.of(
            RunEvents.started("r"),
            RunEvents.completed("r", 10L, true, RunEvents.pfd(Reference.TRAIN, 2.5)),
            RunEvents.completed(
                "r", 20L, true, RunEvents.gap(.5, .25), RunEvents.copies(Double.NaN)),
            RunEvents.completed("r", null, true, RunEvents.copies(.5)),
            RunEvents.flag("r", Flag.MEMORIZATION, true, 20),
            RunEvents.attempt("r", 2, 20),
            RunEvents.flag("r", Flag.MEMORIZATION, false, 20));
    events.forEach(export);
    TensorBoardExport.Written written = export.finish();
    assertThat(written.files()).hasSize(2);
    List<Read> first = read(written.files().get(0));
    assertThat(first)
        .contains(new Read("pfd/train/rms", 10, 2.5f, RunEvents.AT.getEpochSecond() + 3))
        .contains(new Read("flag/memorization", 20, 1, RunEvents.AT.getEpochSecond()))
        .anyMatch(one -> one.tag().endsWith("/sigma=0.5") && one.step() == 20)
        .anyMatch(one -> one.tag().equals("pfd/train/rms/upper") && one.value() > 2.5);
    assertThat(read(written.files().get(1)))
        .containsExactly(new Read("flag/memorization", 20, 0, RunEvents.AT.getEpochSecond()));
    assertThat(written.files().get(1).getParent()).isEqualTo(folder.resolve("r-attempt-2"));
    assertThat(written.scalars()).isEqualTo(first.size() + 1);
    assertThat(written.leftOut()).isEqualTo(2);
  }
}
