package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.JournalDamagedException;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.SeriesId;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A monitor that is asked, and may answer badly. */
class RemoteAnswersTest {
  private static final SeriesId SERIES = new SeriesId("7", "p", "/c, d&e=\u00fc");
  private static final List<RunEvent> EVENTS =
      List.of(RunEvents.started("7"), RunEvents.found("7", 10L), RunEvents.resumed("7"));
  private static final String BODY =
      EVENTS.stream()
          .map(event -> RunEventCodec.toJson(event) + "\n")
          .collect(Collectors.joining());

  private final HttpServer server;
  private String body = BODY;
  private int missing;
  private String asked = "";

  RemoteAnswersTest() throws Exception {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  @BeforeEach
  void serve() {
    server.createContext(
        "/",
        exchange -> {
          asked = URLDecoder.decode(exchange.getRequestURI().getRawQuery(), StandardCharsets.UTF_8);
          byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, bytes.length + missing);
          exchange.getResponseBody().write(bytes);
          exchange.getResponseBody().flush();
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private List<RunEvent> told() throws Exception {
    URI uri = URI.create("http://127.0.0.1:%d/".formatted(server.getAddress().getPort()));
    List<RunEvent> events = new ArrayList<>();
    try (RemoteRecords records =
        new RemoteRecords(new DataDirectory.Owner("process 1", uri, "token"))) {
      records.forEach(SERIES, events::add);
    }
    return events;
  }

  @Test
  void theEventsOfASeriesAreThoseThatTheMonitorTells() throws Exception {
    assertThat(told()).isEqualTo(EVENTS);
    assertThat(asked).isEqualTo("probe=p&source=/c, d&e=\u00fc");
  }

  /** The monitor was killed meanwhile, or could not read on. */
  @Test
  void anAnswerThatIsCutOffIsNoHistory() {
    missing = 1;
    assertThatThrownBy(this::told)
        .isInstanceOf(CannotServeException.class)
        .hasMessageContaining("of run 7 could not be taken to its end")
        .hasMessageContaining("ask again");
  }

  @Test
  void anEventOfANewerMonitorIsRefusedByName() {
    body = BODY + "{\"RunPaused\":{}}\n";
    assertThatThrownBy(this::told)
        .isInstanceOf(JournalDamagedException.class)
        .hasMessageContaining("event 4 of run 7")
        .hasMessageContaining("\"RunPaused\"")
        .hasMessageContaining("newer version");
  }
}
