package io.diffuscope.signal;

/** Names of the signals: one word each, from configuration key to metric. */
public final class SignalNames {
  public static final String PFD = "pfd";
  public static final String NEAREST_RATIO = "nearest_ratio";
  public static final String TRAIN_AFFINITY = "train_affinity";
  public static final String DENOISING_GAP = "denoising_gap";

  public static final String SPIKINESS = "spikiness";

  public static final String GL = "gl";
  public static final String RP = "rp";
  public static final String AUTHENTICITY = "authenticity";

  public static final String FIDELITY = "fidelity";

  private SignalNames() {}
}
