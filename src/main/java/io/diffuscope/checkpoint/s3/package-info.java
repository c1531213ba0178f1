/**
 * Buckets as a read-only file system of the scheme {@code s3}, so that layouts, markers, checks and
 * readers of weights work in a bucket as they do in a directory.
 */
@NullMarked
package io.diffuscope.checkpoint.s3;

import org.jspecify.annotations.NullMarked;
