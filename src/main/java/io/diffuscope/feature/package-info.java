/** The feature map h under which points are compared: as they are, or decoded. */
@NullMarked
package io.diffuscope.feature;

import org.jspecify.annotations.NullMarked;
