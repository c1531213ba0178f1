package io.diffuscope.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.tensorfile.BadInputException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GroupArraysTest {
  @TempDir private Path folder;

  @Test
  void readsIntegers() throws Exception {
    assertThat(GroupArrays.read(write(7, 0, 1 << 24, 7), 4)).containsExactly(7, 0, 1 << 24, 7);
  }

  @Test
  void saysWhatIsWrong() throws Exception {
    assertThatThrownBy(() -> GroupArrays.read(write(1, 2), 3))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("groups of type")
        .hasMessageContaining("[3]");
    assertThatThrownBy(() -> GroupArrays.read(write(1, -1), 2))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("the group of row 1 (counted from 0) is -1");
  }

  /** An .npy file of int32, header and all, by the format's description. */
  private String write(int... groups) throws Exception {
    String header =
        "{'descr': '<i4', 'fortran_order': False, 'shape': (%d,), }".formatted(groups.length);
    String padded = header + " ".repeat(63 - (10 + header.length()) % 64) + "\n";
    ByteBuffer bytes =
        ByteBuffer.allocate(10 + padded.length() + 4 * groups.length)
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII));
    bytes.put((byte) 1).put((byte) 0).putShort((short) padded.length());
    bytes.put(padded.getBytes(StandardCharsets.US_ASCII));
    for (int group : groups) {
      bytes.putInt(group);
    }
    Path file = folder.resolve("groups-%d.npy".formatted(groups.length));
    Files.write(file, bytes.array());
    return file.toString();
  }
}
