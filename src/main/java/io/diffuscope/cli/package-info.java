/** The command line, and the guardian that wires everything. */
@NullMarked
package io.diffuscope.cli;

import org.jspecify.annotations.NullMarked;
