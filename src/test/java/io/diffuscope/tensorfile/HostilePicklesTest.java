package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pickles that attack whoever loads them in Python, and pickles that attack their reader. */
class HostilePicklesTest {
  @TempDir private Path folder;

  private Path file(byte[] pickle) throws IOException {
    return Files.write(folder.resolve("network-snapshot-000001.pkl"), pickle);
  }

  private static byte[] latin(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private void assertRefused(String pickle, Reason reason, String words) throws IOException {
    Path file = file(latin(pickle));
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(() -> WeightFiles.open(file))
        .withMessageContaining(words)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
    assertThat(Path.of("diffuscope-was-attacked")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({
    "attack-system.pt,posix.system",
    "attack-eval.pt,eval",
    "attack-popen.pt,subprocess.Popen",
    "attack-legacy.pt,posix.system"
  })
  void attacksThatTorchSaveWrote(String name, String global) {
    for (String release : TorchFixtures.RELEASES) {
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> WeightFiles.open(TorchFixtures.path(release, name)))
          .withMessageContainingAll(global, "do not load it in Python either")
          .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED));
    }
    assertThat(Path.of("diffuscope-was-attacked")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // GLOBAL, then REDUCE
        "\u0080\u0002cos\nsystem\nU\u0003lstR\u0085R.",
        // INST and OBJ, which call what they name without a REDUCE
        "\u0080\u0002(S'touch diffuscope-was-attacked'\nios\nsystem\n.",
        "\u0080\u0002(cos\nsystem\nS'touch diffuscope-was-attacked'\no.",
        // STACK_GLOBAL with text from the memo, and with text from escapes
        "\u0080\u0004\u008c\u0006system\u00940\u008c\u0002os\u0094h\u0000\u0093.",
        "\u0080\u0002S'\\x6f\\163'\nV\\u0073ystem\n\u0093.",
        // The same function by way of a module that imports os
        "\u0080\u0004\u008c\u0005torch\u008c\u0009os.system\u0093.",
        "\u0080\u0002cshutil\nos\n.",
        "\u0080\u0002ctorch.serialization\nos\n.",
        // and by way of getattr
        "\u0080\u0002cbuiltins\ngetattr\n(ctorch\nserialization\nU\u0009os.systemtR.",
        // Behind the end of what is used: popped again, or the second of two
        "\u0080\u0002cos\nsystem\n0}.",
        "\u0080\u0002}(U\u0001acos\nsystem\nU\u0001aK\u0001u.",
      })
  void howeverTheNameIsWritten(String pickle) throws IOException {
    assertRefused(pickle, Reason.UNSUPPORTED, "do not load it in Python either");
  }

  @ParameterizedTest
  @CsvSource({
    "os,system",
    "os.path,join",
    "posix,popen",
    "nt,system",
    "subprocess,check_output",
    "builtins,eval",
    "__builtin__,execfile",
    "builtins,__import__",
    "builtins,open",
    "io,open",
    "runpy,run_path",
    "pty,spawn",
    "socket,create_connection",
    "ctypes,CDLL",
    "importlib,import_module",
    "shutil,rmtree",
    "pickle,loads",
    "marshal,loads",
    "types,CodeType",
    "operator,attrgetter",
    "torch,load",
    "torch.hub,load",
    "torch.utils.cpp_extension,load_inline",
    "numpy.testing._private.utils,runstring",
    "webbrowser,open",
    "pathlib,Path.write_text",
    "pip._internal.cli.main,main",
  })
  void dangerousNames(String module, String name) throws IOException {
    assertThat(DangerousNames.isDangerous(new PickleValue.Global(module, name))).isTrue();
    assertRefused(
        "\u0080\u0002c" + module + "\n" + name + "\n.", Reason.UNSUPPORTED, module + "." + name);
  }

