package io.diffuscope.sampling;

/**
 * The counter-based generator Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011): a bijection of a 128-bit counter under a 64-bit key. Any
 * block of noise can be made anywhere, in any order, without the ones before it.
 */
final class Philox {
  private static final int ROUNDS = 10;
  private static final int MULTIPLIER_0 = 0xD2511F53;
  private static final int MULTIPLIER_1 = 0xCD9E8D57;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  private Philox() {}

  /**
   * Replaces the counter by its image.
   *
   * @param state four words, the counter on entry and the random words on return
   * @param key0 low word of the key
   * @param key1 high word of the key
   */
  static void permute(int[] state, int key0, int key1) {
    int k0 = key0;
    int k1 = key1;
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = Integer.toUnsignedLong(MULTIPLIER_0) * Integer.toUnsignedLong(state[0]);
      long product1 = Integer.toUnsignedLong(MULTIPLIER_1) * Integer.toUnsignedLong(state[2]);
      int high0 = (int) (product0 >>> 32);
      int high1 = (int) (product1 >>> 32);
      state[0] = high1 ^ state[1] ^ k0;
      state[1] = (int) product1;
      state[2] = high0 ^ state[3] ^ k1;
      state[3] = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
  }
}
