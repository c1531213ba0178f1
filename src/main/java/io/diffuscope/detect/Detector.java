package io.diffuscope.detect;

/**
 * A pure function of a series of looks that raises and clears one flag. It holds settings, never
 * state: the state goes in and comes out, an immutable record of plain values that can be stored.
 *
 * <p>Looks come in the order of their steps, each once, all of one probe; a new probe starts a new
 * series, from the initial state.
 *
 * @param <S> the detector's state
 */
public interface Detector<S> {
  /** The flag that this detector raises and clears. */
  Flag flag();

  /** The state before the first look. */
  S initial();

  /** The state after one more look, and what it changed. */
  Step<S> observe(S state, Look look);
}
