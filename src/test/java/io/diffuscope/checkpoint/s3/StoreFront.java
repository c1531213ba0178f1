package io.diffuscope.checkpoint.s3;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Stands before an object store: passes requests on, counts them and their bytes, refuses access
 * keys that are not valid (any more), and fails when told to.
 */
public final class StoreFront implements AutoCloseable {
  private static final Set<String> OWN = Set.of("host", "content-length", "connection", "expect");

  /** An answer in place of the store's. */
  public record Failure(int status, String code) {}

  private final HttpClient client = HttpClient.newHttpClient();
  private final ExecutorService threads = Executors.newFixedThreadPool(4);
  private final HttpServer server;
  private final String scheme;
  private final URI store;
  private final AtomicInteger listings = new AtomicInteger();
  private final AtomicInteger heads = new AtomicInteger();
  private final AtomicInteger reads = new AtomicInteger();
  private final AtomicLong readBytes = new AtomicLong();
  private volatile @Nullable Failure failure;
  private volatile boolean once;
  private volatile String validKey = "key-1";

  private StoreFront(HttpServer server, String scheme, URI store) {
    this.server = server;
    this.scheme = scheme;
    this.store = store;
  }

  public static StoreFront start(URI store) throws IOException {
    return start(HttpServer.create(anyPort(), 0), "http", store);
  }

  /** One that speaks TLS. */
  static StoreFront start(URI store, SSLContext identity) throws IOException {
    HttpsServer server = HttpsServer.create(anyPort(), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(identity));
    return start(server, "https", store);
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  private static StoreFront start(HttpServer server, String scheme, URI store) {
    StoreFront front = new StoreFront(server, scheme, store);
    server.setExecutor(front.threads);
    server.createContext("/", front::answer);
    server.start();
    return front;
  }

  public URI uri() {
    return URI.create(scheme + "://localhost:" + server.getAddress().getPort());
  }

  /** Fails every request from now on; null: none. */
  public void fail(@Nullable Failure newFailure) {
    failure = newFailure;
  }

  /** Fails one request. */
  void failOnce(Failure newFailure) {
    once = true;
    failure = newFailure;
  }

  /** The access key that is taken from now on. */
  void accept(String accessKey) {
    validKey = accessKey;
  }

  public int listings() {
    return listings.get();
  }

  int heads() {
    return heads.get();
  }

  int reads() {
    return reads.get();
  }

  /** Bytes of objects that were sent. */
  public long readBytes() {
    return readBytes.get();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String signature = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
      Failure now =
          signature.contains("Credential=" + validKey + "/")
              ? failure
              : new Failure(400, "ExpiredToken");
      if (now == null) {
        pass(exchange);
        return;
      }
      if (once) {
        once = false;
        failure = null;
      }
      byte[] body =
          "<Error><Code>%s</Code><Message>told to fail</Message><Resource>/</Resource><RequestId>1</RequestId></Error>"
              .formatted(now.code)
              .getBytes(StandardCharsets.UTF_8);
      boolean isHead = exchange.getRequestMethod().equals("HEAD");
      exchange.getResponseHeaders().set("Content-Type", "application/xml");
      exchange.sendResponseHeaders(now.status, isHead ? -1 : body.length);
      if (!isHead) {
        exchange.getResponseBody().write(body);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void pass(HttpExchange exchange) throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(store.resolve(exchange.getRequestURI()))
            .method(exchange.getRequestMethod(), BodyPublishers.noBody());
    exchange
        .getRequestHeaders()
        .forEach(
            (name, values) -> {
              if (!OWN.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
              }
            });
    HttpResponse<byte[]> answer = client.send(request.build(), BodyHandlers.ofByteArray());
    answer
        .headers()
        .map()
        .forEach(
            (name, values) -> {
              if (!OWN.contains(name.toLowerCase(Locale.ROOT))
                  && !name.equalsIgnoreCase("transfer-encoding")) {
                values.forEach(value -> exchange.getResponseHeaders().add(name, value));
              }
            });
    if (exchange.getRequestMethod().equals("HEAD")) {
      heads.incrementAndGet();
      answer
          .headers()
          .firstValue("content-length")
          .ifPresent(length -> exchange.getResponseHeaders().set("Content-Length", length));
      exchange.sendResponseHeaders(answer.statusCode(), -1);
      return;
    }
    if (String.valueOf(exchange.getRequestURI().getQuery()).contains("list-type")) {
      listings.incrementAndGet();
    } else {
      reads.incrementAndGet();
      readBytes.addAndGet(answer.body().length);
    }
    exchange.sendResponseHeaders(
        answer.statusCode(), answer.body().length == 0 ? -1 : answer.body().length);
    if (answer.body().length > 0) {
      exchange.getResponseBody().write(answer.body());
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
