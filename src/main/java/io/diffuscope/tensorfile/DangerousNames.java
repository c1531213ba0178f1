package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.PickleValue.Global;
import java.util.Map;
import java.util.Set;

/**
 * Names that no checkpoint has a reason to hold: what starts processes, evaluates or imports code,
 * loads libraries or further pickles, opens sockets, or touches files.
 *
 * <p>Nothing of a pickle is ever called here, so this list is no defence of ours. It is there to
 * tell a person that a file attacks whoever loads it in Python.
 */
final class DangerousNames {
  /** Whole modules, with everything below them. */
  private static final Set<String> MODULES =
      Set.of(
          // Processes, the operating system and its files
          "os",
          "posix",
          "nt",
          "posixpath",
          "ntpath",
          "subprocess",
          "_posixsubprocess",
          "multiprocessing",
          "pty",
          "shutil",
          "commands",
          "popen2",
          "tempfile",
          "webbrowser",
          "antigravity",
          // Evaluation of code
          "runpy",
          "code",
          "codeop",
          "pdb",
          "bdb",
          "doctest",
          "timeit",
          "trace",
          "profile",
          "cProfile",
          "pydoc",
          "idlelib",
          "lib2to3",
          "pickle",
          "_pickle",
          "cPickle",
          "marshal",
          "shelve",
          "dbm",
          // Imports and installation
          "importlib",
          "_frozen_importlib",
          "_frozen_importlib_external",
          "imp",
          "_imp",
          "pkgutil",
          "zipimport",
          "pkg_resources",
          "pip",
          "ensurepip",
          "venv",
          "distutils",
          "sys",
          // Foreign code
          "ctypes",
          "_ctypes",
          "cffi",
          "_cffi_backend",
          // Networks
          "socket",
          "_socket",
          "socketserver",
          "SocketServer",
          "ssl",
          "asyncio",
          "http",
          "httplib",
          "urllib",
          "urllib2",
          "requests",
          "aiohttp",
          "ftplib",
          "telnetlib",
          "smtplib",
          "poplib",
          "imaplib",
          "xmlrpc",
          "torch.hub",
          "torch.utils.cpp_extension",
          "torch.utils.bottleneck",
          "torch._inductor",
          "torch.distributed.rpc",
          "numpy.testing",
          "numpy.f2py",
          "numpy.distutils");

  /** Those of them that have no submodules. */
  private static final Set<String> PLAIN =
      Set.of(
          "commands",
          "code",
          "codeop",
          "pdb",
          "bdb",
          "doctest",
          "timeit",
          "trace",
          "profile",
          "cProfile",
          "runpy",
          "pty",
          "shutil",
          "tempfile",
          "webbrowser",
          "shelve",
          "imp");

  /** Single names of modules that are harmless otherwise. */
  private static final Map<String, Set<String>> NAMES =
      Map.ofEntries(
          Map.entry("builtins", evaluation()),
          Map.entry("__builtin__", evaluation()),
          Map.entry("__builtins__", evaluation()),
          Map.entry("io", Set.of("open", "open_code", "FileIO", "OpenWrapper")),
          Map.entry("_io", Set.of("open", "open_code", "FileIO")),
          Map.entry("codecs", Set.of("open")),
          Map.entry("operator", Set.of("attrgetter", "methodcaller")),
          Map.entry("_operator", Set.of("attrgetter", "methodcaller")),
          Map.entry("types", Set.of("CodeType", "FunctionType", "LambdaType")),
          Map.entry("torch", Set.of("load")),
          Map.entry("torch.serialization", Set.of("load", "_load", "_legacy_load")),
          Map.entry("torch.jit", Set.of("load", "CompilationUnit")),
          Map.entry("numpy", Set.of("load", "fromfile", "memmap", "loadtxt", "genfromtxt")),
          Map.entry("joblib", Set.of("load")),
          Map.entry("pandas", Set.of("read_pickle", "eval")));

  /** Modules that many others import, so that their functions are found there too. */
  private static final Set<String> DETOURS =
      Set.of(
          "os",
          "posix",
          "nt",
          "subprocess",
          "sys",
          "builtins",
          "shutil",
          "pty",
          "runpy",
          "importlib",
          "pickle",
          "_pickle",
          "marshal",
          "ctypes",
          "socket",
          "__builtins__",
          "__globals__",
          "__subclasses__",
          "__import__",
          "__loader__",
          "__code__");

  private static Set<String> evaluation() {
    return Set.of(
        "eval",
        "exec",
        "execfile",
        "compile",
        "open",
        "file",
        "input",
        "raw_input",
        "apply",
        "breakpoint",
        "reload",
        "setattr",
        "delattr",
        "globals",
        "locals",
        "vars",
        "help",
        "exit",
        "quit",
        "__import__",
        "__loader__",
        "__build_class__");
  }

  private DangerousNames() {}

  /**
   * Fails for a dangerous name.
   *
   * @throws BadInputException UNSUPPORTED, naming it
   */
  static void refuse(String file, Global global) throws BadInputException {
    if (isDangerous(global)) {
      throw new BadInputException(
          file,
          Reason.UNSUPPORTED,
          "names "
              + Text.quote(global.toString())
              + ", which would run when Python loads this file; nothing of it was run here, but do"
              + " not load it in Python either, and find out where it came from",
          null);
    }
  }

  /**
   * Whether this is such a name, also by a detour: Python finds {@code system} of {@code os} as
   * {@code os.system} of any module that imports {@code os}.
   */
  static boolean isDangerous(Global global) {
    if (within(global.module(), MODULES)) {
      return true;
    }
    String owner = global.module();
    for (String part : global.name().split("\\.", -1)) {
      boolean method = !owner.equals(global.module());
      if (DETOURS.contains(part)
          || NAMES.getOrDefault(owner, Set.of()).contains(part)
          // Methods of a path read, write and delete.
          || (method && within(owner, Set.of("pathlib")))) {
        return true;
      }
      owner = owner + "." + part;
    }
    return false;
  }

  private static boolean within(String module, Set<String> modules) {
    for (int dot = module.length(); dot >= 0; dot = module.lastIndexOf('.', dot - 1)) {
      String outer = module.substring(0, dot);
      // Below a module without submodules lies somebody's own package of the same name.
      boolean own = dot < module.length() && PLAIN.contains(outer);
      if (modules.contains(outer) && !own) {
        return true;
      }
    }
    return false;
  }
}
