/** Training and hold-out sets, read in blocks from array files and from images. */
@NullMarked
package io.diffuscope.data;

import org.jspecify.annotations.NullMarked;
