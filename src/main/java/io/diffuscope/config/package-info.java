/** Loads the HOCON configuration; each package owns its settings. */
@NullMarked
package io.diffuscope.config;

import org.jspecify.annotations.NullMarked;
