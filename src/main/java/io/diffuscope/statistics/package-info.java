/** Estimates with their errors, and the tests and intervals behind every signal and flag. */
@NullMarked
package io.diffuscope.statistics;

import org.jspecify.annotations.NullMarked;
