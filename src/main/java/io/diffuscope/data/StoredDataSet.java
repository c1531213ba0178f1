package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.ElementType;
import java.nio.FloatBuffer;

/** A set in files, whose values are made of the numbers that are stored there. */
interface StoredDataSet extends DataSet {
  /** Type of the stored numbers. */
  ElementType type();

  /**
   * Reads points as they are stored: levels 0 to 255 where they are images of uint8.
   *
   * @param target takes {@code [count, ...pointShape]} values from its position on
   * @throws BadInputException CHANGED, VANISHED or UNREADABLE
   */
  void readStored(long from, int count, FloatBuffer target) throws BadInputException;
}
