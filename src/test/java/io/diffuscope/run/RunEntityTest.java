package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.detect.EarlyMemorizationSettings;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run remembers, through restarts and a disk that is full for a while. */
class RunEntityTest {
  private static final SeriesId SERIES = new SeriesId("run", "probe", "/run");
  private static final RunSettings SETTINGS = RunMachine.settings(Pace.all(1000), Ending.NEVER);
  private static final DetectorSettings OTHER =
      new DetectorSettings(
          new EarlyMemorizationSettings(.5, .05, 2, 1, 0),
          DetectorSettings.DEFAULT.memorization(),
          DetectorSettings.DEFAULT.descents());

  @TempDir private Path folder = Path.of("");

  private EntityLife life() throws Exception {
    return new EntityLife(H2RunStore.in(folder), SERIES, SETTINGS);
  }

  private static RunDecisions.Find find(long step) {
    return new RunDecisions.Find(
        Checkpoint.ofFile("step-" + step, "/run/step-" + step, step), null);
  }

  private static RunDecisions.Begin begin() {
    return new RunDecisions.Begin("Run", "probe", true, List.of(), true);
  }

  @Test
  void whatWasDecidedIsThereInTheNextLife() throws Exception {
    RunState last;
    List<RunEvent> told = new ArrayList<>();
    try (EntityLife life = life()) {
      assertThat(life.recovered()).isEqualTo(RunState.EMPTY);
      told.addAll(life.decide(begin()).events());
      assertThat(told).hasExactlyElementsOfTypes(RunEvent.RunStarted.class);
      assertThat(life.kept()).as("worth nothing alone").isEmpty();
      RunEntity.Decided found = life.decide(find(10));
      told.addAll(found.events());
      last = found.state();
      assertThat(life.kept()).isEqualTo(told).hasSizeGreaterThan(2);
    }
    try (EntityLife life = life()) {
      assertThat(life.recovered()).isEqualTo(last);
      assertThat(life.decide(find(10)).events()).as("known").isEmpty();
    }
  }

  /** Many starts that find nothing new leave no trail. */
  @Test
  void aLifeWithoutNewsKeepsNothing() throws Exception {
    List<RunEvent> before;
    try (EntityLife life = life()) {
      life.recovered();
      life.decide(find(10));
      life.decide(new RunDecisions.End("over"));
      before = life.kept();
    }
    for (int i = 0; i < 2; i++) {
      try (EntityLife life = life()) {
        assertThat(life.recovered().ended()).isTrue();
        assertThat(life.decide(new RunDecisions.Resume()).events())
            .hasExactlyElementsOfTypes(RunEvent.RunResumed.class);
        assertThat(life.decide(new RunDecisions.End("over")).events())
            .hasExactlyElementsOfTypes(RunEvent.RunEnded.class);
        assertThat(life.kept()).isEqualTo(before);
      }
    }
    try (EntityLife life = life()) {
      life.recovered();
      life.decide(new RunDecisions.Resume());
      life.decide(find(20));
      assertThat(life.kept().subList(before.size(), life.kept().size()))
          .hasExactlyElementsOfTypes(RunEvent.RunResumed.class, RunEvent.CheckpointFound.class);
      life.decide(new RunDecisions.End("over again"));
      assertThat(life.kept().getLast())
          .as("after news everything counts")
          .isInstanceOf(RunEvent.RunEnded.class);
    }
  }

  /** Snapshots make a long run short; they are a cache, and other rules make them worthless. */
  @Test
  void aSnapshotGivesTheSameStateAndOtherThresholdsMakeItAnew() throws Exception {
    RunState last = RunState.EMPTY;
    try (EntityLife life = life()) {
      life.recovered();
      for (int step = 1; step <= 450; step++) {
        last = life.decide(find(step)).state();
      }
      assertThat(snapshots(life.store())).isBetween(1, 3);
    }
    try (EntityLife life = life()) {
      assertThat(life.recovered()).isEqualTo(last);
    }
    try (EntityLife life =
        new EntityLife(H2RunStore.in(folder), SERIES, SETTINGS.withDetectors(OTHER))) {
      assertThat(snapshots(life.store())).isZero();
      assertThat(life.recovered()).isEqualTo(last);
    }
  }

  private static int snapshots(H2RunStore store) throws Exception {
    try (Connection connection = DriverManager.getConnection(store.url());
        Statement statement = connection.createStatement();
        ResultSet count = statement.executeQuery("SELECT COUNT(*) FROM \"snapshot\"")) {
      count.next();
      return count.getInt(1);
    }
  }

  /** Nothing is told that is not kept, and what was asked is done once there is room. */
  @Test
  void aFullDiskDelaysAndLosesNothing() throws Exception {
    FullDisk.register();
    Path base = folder.resolve("journal");
    RunState last;
    List<RunEvent> told = new ArrayList<>();
    try (EntityLife life =
        new EntityLife(H2RunStore.at(FullDisk.SCHEME + ":" + base), SERIES, SETTINGS)) {
      life.recovered();
      told.addAll(life.decide(begin()).events());
      told.addAll(life.decide(find(10)).events());
      FullDisk.setFull(true);
      life.ask(find(20));
      int refusals = 0;
      while (refusals < 3) {
        assertThat(life.answer()).isInstanceOf(RunEntity.CannotKeep.class);
        life.store().revive();
        refusals++;
      }
      FullDisk.setFull(false);
      RunEntity.Answer answer = life.answer();
      while (answer instanceof RunEntity.CannotKeep) {
        life.store().revive();
        answer = life.answer();
      }
      RunEntity.Decided decided = (RunEntity.Decided) answer;
      told.addAll(decided.events());
      told.addAll(life.decide(find(30)).events());
      last = life.decide(find(40)).state();
      told.addAll(life.decide(find(30)).events());
      assertThat(life.kept().subList(0, told.size())).isEqualTo(told);
    } finally {
      FullDisk.setFull(false);
    }
    try (EntityLife life = life()) {
      assertThat(life.recovered()).isEqualTo(last);
      assertThat(life.kept().stream().filter(RunEvent.CheckpointFound.class::isInstance))
          .hasSize(4);
    }
  }
}
