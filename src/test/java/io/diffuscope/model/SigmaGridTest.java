package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class SigmaGridTest {
  /** The levels of EDM's 18 steps, computed in NumPy from the paper's equation 5; 7 digits. */
  private static final double[] EDM_18 = {
    80, 57.58598, 40.78557, 28.37458, 19.35245, 12.91008, 8.400935, 5.315195, 3.256822, 1.923340,
    1.088171, .5853481, .2964423, .1395165, .05994731, .02293452, .00752802, .002, 0
  };

  @Test
  void eighteenStepsAreEdms() {
    double[] levels = SigmaGrid.edm(18).levels();
    assertThat(levels).hasSize(19);
    for (int i = 0; i < EDM_18.length; i++) {
      assertThat(levels[i]).isCloseTo(EDM_18[i], within(1e-6 * EDM_18[i]));
    }
    assertThat(levels[18]).isZero();
  }

  @Test
  void otherEndsAndExponents() {
    double[] levels = new SigmaGrid(3, 1, 9, 1).levels();
    assertThat(levels).containsExactly(new double[] {9, 5, 1, 0}, within(1e-12));
  }

  @Test
  void isClippedToWhatTheNetworkKnows() {
    SigmaGrid grid = new SigmaGrid(5, .002, 80, 7);
    assertThat(grid.clippedTo(SigmaRange.ALL)).isEqualTo(grid);
    assertThat(grid.clippedTo(new SigmaRange(.01, 157))).isEqualTo(new SigmaGrid(5, .01, 80, 7));
    double[] levels = grid.clippedTo(new SigmaRange(.001, 14.6)).levels();
    assertThat(levels[0]).isCloseTo(14.6, within(1e-12));
    assertThat(levels[4]).isCloseTo(.002, within(1e-12));
    assertThatThrownBy(() -> grid.clippedTo(new SigmaRange(80, 200)))
        .hasMessageContaining("80.0 to 200.0");
    assertThatThrownBy(() -> new SigmaRange(3, 3)).hasMessageContaining("sigma_min");
  }

  @Test
  void refusesGridsThatDoNotFall() {
    assertThatThrownBy(() -> new SigmaGrid(1, .002, 80, 7)).hasMessageContaining("ode-steps");
    assertThatThrownBy(() -> new SigmaGrid(18, 80, 80, 7)).hasMessageContaining("sigma-min");
    assertThatThrownBy(() -> new SigmaGrid(18, 0, 80, 7)).hasMessageContaining("sigma-min");
    assertThatThrownBy(() -> new SigmaGrid(18, .002, Double.NaN, 7))
        .hasMessageContaining("sigma-max");
    assertThatThrownBy(() -> new SigmaGrid(18, .002, 80, 0)).hasMessageContaining("rho");
  }
}
