/** Noise bank, probability flow, neighbours, and the observations that samplers hand back. */
@NullMarked
package io.diffuscope.sampling;

import org.jspecify.annotations.NullMarked;
