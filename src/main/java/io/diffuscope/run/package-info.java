/** The actors that carry a run: what to evaluate, who evaluates it, what was found. */
@NullMarked
package io.diffuscope.run;

import org.jspecify.annotations.NullMarked;
