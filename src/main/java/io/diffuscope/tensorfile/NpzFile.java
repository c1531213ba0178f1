package io.diffuscope.tensorfile;

/** NumPy's archives. */
final class NpzFile {
  static final String MEMBER_SUFFIX = ".npy";

  private NpzFile() {}
}
