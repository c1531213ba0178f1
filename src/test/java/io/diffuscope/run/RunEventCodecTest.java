package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import io.diffuscope.publish.RunEvents;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class RunEventCodecTest {
  private static final List<RunEvent> ALL = OneOfEachEvent.events();

  @Test
  void whatIsReadIsWhatWasWritten() throws Exception {
    assertThat(ALL.stream().map(RunEvent::getClass).collect(Collectors.<Class<?>>toSet()))
        .containsExactlyInAnyOrder(RunEvent.class.getPermittedSubclasses());
    for (RunEvent event : ALL) {
      String manifest = RunEventCodec.manifest(event);
      assertThat(manifest).isEqualTo(event.getClass().getSimpleName() + "/1");
      assertThat(RunEventCodec.decode(manifest, RunEventCodec.encode(event))).isEqualTo(event);
      String line = RunEventCodec.toJson(event);
      assertThat(line).doesNotContain("\n");
      assertThat(RunEventCodec.fromJson(line)).isEqualTo(event);
    }
  }

  @Test
  void aLargeEventIsCompressed() throws Exception {
    RunEvent large = RunEvents.completed("r", 1L, true, RunEvents.everything());
    byte[] bytes = RunEventCodec.encode(large);
    assertThat(bytes.length).isLessThan(RunEventCodec.toJson(large).length() / 5);
    assertThat(RunEventCodec.decode("EvaluationCompleted/1", bytes)).isEqualTo(large);
    assertThatThrownBy(
            () -> RunEventCodec.decode("EvaluationCompleted/1", Arrays.copyOf(bytes, 100)))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(UnknownEventException.class);
  }

  @Test
  void whatANewerVersionWroteIsRefusedByName() {
    byte[] bytes = RunEventCodec.encode(ALL.getFirst());
    for (String manifest : List.of("RunPaused/1", "RunStarted/2", "RunStarted/3000000", "")) {
      assertThatThrownBy(() -> RunEventCodec.decode(manifest, bytes))
          .isInstanceOf(UnknownEventException.class)
          .hasMessageContaining("\"" + manifest + "\"")
          .hasMessageContaining("newer version");
    }
    assertThatThrownBy(() -> RunEventCodec.fromJson("{\"RunPaused\":{}}"))
        .isInstanceOf(UnknownEventException.class);
  }

  /** A component that a later version adds does not keep an earlier one from reading. */
  @Test
  void anUnknownComponentIsPassedOver() throws Exception {
    RunEvent event = ALL.getFirst();
    CBORMapper cbor = new CBORMapper();
    JsonNode tree = cbor.readTree(RunEventCodec.encode(event));
    ((com.fasterxml.jackson.databind.node.ObjectNode) tree).put("later", 1);
    assertThat(RunEventCodec.decode(RunEventCodec.manifest(event), cbor.writeValueAsBytes(tree)))
        .isEqualTo(event);
  }

  @Test
  void whatIsNoEventIsRefused() {
    for (String line : List.of("", "[]", "{}", "{\"RunResumed\":1}", "{\"a\":1,\"b\":2}", "x")) {
      assertThatThrownBy(() -> RunEventCodec.fromJson(line)).isInstanceOf(IOException.class);
    }
  }
}
