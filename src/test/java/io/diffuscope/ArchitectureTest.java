package io.diffuscope;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import io.diffuscope.build.Architecture;
import io.diffuscope.build.SourceTree;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** The rules of {@link Architecture}: the product keeps them, and each of them bites. */
class ArchitectureTest {

  /** What the design says of some pairs, written down one by one and not by its chains. */
  private static final List<Pair> PAIRS =
      List.of(
          new Pair("data", "tensorfile", true),
          new Pair("data", "statistics", true),
          new Pair("statistics", "tensorfile", false),
          new Pair("tensorfile", "statistics", false),
          new Pair("tensorfile", "data", false),
          new Pair("model", "tensorfile", true),
          new Pair("data", "model", false),
          new Pair("sampling", "feature", true),
          new Pair("feature", "sampling", false),
          new Pair("signal", "sampling", true),
          new Pair("signal", "detect", false),
          new Pair("signal", "checkpoint", false),
          new Pair("detect", "statistics", true),
          new Pair("detect", "run", false),
          new Pair("checkpoint", "tensorfile", true),
          new Pair("checkpoint", "data", false),
          new Pair("checkpoint", "run", false),
          new Pair("run", "checkpoint", true),
          new Pair("run", "publish", false),
          new Pair("publish", "run", true),
          new Pair("publish", "checkpoint", true),
          new Pair("publish", "web", false),
          new Pair("web", "publish", true),
          new Pair("web", "cli", false),
          new Pair("web", "demo", false),
          new Pair("demo", "model", true),
          new Pair("demo", "data", true),
          new Pair("demo", "feature", false),
          new Pair("demo", "run", false),
          new Pair("model", "demo", false),
          new Pair("cli", "demo", true),
          new Pair("cli", "config", true),
          new Pair("cli", "tensorfile", true),
          new Pair("run", "config", false),
          new Pair("config", "run", false));

  /** Classes that break a rule, and beside them some that come close and are allowed. */
  private static final List<Sample> SAMPLES =
      List.of(
          new Sample("a package of its own", "other", true, ""),
          new Sample("a package of its own", "run.inner", false, ""),
          new Sample("DJL", "signal", true, "ai.djl.ndarray.NDArray field;"),
          new Sample("DJL", "cli", true, "Object get() { return ai.djl.Device.cpu(); }"),
          new Sample("DJL", "model", false, "ai.djl.ndarray.NDArray field;"),
          new Sample("Akka", "signal", true, "akka.actor.typed.ActorSystem<Void> field;"),
          new Sample("Akka", "tensorfile", true, "akka.stream.Materializer field;"),
          new Sample("Akka", "web", false, "akka.actor.typed.ActorSystem<Void> field;"),
          new Sample("java.util.logging", "run", true, "java.util.logging.Logger field;"),
          new Sample("ending the JVM", "run", true, "void end() { System.exit(1); }"),
          new Sample("ending the JVM", "run", true, "void end() { Runtime.getRuntime().halt(1); }"),
          new Sample("ending the JVM", "demo", true, "void end() { System.exit(1); }"),
          new Sample(
              "ending the JVM",
              "demo",
              false,
              "public static void main(String[] arguments) { System.exit(1); }"),
          new Sample("ending the JVM", "cli", false, "void end() { System.exit(1); }"),
          new Sample("sleeping", "run", true, "void nap() throws Exception { Thread.sleep(1); }"),
          new Sample(
              "sleeping",
              "checkpoint",
              true,
              "void nap() throws Exception { java.util.concurrent.TimeUnit.DAYS.sleep(1); }"),
          new Sample(
              "mapped files",
              "tensorfile",
              true,
              "Object map(java.nio.channels.FileChannel channel) throws Exception {"
                  + " return channel.map(null, 0, 1); }"),
          new Sample("null-marked packages", "publish", true, ""),
          new Sample("null-marked packages", "marked", false, ""));

  private static JavaClasses product = new ClassFileImporter().importClasses();
  private static JavaClasses fixtures = new ClassFileImporter().importClasses();

  @BeforeAll
  static void read(@TempDir Path folder) {
    product =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(Architecture.ROOT);
    SourceTree tree = new SourceTree(folder).markNull("marked");
    PAIRS.stream()
        .map(Pair::used)
        .distinct()
        .forEach(used -> tree.add(used, "Used", "public class Used {}"));
    PAIRS.forEach(
        pair ->
            tree.add(
                pair.user(),
                pair.type(),
                "class %s { %s.%s.Used field; }"
                    .formatted(pair.type(), Architecture.ROOT, pair.used())));
    SAMPLES.forEach(
        sample ->
            tree.add(
                sample.where(),
                sample.type(),
                "class %s { %s }".formatted(sample.type(), sample.body())));
    fixtures = tree.compile();
  }

  @Test
  void theProductIsSeen() {
    assertThat(product).hasSizeGreaterThan(10);
  }

  @TestFactory
  Stream<DynamicTest> theProductKeeps() {
    return Architecture.rules().entrySet().stream()
        .map(rule -> DynamicTest.dynamicTest(rule.getKey(), () -> rule.getValue().check(product)));
  }

  @TestFactory
  Stream<DynamicTest> arrowsGoOneWay() {
    return PAIRS.stream()
        .map(pair -> new Offence(Architecture.ARROWS, pair.user(), pair.type(), !pair.allowed()))
        .map(Offence::test);
  }

  @TestFactory
  Stream<DynamicTest> eachRuleBites() {
    return SAMPLES.stream()
        .map(sample -> new Offence(sample.rule(), sample.where(), sample.type(), sample.offends()))
        .map(Offence::test);
  }

  @Test
  void noRuleIsUntried() {
    Set<String> tried =
        Stream.concat(
                Stream.of(Architecture.ARROWS),
                SAMPLES.stream().filter(Sample::offends).map(Sample::rule))
            .collect(toSet());

    assertThat(tried).isEqualTo(Architecture.rules().keySet());
  }

  /** One package that uses another. */
  private record Pair(String user, String used, boolean allowed) {
    String type() {
      return "UserOf_" + used;
    }
  }

  /** The body of a class in some package. */
  private record Sample(String rule, String where, boolean offends, String body) {
    String type() {
      return "Sample" + SAMPLES.indexOf(this);
    }
  }

  private record Offence(String rule, String where, String type, boolean expected) {
    DynamicTest test() {
      String name = "%s: %s.%s".formatted(rule, where, type);
      return DynamicTest.dynamicTest(
          name,
          () -> {
            JavaClasses alone = fixtures.that(isNamed(Architecture.ROOT + "." + where, type));
            assertThat(alone).hasSize(1);
            Map<String, ArchRule> rules = Architecture.rules();
            assertThat(rules).containsKey(rule);
            assertThat(rules.get(rule).evaluate(alone).hasViolation()).isEqualTo(expected);
          });
    }

    private static DescribedPredicate<JavaClass> isNamed(String folder, String name) {
      return DescribedPredicate.describe(name, type -> type.getName().equals(folder + "." + name));
    }
  }
}
