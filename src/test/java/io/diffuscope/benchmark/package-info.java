/** How fast the product is, as ratios that mean something on any machine. Not run by the tests. */
@NullMarked
package io.diffuscope.benchmark;

import org.jspecify.annotations.NullMarked;
