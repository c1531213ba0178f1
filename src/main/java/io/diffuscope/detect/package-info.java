/** Detectors: pure functions of series of estimates that raise and clear flags. */
@NullMarked
package io.diffuscope.detect;

import org.jspecify.annotations.NullMarked;
