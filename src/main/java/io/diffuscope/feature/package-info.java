/** The feature map h under which samples are compared. */
@NullMarked
package io.diffuscope.feature;

import org.jspecify.annotations.NullMarked;
