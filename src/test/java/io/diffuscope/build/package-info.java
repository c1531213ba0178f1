/** Tests of what the build leaves: logging, licences, the distribution folder. */
@NullMarked
package io.diffuscope.build;

import org.jspecify.annotations.NullMarked;
