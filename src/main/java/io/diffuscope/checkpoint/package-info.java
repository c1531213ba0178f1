/** Finding checkpoints as they are written, and telling when one is complete. */
@NullMarked
package io.diffuscope.checkpoint;

import org.jspecify.annotations.NullMarked;
