package io.diffuscope.run;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.diffuscope.sampling.Reference;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The journal of a data directory: an H2 database, {@code journal.mv.db}, in which Akka Persistence
 * keeps the events of runs and snapshots of their states. This class opens it with clear errors,
 * tells Akka where it is, and reads and removes what is in it.
 *
 * <pre>{@code
 * try (RunStore store = H2RunStore.in(dataDirectory)) {
 *   ActorSystem.create(guardian, "diffuscope", store.config().withFallback(config));
 * }
 * }</pre>
 *
 * <p>What was acknowledged survives the end of the process at any moment ({@code WRITE_DELAY=0}).
 * Thread-safe; its methods block. The database is this process' alone while it is open.
 */
public final class H2RunStore implements RunStore {
  /** Version of the tables; a newer one is refused. */
  private static final int FORMAT = 1;

  private static final Logger log = LoggerFactory.getLogger(H2RunStore.class);
  private static final String NAME = "journal";
  private static final String SUFFIX = ".mv.db";

  /**
   * The trace file would grow beside the journal: what goes wrong is told. The process closes the
   * database once its actors have ended, and not as soon as it is asked to stop. What is written is
   * seldom read again, so that a cache of some MiB does, where 64 MiB for each GiB of heap would be
   * filled in the course of a run.
   */
  private static final String SETTINGS =
      ";WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE;TRACE_LEVEL_FILE=0;COMPRESS=TRUE;CACHE_SIZE=4096";

  /** Codes of H2: the database is open in another process; is read-only; its file is damaged. */
  private static final int IN_USE = 90020;

  private static final Set<Integer> READ_ONLY = Set.of(90097);
  private static final Set<Integer> DAMAGED = Set.of(90030, 90048, 50000);

  /** The events after which no evaluation is open, or another one is. */
  private static final String LAST_OF_EVALUATION =
      """
      SELECT "event_ser_manifest", "event_payload" FROM "event_journal"
      WHERE "persistence_id" = ? AND REGEXP_LIKE("event_ser_manifest",
        '^(EvaluationStarted|EvaluationCompleted|EvaluationFailed|EvaluationPostponed|RunEnded)/')
      ORDER BY "sequence_number" DESC FETCH FIRST ROW ONLY\
      """;

  private static final String LIVE_BYTES =
      """
      SELECT (SELECT COALESCE(SUM(OCTET_LENGTH("event_payload")), 0) FROM "event_journal")
        + (SELECT COALESCE(SUM(OCTET_LENGTH("snapshot_payload")), 0) FROM "snapshot")
        + (SELECT COALESCE(SUM("bytes"), 0) FROM "distances")\
      """;

  /** A file that is smaller is never compacted. */
  private static final long LARGE_FILE = 16L << 20;

  /** How many times its content a file may be. */
  private static final long WASTE = 2;

  private final String place;
  private final String url;

  /** While one is open, the database is; null where it could not be opened again. */
  private @Nullable Connection open;

  private H2RunStore(String place, String url, Connection open) {
    this.place = place;
    this.url = url;
    this.open = open;
  }

  /**
   * Opens the journal of a data directory, which is made where there is none.
   *
   * @throws RunStoreException if it is damaged, in use, not to be written, or of a newer version
   */
  public static H2RunStore in(Path directory) throws RunStoreException {
    Path base = directory.toAbsolutePath().normalize().resolve(NAME);
    Path file = file(directory);
    if (base.toString().contains(";")) {
      throw new RunStoreException(
          "%s: a data directory may have no semicolon in its path; choose another --data-dir"
              .formatted(directory));
    }
    if (Files.exists(file) && !Files.isWritable(file)) {
      throw new RunStoreException(
          "%s cannot be written: let this user write it, or choose another --data-dir"
              .formatted(file));
    }
    String url = "jdbc:h2:file:" + base + SETTINGS;
    H2RunStore store = open(file.toString(), url);
    if (!store.isWasteful(file)) {
      return store;
    }
    store.compact();
    return open(file.toString(), url);
  }

