/** The demonstration: a small model, trained on real digits in a process of its own. */
@NullMarked
package io.diffuscope.demo;

import org.jspecify.annotations.NullMarked;
