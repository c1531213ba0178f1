package io.diffuscope.build;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;

/**
 * What holds the packages apart, as ArchUnit rules by name.
 *
 * <p>The arrows are written as the design writes them: {@code "a <- b"} lets b use a, and with it
 * everything that a may use.
 */
public final class Architecture {

  /** The package of the product. */
  public static final String ROOT = "io.diffuscope";

  /** The name of the rule about the arrows between packages. */
  public static final String ARROWS = "arrows between packages";

  private static final List<String> CHAINS =
      List.of(
          "tensorfile, statistics <- data <- model <- feature <- sampling <- signal <- detect <-"
              + " run <- publish <- web <- cli",
          "tensorfile <- checkpoint <- run",
          "model <- demo <- cli",
          // Loads the file, and refuses a bad one in the same words as every other reader.
          "tensorfile <- config <- cli");

  /** Lives in the trainer's process alone, to wait a little and end it when its parent is gone. */
  private static final String TRAINER_WATCHDOG = ROOT + ".demo.StandardInputWatch";

  private static final Pattern ARROW = Pattern.compile("<-");
  private static final Pattern COMMA = Pattern.compile(",\\s*");

  private static final Map<String, Set<String>> ALLOWED = closure(CHAINS);

  private Architecture() {}

  /** All rules by name; a rule about packages that are still empty passes. */
  public static Map<String, ArchRule> rules() {
    Map<String, ArchRule> rules = new LinkedHashMap<>();
    rules.put(ARROWS, classes().should(followTheArrows()));
    rules.put(
        "a package of its own",
        classes().should().resideInAnyPackage(packages(ALLOWED.keySet().toArray(String[]::new))));
    rules.put("DJL", onlyIn("ai.djl..", "model", "feature", "sampling", "demo"));
    rules.put("Akka", onlyIn("akka..", "checkpoint", "run", "publish", "web", "cli"));
    rules.put(
        "java.util.logging",
        noClasses().should().dependOnClassesThat().resideInAPackage("java.util.logging.."));
    rules.put(
        "ending the JVM",
        noClasses()
            .that(not(resideInAPackage(ROOT + ".cli..")))
            .and(not(resideInAPackage(ROOT + ".demo..").and(hasMain())))
            .and(not(type(TRAINER_WATCHDOG)))
            .should()
            .callMethod(System.class, "exit", int.class)
            .orShould()
            .callMethod(Runtime.class, "exit", int.class)
            .orShould()
            .callMethod(Runtime.class, "halt", int.class));
    // A thread that sleeps cannot be told to stop; schedulers and blocking queues can.
    rules.put(
        "sleeping",
        noClasses()
            .that(not(type(TRAINER_WATCHDOG)))
            .should()
            .callMethodWhere(target(named(Thread.class, "sleep")))
            .orShould()
            .callMethodWhere(target(named(TimeUnit.class, "sleep"))));
    // A mapped file that its writer truncates kills the JVM.
    rules.put(
        "mapped files",
        noClasses().should().callMethodWhere(target(named(FileChannel.class, "map"))));
    rules.put("null-marked packages", classes().should(resideInNullMarkedPackages()));
    rules.replaceAll((name, rule) -> rule.allowEmptyShould(true));
    return rules;
  }

  private static ArchRule onlyIn(String library, String... packages) {
    return noClasses()
        .that(not(resideInAnyPackage(packages(packages))))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(library);
  }

  private static String[] packages(String... names) {
    return Arrays.stream(names).map(name -> ROOT + "." + name + "..").toArray(String[]::new);
  }

  private static DescribedPredicate<com.tngtech.archunit.core.domain.AccessTarget> named(
      Class<?> owner, String method) {
    return DescribedPredicate.describe(
        owner.getSimpleName() + "." + method,
        target -> target.getName().equals(method) && target.getOwner().isAssignableTo(owner));
  }

  private static DescribedPredicate<JavaClass> type(String name) {
    return DescribedPredicate.describe(name, type -> type.getName().equals(name));
  }

  private static DescribedPredicate<JavaClass> hasMain() {
    return DescribedPredicate.describe(
        "has a main method",
        type ->
            type.tryGetMethod("main", String[].class)
                .filter(method -> method.getModifiers().contains(JavaModifier.STATIC))
                .isPresent());
  }

  private static ArchCondition<JavaClass> followTheArrows() {
    return new ArchCondition<>("follow the arrows " + CHAINS) {
      @Override
      public void check(JavaClass user, ConditionEvents events) {
        String from = packageOf(user);
        Set<String> allowed = ALLOWED.getOrDefault(from, Set.of());
        for (Dependency dependency : user.getDirectDependenciesFromSelf()) {
          JavaClass used = dependency.getTargetClass().getBaseComponentType();
          String to = packageOf(used);
          if (!to.isEmpty() && !to.equals(from) && !allowed.contains(to)) {
            events.add(SimpleConditionEvent.violated(dependency, dependency.getDescription()));
          }
        }
      }
    };
  }

  private static ArchCondition<JavaClass> resideInNullMarkedPackages() {
    return new ArchCondition<>("reside in packages with @NullMarked in package-info.java") {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        if (!type.getPackage().isAnnotatedWith(NullMarked.class)) {
          events.add(
              SimpleConditionEvent.violated(
                  type, type.getPackageName() + " of " + type.getName() + " is not @NullMarked"));
        }
      }
    };
  }

  /** The package below the root, or empty for classes of others. */
  private static String packageOf(JavaClass type) {
    String name = type.getPackageName() + ".";
    if (!name.startsWith(ROOT + ".")) {
      return "";
    }
    String below = name.substring(ROOT.length() + 1);
    return below.isEmpty() ? "(root)" : below.substring(0, below.indexOf('.'));
  }

  /** For each package those that it may use, by its own arrows and those of what it uses. */
  private static Map<String, Set<String>> closure(List<String> chains) {
    Map<String, Set<String>> allowed = new TreeMap<>();
    for (String chain : chains) {
      Set<String> left = Set.of();
      for (String link : ARROW.splitAsStream(chain).toList()) {
        Set<String> members = COMMA.splitAsStream(link.strip()).collect(Collectors.toSet());
        for (String member : members) {
          allowed.computeIfAbsent(member, key -> new TreeSet<>()).addAll(left);
        }
        left = members;
      }
    }
    boolean grown = true;
    while (grown) {
      grown = false;
      for (Set<String> uses : allowed.values()) {
        for (String used : List.copyOf(uses)) {
          grown |= uses.addAll(allowed.getOrDefault(used, Set.of()));
        }
      }
    }
    return allowed;
  }
}