  /**
   * Where every write is on the disk at once, nobody tidies up behind: what was overwritten stays
   * in the file until it is compacted, which is done when it is opened.
   */
  private boolean isWasteful(Path file) throws RunStoreException {
    try (Connection connection = DriverManager.getConnection(url)) {
      long bytes = Files.size(file);
      return bytes > LARGE_FILE && bytes > LARGE_FILE + WASTE * number(connection, LIVE_BYTES);
    } catch (SQLException e) {
      throw failure(place, e);
    } catch (IOException e) {
      return false; // its size is nobody's concern then
    }
  }

  private void compact() throws RunStoreException {
    log.info("{} is compacted", place);
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      statement.execute("SHUTDOWN COMPACT");
    } catch (SQLException e) {
      throw failure(place, e);
    } finally {
      close();
    }
  }

  /** One in a file system of H2's. */
  static H2RunStore at(String base) throws RunStoreException {
    return open(base, "jdbc:h2:" + base + SETTINGS);
  }

  /** Its file, which need not be there. */
  public static Path file(Path directory) {
    return directory.toAbsolutePath().normalize().resolve(NAME + SUFFIX);
  }

  /** One that ends with the process. */
  static H2RunStore inMemory() throws RunStoreException {
    return open("memory", "jdbc:h2:mem:" + UUID.randomUUID() + SETTINGS);
  }

  private static H2RunStore open(String place, String url) throws RunStoreException {
    Connection connection = null;
    try {
      connection = DriverManager.getConnection(url);
      prepare(place, connection);
      return new H2RunStore(place, url, connection);
    } catch (SQLException e) {
      closeQuietly(connection);
      throw failure(place, e);
    } catch (RunStoreException e) {
      closeQuietly(connection);
      throw e;
    }
  }

  private static void closeQuietly(@Nullable Connection connection) {
    if (connection != null) {
      try {
        connection.close();
      } catch (SQLException ignored) {
        // The first failure is the one worth telling.
      }
    }
  }

  private static RunStoreException failure(String place, SQLException cause) {
    int code = cause.getErrorCode();
    if (code == IN_USE) {
      return new RunStoreException(
          "%s is open in another program: stop that, or choose another --data-dir".formatted(place),
          cause);
    }
    if (READ_ONLY.contains(code)) {
      return new RunStoreException(
          "%s cannot be written: let this user write it, or choose another --data-dir"
              .formatted(place),
          cause);
    }
    // What the disk refuses has the code of a damaged file, too; what ends too early is damaged.
    Throwable root = root(cause);
    boolean refused = root instanceof IOException && !(root instanceof EOFException);
    return new RunStoreException(
        DAMAGED.contains(code) && !refused
            ? "%s is damaged, or was written by another program (%s): restore it from a backup, or move it away to evaluate its runs anew"
                .formatted(place, firstLine(cause))
            : "%s cannot be used (%s): make room, let this user write there, or choose another --data-dir"
                .formatted(place, firstLine(cause)),
        cause);
  }

  private static Throwable root(Throwable cause) {
    Throwable root = cause;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root;
  }

  private static String firstLine(Throwable cause) {
    Throwable root = root(cause);
    return String.valueOf(root.getMessage()).lines().findFirst().orElse(root.toString());
  }

  /** The tables; those that a start left half made have nothing in them. */
  private static void prepare(String place, Connection connection)
      throws SQLException, RunStoreException {
    try (Statement statement = connection.createStatement()) {
      try (ResultSet found =
          statement.executeQuery(
              "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'format'")) {
        found.next();
        if (found.getInt(1) == 0) {
          make(statement);
        }
      }
      try (ResultSet format = statement.executeQuery("SELECT \"version\" FROM \"format\"")) {
        int version = format.next() ? format.getInt(1) : FORMAT;
        if (version > FORMAT) {
          throw new RunStoreException(
              "%s was written by a newer version of diffuscope (format %d, and this one knows %d): use that version, or a newer one"
                  .formatted(place, version, FORMAT));
        }
      }
    }
  }

  private static void make(Statement statement) throws SQLException {
    statement.execute("RUNSCRIPT FROM 'classpath:schema/h2/h2-drop-schema.sql'");
    statement.execute("RUNSCRIPT FROM 'classpath:schema/h2/h2-create-schema.sql'");
    statement.execute(
        """
        CREATE TABLE IF NOT EXISTS "series" (
          "persistence_id" VARCHAR(255) PRIMARY KEY,
          "run" VARCHAR NOT NULL,
          "probe" VARCHAR NOT NULL,
          "source" VARCHAR NOT NULL,
          "rules" VARCHAR NOT NULL,
          "number" BIGINT GENERATED ALWAYS AS IDENTITY)\
        """);
    statement.execute(
        """
        CREATE TABLE IF NOT EXISTS "distances" (
          "persistence_id" VARCHAR(255) NOT NULL,
          "identity" VARCHAR NOT NULL,
          "kept" BIGINT GENERATED ALWAYS AS IDENTITY,
          "bytes" BIGINT NOT NULL,
          "values" BLOB NOT NULL,
          PRIMARY KEY ("persistence_id", "identity"))\
        """);
    statement.execute("CREATE TABLE \"format\" AS SELECT %d AS \"version\"".formatted(FORMAT));
  }

  @Override
  public Config config() {
    Map<String, Object> settings = new HashMap<>();
    settings.put("akka.persistence.journal.plugin", "jdbc-journal");
    settings.put("akka.persistence.snapshot-store.plugin", "jdbc-snapshot-store");
    settings.put("jdbc-journal.use-shared-db", "slick");
    settings.put("jdbc-snapshot-store.use-shared-db", "slick");
    // All events are there: a snapshot that cannot be read costs time and nothing else.
    settings.put("jdbc-snapshot-store.snapshot-is-optional", true);
    String shared = "akka-persistence-jdbc.shared-databases.slick.";
    settings.put(shared + "profile", "slick.jdbc.H2Profile$");
    settings.put(shared + "db.driver", "org.h2.Driver");
    settings.put(shared + "db.url", url);
    // A connection costs nothing within the process; one that is kept would keep a database that a
    // full disk has closed.
    settings.put(shared + "db.connectionPool", "disabled");
    settings.put(shared + "db.keepAliveConnection", false);
    settings.put(shared + "db.numThreads", 4);
    settings.put("akka.actor.serializers.run-event", RunEventSerializer.class.getName());
    settings.put(
        "akka.actor.serialization-bindings.\"%s\"".formatted(RunEvent.class.getName()),
        "run-event");
    return ConfigFactory.parseMap(settings);
  }

  @Override
  public String place() {
    return place;
  }

  @Override
  public void begin(SeriesId series, String rules) throws IOException {
    withConnection(
        connection -> {
          connection.setAutoCommit(false);
          Optional<String> known = rulesOf(series, connection);
          if (known.isEmpty()) {
            insert(series, rules, connection);
          } else if (!known.get().equals(rules)) {
            execute(
                connection,
                "DELETE FROM \"snapshot\" WHERE \"persistence_id\" = ?",
                series.persistenceId());
            execute(
                connection,
                "UPDATE \"series\" SET \"rules\" = ? WHERE \"persistence_id\" = ?",
                rules,
                series.persistenceId());
          }
          connection.commit();
          return series;
        });
  }

  private static Optional<String> rulesOf(SeriesId series, Connection connection)
      throws SQLException, IOException {
    return query(
        connection,
        "SELECT \"rules\" FROM \"series\" WHERE \"persistence_id\" = ?",
        rows -> rows.next() ? Optional.of(rows.getString(1)) : Optional.empty(),
        series.persistenceId());
  }

  /** Reads the rows of an answer, before the first of which they stand. */
  private interface Answer<T> {
    T of(ResultSet rows) throws SQLException, IOException;
  }

  private static <T> T query(Connection connection, String sql, Answer<T> answer, Object... values)
      throws SQLException, IOException {
    try (PreparedStatement statement = prepared(connection, sql, values);
        ResultSet rows = statement.executeQuery()) {
      return answer.of(rows);
    }
  }

  private static void execute(Connection connection, String sql, Object... values)
      throws SQLException {
    try (PreparedStatement statement = prepared(connection, sql, values)) {
      statement.executeUpdate();
    }
  }

  private static PreparedStatement prepared(Connection connection, String sql, Object... values)
      throws SQLException {
    PreparedStatement statement = connection.prepareStatement(sql);
    for (int i = 0; i < values.length; i++) {
      statement.setObject(i + 1, values[i]);
    }
    return statement;
  }

  @Override
  public List<SeriesId> series() throws IOException {
    return withConnection(
        connection ->
            query(
                connection,
                """
                SELECT "run", "probe", "source" FROM "series" s
                WHERE EXISTS (SELECT 1 FROM "event_journal" e
                  WHERE e."persistence_id" = s."persistence_id")
                ORDER BY "number\"\
                """,
                rows -> {
                  List<SeriesId> all = new ArrayList<>();
                  while (rows.next()) {
                    all.add(new SeriesId(rows.getString(1), rows.getString(2), rows.getString(3)));
                  }
                  return all;
                }));
  }

  @Override
  public void forEach(SeriesId series, Consumer<RunEvent> told) throws IOException {
    withConnection(
        connection ->
            query(
                connection,
                """
                SELECT "sequence_number", "event_ser_manifest", "event_payload"
                FROM "event_journal" WHERE "persistence_id" = ? ORDER BY "sequence_number\"\
                """,
                rows -> {
                  while (rows.next()) {
                    told.accept(event(series, rows));
                  }
                  return series;
                },
                series.persistenceId()));
  }

  private RunEvent event(SeriesId series, ResultSet row) throws SQLException, IOException {
    long number = row.getLong(1);
    try {
      return RunEventCodec.decode(row.getString(2), row.getBytes(3));
    } catch (UnknownEventException e) {
      throw new JournalDamagedException(
          "%s: event %d of run %s: %s".formatted(place, number, series.run(), e.getMessage()), e);
    } catch (IOException e) {
      throw new JournalDamagedException(
          "%s: event %d of run %s is damaged (%s); restore the journal from a backup, or forget the run to evaluate it anew"
              .formatted(place, number, series.run(), firstLine(e)),
          e);
    }
  }

  @Override
  public long bytes(SeriesId series) throws IOException {
    return withConnection(
        connection ->
            number(
                connection,
                """
                SELECT COALESCE(SUM(OCTET_LENGTH("event_payload")), 0)
                FROM "event_journal" WHERE "persistence_id" = ?\
                """,
                series.persistenceId()));
  }

  /** The one number that a query answers with. */
  private static long number(Connection connection, String sql, Object... values)
      throws SQLException, IOException {
    return query(
        connection,
        sql,
        rows -> {
          rows.next();
          return rows.getLong(1);
        },
        values);
  }

  @Override
  public Set<String> openEvaluations() throws IOException {
    Set<String> identities = new HashSet<>();
    for (SeriesId series : series()) {
      withConnection(
          connection ->
              query(
                  connection,
                  LAST_OF_EVALUATION,
                  rows -> {
                    if (rows.next()
                        && RunEventCodec.decode(rows.getString(1), rows.getBytes(2))
                            instanceof RunEvent.EvaluationStarted started) {
                      identities.add(started.checkpoint().identity());
                    }
                    return series;
                  },
                  series.persistenceId()));
    }
    return identities;
  }

  private static void insert(SeriesId series, String rules, Connection connection)
      throws SQLException {
    execute(
        connection,
        """
        INSERT INTO "series" ("persistence_id", "run", "probe", "source", "rules")
        VALUES (?, ?, ?, ?, ?)\
        """,
        series.persistenceId(),
        series.run(),
        series.probe(),
        series.source(),
        rules);
  }

  @Override
  public void append(SeriesId series, List<RunEvent> events) throws IOException {
    withConnection(
        connection -> {
          connection.setAutoCommit(false);
          if (rulesOf(series, connection).isEmpty()) {
            insert(series, "", connection);
          }
          long number = last(series, connection);
          for (RunEvent event : events) {
            execute(
                connection,
                """
                INSERT INTO "event_journal" ("persistence_id", "sequence_number", "writer",
                  "write_timestamp", "adapter_manifest", "event_payload", "event_ser_id",
                  "event_ser_manifest") VALUES (?, ?, ?, ?, '', ?, ?, ?)\
                """,
                series.persistenceId(),
                ++number,
                "diffuscope",
                Instant.now().toEpochMilli(),
                RunEventCodec.encode(event),
                RunEventSerializer.IDENTIFIER,
                RunEventCodec.manifest(event));
          }
          connection.commit();
          return series;
        });
  }

  @Override
  public void keepDistances(SeriesId series, String identity, Map<Reference, double[]> distances)
      throws IOException {
    byte[] values = DistancesCodec.encode(distances);
    withConnection(
        connection -> {
          connection.setAutoCommit(false);
          execute(
              connection,
              "DELETE FROM \"distances\" WHERE \"persistence_id\" = ? AND \"identity\" = ?",
              series.persistenceId(),
              identity);
          execute(
              connection,
              """
              INSERT INTO "distances" ("persistence_id", "identity", "bytes", "values")
              VALUES (?, ?, ?, ?)\
              """,
              series.persistenceId(),
              identity,
              (long) values.length,
              values);
          execute(
              connection,
              """
              DELETE FROM "distances" WHERE "kept" IN (
                SELECT "kept" FROM (
                  SELECT "kept", SUM("bytes") OVER (ORDER BY "kept" DESC) - "bytes" AS "newer"
                  FROM "distances" WHERE "persistence_id" = ?)
                WHERE "newer" > ?)\
              """,
              series.persistenceId(),
              PairedDistances.MOST_BYTES);
          connection.commit();
          return series;
        });
  }

  @Override
  public Map<Reference, double[]> distances(SeriesId series, String identity) throws IOException {
    return withConnection(
        connection ->
            query(
                connection,
                """
                SELECT "values" FROM "distances"
                WHERE "persistence_id" = ? AND "identity" = ?\
                """,
                rows -> rows.next() ? DistancesCodec.decode(rows.getBytes(1)) : Map.of(),
                series.persistenceId(),
                identity));
  }

  private static long last(SeriesId series, Connection connection)
      throws SQLException, IOException {
    return number(
        connection,
        """
        SELECT COALESCE(MAX("sequence_number"), 0)
        FROM "event_journal" WHERE "persistence_id" = ?\
        """,
        series.persistenceId());
  }

  /** A write that fails closes the database; it opens again once nobody uses what is closed. */
  @Override
  public synchronized void revive() {
    Connection known = open;
    try {
      if (known == null || !known.isValid(0)) {
        open = null;
        closeQuietly(known);
        open = DriverManager.getConnection(url);
      }
    } catch (SQLException e) {
      log.debug("{} cannot be opened yet", place, e);
    }
  }

  /** For whoever looks into the tables. */
  String url() {
    return url;
  }

  @Override
  public void forget(String run) throws IOException {
    withConnection(
        connection -> {
          connection.setAutoCommit(false);
          for (String table : List.of("event_journal", "snapshot", "distances", "series")) {
            execute(
                connection,
                """
                DELETE FROM "%s" WHERE "persistence_id" IN
                  (SELECT "persistence_id" FROM "series" WHERE "run" = ?)\
                """
                    .formatted(table),
                run);
          }
          connection.commit();
          return run;
        });
  }

  private interface Work<T> {
    T with(Connection connection) throws SQLException, IOException;
  }

  /** A connection of its own: one that was open when the disk was full is of no use any more. */
  private <T> T withConnection(Work<T> work) throws IOException {
    try (Connection connection = DriverManager.getConnection(url)) {
      return work.with(connection);
    } catch (SQLException e) {
      throw failure(place, e);
    }
  }

  @Override
  public synchronized void close() {
    closeQuietly(open);
  }
}
