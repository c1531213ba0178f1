package io.diffuscope.build;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Classes written for a test, in the packages of the product, compiled into a folder of their own:
 * the product never holds the offences that the rules are tried on.
 */
public final class SourceTree {

  private final Path folder;
  private final List<Path> sources = new ArrayList<>();

  /** A tree without classes; {@code folder} is empty and ours alone. */
  public SourceTree(Path folder) {
    this.folder = folder;
  }

  /** Adds one class to a package, named without the root. */
  public SourceTree add(String name, String type, String source) {
    write(name, type, "package %s.%s;\n%s\n", source);
    return this;
  }

  /** Adds a package-info.java with {@code @NullMarked} to a package. */
  public SourceTree markNull(String name) {
    write(name, "package-info", "@org.jspecify.annotations.NullMarked package %s.%s;\n%s", "");
    return this;
  }

  private void write(String name, String type, String layout, String source) {
    Path file = folder.resolve("src").resolve(name).resolve(type + ".java");
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, layout.formatted(Architecture.ROOT, name, source));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    sources.add(file);
  }

  /** Compiles the classes against the class path of the tests and reads them back. */
  public JavaClasses compile() {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    Path classes = folder.resolve("classes");
    StringWriter messages = new StringWriter();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      List<String> options =
          List.of(
              "--release",
              "21",
              "-proc:none",
              "-cp",
              System.getProperty("java.class.path"),
              "-d",
              classes.toString());
      boolean compiled =
          compiler
              .getTask(
                  messages, files, null, options, null, files.getJavaFileObjectsFromPaths(sources))
              .call();
      if (!compiled) {
        throw new IllegalStateException(messages.toString());
      }
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    return new ClassFileImporter().importPath(classes);
  }
}
