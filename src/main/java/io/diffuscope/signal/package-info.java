/** Signals: each folds observations into estimates, one class each. */
@NullMarked
package io.diffuscope.signal;

import org.jspecify.annotations.NullMarked;
