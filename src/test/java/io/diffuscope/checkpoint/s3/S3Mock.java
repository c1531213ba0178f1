package io.diffuscope.checkpoint.s3;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Adobe's S3Mock as a process of the tests, written to over HTTP as any program would. It does not
 * check signatures.
 */
public final class S3Mock implements AutoCloseable {
  private static final Pattern PORT =
      Pattern.compile("Jetty started on ports .* (\\d+) \\(http/1.1\\)");
  private static final Pattern UPLOAD = Pattern.compile("<UploadId>([^<]+)</UploadId>");

  private final HttpClient client = HttpClient.newHttpClient();
  private final Process process;
  private final URI uri;

  private S3Mock(Process process, URI uri) {
    this.process = process;
    this.uri = uri;
  }

  /** Starts one on a free port of its own choice, which it tells in its log. */
  public static S3Mock start(Path folder) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "-Djava.io.tmpdir=" + folder,
                "-jar",
                Path.of("target", "tools", "s3mock.jar").toString(),
                "--com.adobe.testing.s3mock.httpPort=0",
                "--server.port=0")
            .redirectErrorStream(true)
            .start();
    BufferedReader log = process.inputReader(StandardCharsets.UTF_8);
    StringBuilder told = new StringBuilder();
    for (String line; (line = log.readLine()) != null; told.append(line).append('\n')) {
      Matcher port = PORT.matcher(line);
      if (port.find()) {
        Thread.ofVirtual().start(() -> log.lines().forEach(ignored -> {}));
        return new S3Mock(process, URI.create("http://localhost:" + port.group(1)));
      }
    }
    throw new IOException("S3Mock ended: " + told);
  }

  public URI uri() {
    return uri;
  }

  public void createBucket(String bucket) throws IOException, InterruptedException {
    send("PUT", "/" + bucket, new byte[0]);
  }

  public void put(String bucket, String key, byte[] content)
      throws IOException, InterruptedException {
    send("PUT", "/" + bucket + "/" + key, content);
  }

  public void delete(String bucket, String key) throws IOException, InterruptedException {
    send("DELETE", "/" + bucket + "/" + key, null);
  }

  String startUpload(String bucket, String key) throws IOException, InterruptedException {
    Matcher id =
        UPLOAD.matcher(send("POST", "/" + bucket + "/" + key + "?uploads", new byte[0]).body());
    assertThat(id.find()).isTrue();
    return id.group(1);
  }

  /** Uploads a part and returns its tag. */
  String uploadPart(String bucket, String key, String upload, int number, byte[] content)
      throws IOException, InterruptedException {
    return send(
            "PUT",
            "/%s/%s?partNumber=%d&uploadId=%s".formatted(bucket, key, number, upload),
            content)
        .headers()
        .firstValue("ETag")
        .orElseThrow();
  }

  void completeUpload(String bucket, String key, String upload, String... tags)
      throws IOException, InterruptedException {
    StringBuilder parts = new StringBuilder("<CompleteMultipartUpload>");
    for (int i = 0; i < tags.length; i++) {
      parts.append(
          "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>".formatted(i + 1, tags[i]));
    }
    send(
        "POST",
        "/%s/%s?uploadId=%s".formatted(bucket, key, upload),
        parts.append("</CompleteMultipartUpload>").toString().getBytes(StandardCharsets.UTF_8));
  }

  private HttpResponse<String> send(String method, String path, byte @Nullable [] body)
      throws IOException, InterruptedException {
    HttpResponse<String> response =
        client.send(
            HttpRequest.newBuilder(uri.resolve(path))
                .method(
                    method,
                    body == null
                        ? BodyPublishers.noBody()
                        : BodyPublishers.ofByteArray(Objects.requireNonNull(body)))
                .build(),
            BodyHandlers.ofString());
    assertThat(response.statusCode())
        .as("%s %s: %s", method, path, response.body())
        .isLessThan(300);
    return response;
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
