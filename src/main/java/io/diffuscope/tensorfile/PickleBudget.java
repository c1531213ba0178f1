package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;

/**
 * Memory that the objects of a file's pickles may take, all together. A pickle can ask for forty
 * times its own size, so the size of the file is no bound.
 */
final class PickleBudget {
  /** Enough for a million tensors or four million numbers. */
  static final long DEFAULT_BYTES = 256L << 20;

  /** About what one small object with the reference to it takes. */
  static final int OBJECT = 48;

  /** About what a container takes by itself. */
  static final int CONTAINER = 112;

  /** About what one more place in a list or in the table of known objects takes. */
  static final int PLACE = 12;

  private final String file;
  private long left;

  PickleBudget(String file, long bytes) {
    this.file = file;
    this.left = bytes;
  }

  void spend(long bytes) throws BadInputException {
    left -= bytes;
    if (left < 0) {
      throw new BadInputException(
          file,
          Reason.UNSUPPORTED,
          "holds too many objects beside its tensors; save the weights in a file of their own with"
              + " torch.save(model.state_dict(), FILE)",
          null);
    }
  }
}
