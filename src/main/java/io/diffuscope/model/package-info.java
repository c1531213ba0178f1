/** Denoisers in sigma space: closed forms and networks, with their preconditionings. */
@NullMarked
package io.diffuscope.model;

import org.jspecify.annotations.NullMarked;