  @ParameterizedTest
  @CsvSource({
    "collections,OrderedDict",
    "numpy.core.multiarray,_reconstruct",
    "numpy._core.multiarray,scalar",
    "_codecs,encode",
    "functools,partial",
    "pathlib,PosixPath",
    "pathlib._local,PosixPath",
    "builtins,set",
    "builtins,getattr",
    "builtins,slice",
    "builtins,bytearray",
    "argparse,Namespace",
    "torch.optim.adamw,AdamW",
    "torch.optim.lr_scheduler,LambdaLR",
    "omegaconf.dictconfig,DictConfig",
    "mylib.os_utils,Settings",
    "codetools.trace,Tracer",
    "code.config,Config",
    "trace.hooks,Hook",
    "ossaudiodev,x",
  })
  void harmlessNames(String module, String name) {
    assertThat(DangerousNames.isDangerous(new PickleValue.Global(module, name))).isFalse();
  }

  @Test
  void hugeClaimsInSmallFilesFailAtOnce() throws IOException {
    // BINUNICODE8, BINBYTES8, BYTEARRAY8 and FRAME of 2^62 bytes; LONG4 and BINSTRING below zero
    String huge = "\0\0\0\0\0\0\0@";
    for (String opcode : new String[] {"\u008d", "\u008e", "\u0096", "\u0095"}) {
      assertRefused("\u0080\u0004" + opcode + huge + "a.", Reason.TRUNCATED, "ends within");
    }
    for (String opcode : new String[] {"\u008b", "T"}) {
      assertRefused(
          "\u0080\u0004" + opcode + "\u00ff\u00ff\u00ff\u00ffa.", Reason.TRUNCATED, "ends within");
    }
  }

