/**
 * Files of arrays and weights: safetensors, NumPy, and everything that PyTorch writes, read in
 * bounded chunks and never mapped. Nothing in a file is ever run.
 */
@NullMarked
package io.diffuscope.tensorfile;

import org.jspecify.annotations.NullMarked;
