/** Metrics and log lines for what runs report. */
@NullMarked
package io.diffuscope.publish;

import org.jspecify.annotations.NullMarked;