  /** An archive in a pickle in an archive, and so on: no stack is deep enough for all of them. */
  @Test
  void archivesWithinArchivesAreBounded() throws IOException {
    byte[] inner = archive("\u0080\u0002}.".getBytes(StandardCharsets.ISO_8859_1));
    for (int i = 0; i < 3000; i++) {
      ByteArrayOutputStream pickle = new ByteArrayOutputStream();
      pickle.writeBytes(
          "\u0080\u0002ctorch.storage\n_load_from_bytes\nB".getBytes(StandardCharsets.ISO_8859_1));
      pickle.writeBytes(
          ByteBuffer.allocate(Integer.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putInt(inner.length)
              .array());
      pickle.writeBytes(inner);
      pickle.writeBytes("\u0085R.".getBytes(StandardCharsets.ISO_8859_1));
      inner = archive(pickle.toByteArray());
    }
    Path file = Files.write(folder.resolve("nested.pt"), inner);
    assertThatThrownBy(() -> WeightFiles.open(file).close())
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("streams within streams");
  }

  private static byte[] archive(byte[] pickle) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      ZipEntry entry = new ZipEntry("a/data.pkl");
      CRC32 checksum = new CRC32();
      checksum.update(pickle);
      entry.setMethod(ZipEntry.STORED);
      entry.setSize(pickle.length);
      entry.setCrc(checksum.getValue());
      zip.putNextEntry(entry);
      zip.write(pickle);
      zip.closeEntry();
    }
    return bytes.toByteArray();
  }

  @Test
  void memoryIsBounded() throws IOException {
    // A byte each makes an empty dictionary, a mark, or one more reference to the same object.
    for (String opcode : new String[] {"}", "(", "]", "2", "K\u0001", "\u0094"}) {
      ByteArrayOutputStream pickle = new ByteArrayOutputStream();
      pickle.writeBytes(latin("\u0080\u0004N"));
      byte[] many = latin(opcode.repeat((1 << 16) / opcode.length()));
      for (int i = 0; i < 400; i++) {
        pickle.writeBytes(many);
      }
      Path file = file(pickle.toByteArray());
      assertThatExceptionOfType(BadInputException.class)
          .isThrownBy(() -> WeightFiles.open(file))
          .withMessageContaining("too many objects")
          .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED));
    }
  }

  @Test
  void sharedObjectsAreNotExpanded() throws IOException {
    // Forty levels of a list of twice the one before: 2^40 paths, but nothing to be found.
    StringBuilder pickle = new StringBuilder("\u0080\u0004]");
    for (int i = 0; i < 40; i++) {
      pickle.append("2\u0086");
    }
    assertRefused(pickle + ".", Reason.EMPTY, "has no tensors");
    // The same over an object, which has that many names.
    StringBuilder named = new StringBuilder("\u0080\u0004)ca\nB\n)R");
    for (int i = 0; i < 40; i++) {
      named.append("2\u0086");
    }
    assertRefused(named + ".", Reason.UNSUPPORTED, "");
  }

  @Test
  void objectsMayContainThemselvesOrBeDeep() throws IOException {
    assertRefused("\u0080\u0002]q\0h\0a.", Reason.EMPTY, "has no tensors");
    assertRefused("\u0080\u0002}q\0U\u0001ah\0s.", Reason.EMPTY, "has no tensors");
    assertRefused(
        "\u0080\u0002K\u0001" + "\u0085".repeat(100_000) + ".", Reason.UNSUPPORTED, "deep");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u0080\u0002.",
        "\u0080\u00020.",
        "\u0080\u0002t.",
        "\u0080\u0002h\u0005.",
        "\u0080\u0002K\u0001K\u0002s.",
        "\u0080\u0002)K\u0001a.",
        "\u0080\u0002}(K\u0001u.",
        "\u0080\u0002}K\u0001R.",
        "\u0080\u0002K\u0001K\u0002\u0093.",
        "\u0080\u0002I12x\n.",
        "\u0080\u0002Fone\n.",
        "\u0080\u0002Snone\n.",
        "\u0080\u0002p-1\n.",
        "\u0080\u0002\u00ff.",
        "\u0080\u0002(K\u0001(0010.",
      })
  void whatIsNoPickleIsMalformed(String pickle) throws IOException {
    assertRefused(pickle, Reason.MALFORMED, "not a valid pickle");
  }

  @Test
  void everyOpcodeOfTheOldestProtocols() throws IOException {
    byte[] pickle =
        latin(
            "(dp0\n"
                + "S'a\\'b\\n"
                + "'\n"
                + "p1\n"
                + "(lp2\n"
                + "I12\n"
                + "aL34L\n"
                + "aF1.5\n"
                + "aI01\n"
                + "aNag1\n"
                + "asV\\u00e9\n"
                + "p3\n"
                + "(I1\n"
                + "K\u0002M\u0001\u0001J\u00ff\u00ff\u00ff\u00ffG?\u00f8\0\0\0\0\0\0ts"
                + "(K\u0001K\u0002d0(K\u0001l(K\u0002e0.");
    ByteSource source = FileBytes.open(file(pickle));
    try (source) {
      Pickle parsed =
          PickleParser.parse(
              source,
              0,
              pickle.length,
              Reason.TRUNCATED,
              new PickleBudget("a", PickleBudget.DEFAULT_BYTES));
      assertThat(parsed.end()).isEqualTo(pickle.length);
      assertThat(parsed.root()).isInstanceOf(PickleValue.Dictionary.class);
      List<PickleValue.Entry> entries = ((PickleValue.Dictionary) parsed.root()).entries();
      assertThat(entries.get(0).key()).isEqualTo(new PickleValue.Words("a'b\n"));
      assertThat(((PickleValue.Sequence) entries.get(0).value()).elements())
          .containsExactly(
              new PickleValue.Whole(12),
              new PickleValue.Whole(34),
              new PickleValue.Decimal(1.5),
              PickleValue.Constant.TRUE,
              PickleValue.Constant.NONE,
              new PickleValue.Words("a'b\n"));
      assertThat(entries.get(1).key()).isEqualTo(new PickleValue.Words("\u00e9"));
      assertThat(((PickleValue.Sequence) entries.get(1).value()).elements())
          .containsExactly(
              new PickleValue.Whole(1),
              new PickleValue.Whole(2),
              new PickleValue.Whole(257),
              new PickleValue.Whole(-1),
              new PickleValue.Decimal(1.5));
    }
  }
}
