package io.diffuscope.tensorfile;

/**
 * A tensor as the header of its file describes it.
 *
 * @param name unique within the file
 */
public record TensorInfo(String name, ElementType type, TensorShape shape) {}
