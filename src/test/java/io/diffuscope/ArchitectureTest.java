package io.diffuscope;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import io.diffuscope.build.Architecture;
import io.diffuscope.build.SourceTree;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules of {@link Architecture}: the product keeps them, and each of them bites. */
class ArchitectureTest {

  private static JavaClasses product = new ClassFileImporter().importClasses();

  @BeforeAll
  static void importProduct() {
    product =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(Architecture.ROOT);
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

  /** What design section 2 says of some pairs, written down one by one and not by its chains. */
  @ParameterizedTest(name = "{0} uses {1}: allowed {2}")
  @CsvSource({
    "data, tensorfile, true",
    "data, statistics, true",
    "statistics, tensorfile, false",
    "tensorfile, statistics, false",
    "tensorfile, data, false",
    "model, tensorfile, true",
    "data, model, false",
    "sampling, feature, true",
    "feature, sampling, false",
    "signal, sampling, true",
    "signal, detect, false",
    "detect, statistics, true",
    "detect, run, false",
    "signal, checkpoint, false",
    "checkpoint, tensorfile, true",
    "checkpoint, data, false",
    "checkpoint, run, false",
    "run, checkpoint, true",
    "run, publish, false",
    "publish, run, true",
    "publish, checkpoint, true",
    "publish, web, false",
    "web, publish, true",
    "web, cli, false",
    "demo, model, true",
    "demo, data, true",
    "demo, feature, false",
    "demo, run, false",
    "model, demo, false",
    "web, demo, false",
    "cli, demo, true",
    "cli, config, true",
    "cli, tensorfile, true",
    "run, config, false",
    "config, run, false",
  })
  void arrowsGoOneWay(String user, String used, boolean allowed, @TempDir Path folder) {
    JavaClasses classes =
        new SourceTree(folder)
            .add(used, "public class Used {}")
            .add(user, "class User { io.diffuscope.%s.Used field; }".formatted(used))
            .compile();

    assertThat(violations(Architecture.ARROWS, classes)).isEqualTo(allowed ? 0 : 1);
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "a package of its own | other | class A {}",
        "DJL | signal | class A { ai.djl.ndarray.NDArray field; }",
        "DJL | cli | class A { Object get() { return ai.djl.engine.Engine.getInstance(); } }",
        "Akka | signal | class A { akka.actor.typed.ActorSystem<Void> field; }",
        "Akka | tensorfile | class A { akka.stream.Materializer field; }",
        "java.util.logging | run | class A { java.util.logging.Logger field; }",
        "ending the JVM | run | class A { void end() { System.exit(1); } }",
        "ending the JVM | run | class A { void end() { Runtime.getRuntime().halt(1); } }",
        "ending the JVM | demo | class A { void end() { System.exit(1); } }",
        "sleeping | checkpoint | class A { void nap() throws Exception { Thread.sleep(1); } }",
        "sleeping | run | class A { void nap() throws Exception {"
            + " java.util.concurrent.TimeUnit.SECONDS.sleep(1); } }",
        "mapped files | tensorfile | class A { Object map(java.nio.channels.FileChannel channel)"
            + " throws Exception { return channel.map(null, 0, 1); } }",
        "null-marked packages | data | class A {}",
      })
  void bites(String rule, String where, String source, @TempDir Path folder) {
    JavaClasses classes = new SourceTree(folder).add(where, source).compile();

    assertThat(violations(rule, classes)).isPositive();
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "DJL | model | class A { ai.djl.ndarray.NDArray field; }",
        "Akka | web | class A { akka.actor.typed.ActorSystem<Void> field; }",
        "ending the JVM | cli | class A { void end() { System.exit(1); } }",
        "ending the JVM | demo | class A { public static void main(String[] a) { System.exit(1); }"
            + " }",
      })
  void allows(String rule, String where, String source, @TempDir Path folder) {
    JavaClasses classes = new SourceTree(folder).add(where, source).compile();

    assertThat(violations(rule, classes)).isZero();
  }

  @Test
  void aMarkedPackagePasses(@TempDir Path folder) {
    JavaClasses classes = new SourceTree(folder).addNullMarked("data").compile();

    assertThat(violations("null-marked packages", classes)).isZero();
  }

  private static int violations(String name, JavaClasses classes) {
    Map<String, ArchRule> rules = Architecture.rules();
    assertThat(rules).containsKey(name);
    List<String> details = rules.get(name).evaluate(classes).getFailureReport().getDetails();
    return details.size();
  }
}
