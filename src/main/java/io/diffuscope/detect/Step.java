package io.diffuscope.detect;

import java.util.Optional;

/**
 * What one look did to a detector.
 *
 * @param state the state after the look
 * @param change the flag that was raised or cleared, if one was
 */
public record Step<S>(S state, Optional<FlagChange> change) {
  static <S> Step<S> quiet(S state) {
    return new Step<>(state, Optional.empty());
  }

  static <S> Step<S> of(S state, FlagChange change) {
    return new Step<>(state, Optional.of(change));
  }
}
