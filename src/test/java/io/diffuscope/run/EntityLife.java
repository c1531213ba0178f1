package io.diffuscope.run;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/** One process as a run's memory sees it: a store, which it closes, its actors, and one entity. */
final class EntityLife implements AutoCloseable {
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(1));
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final H2RunStore store;
  private final SeriesId series;
  private final ActorTestKit kit;
  private final TestProbe<RunEntity.Answer> owner;
  private final ActorRef<RunEntity.Command> entity;
  private final RunDecisions decisions;

  /** As a test runs it: every message between actors is serialized on its way. */
  EntityLife(H2RunStore store, SeriesId series, RunSettings settings) throws IOException {
    this(store, series, settings, ConfigFactory.load("application-test"));
  }

  EntityLife(H2RunStore store, SeriesId series, RunSettings settings, Config config)
      throws IOException {
    this.store = store;
    this.series = series;
    decisions = new RunDecisions(settings);
    store.begin(series, RunEntity.rules(settings.detectors()));
    kit = ActorTestKit.create(store.config().withFallback(config));
    owner = kit.createTestProbe(RunEntity.Answer.class);
    entity = kit.spawn(RunEntity.create(series, settings, CLOCK, owner.getRef()));
  }

  H2RunStore store() {
    return store;
  }

  RunEntity.Answer answer() {
    return owner.receiveMessage(PATIENCE);
  }

  RunState recovered() {
    return ((RunEntity.Recovered) answer()).state();
  }

  void ask(RunDecisions.Command command) {
    entity.tell(new RunEntity.Decide(decisions, command));
  }

  RunEntity.Decided decide(RunDecisions.Command command) {
    ask(command);
    return (RunEntity.Decided) answer();
  }

  List<RunEvent> kept() throws IOException {
    List<RunEvent> events = new ArrayList<>();
    store.forEach(series, events::add);
    return events;
  }

  @Override
  public void close() {
    kit.shutdownTestKit();
    store.close();
  }
}
