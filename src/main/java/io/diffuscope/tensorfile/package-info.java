/** Files of arrays: safetensors and NumPy, read in bounded chunks and never mapped. */
@NullMarked
package io.diffuscope.tensorfile;

import org.jspecify.annotations.NullMarked;
