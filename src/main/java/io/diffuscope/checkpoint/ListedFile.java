package io.diffuscope.checkpoint;

import java.nio.file.Path;

/**
 * One file of a listing.
 *
 * @param path absolute path
 * @param version size, modification time and inode at the time of the listing
 */
record ListedFile(Path path, FileVersion version) {}
