package io.diffuscope.signal;

/** Names of the signals: one word each, from configuration key to metric. */
public final class SignalNames {
  public static final String PFD = "pfd";
  public static final String NEAREST_RATIO = "nearest_ratio";
  public static final String TRAIN_AFFINITY = "train_affinity";
  public static final String DENOISING_GAP = "denoising_gap";

  public static final String SPIKINESS = "spikiness";

  /** The means behind spikiness: a switch of its own; its estimates bear the name of spikiness. */
  public static final String RAW_SPIKINESS = "raw_spikiness";

  public static final String GL = "gl";
  public static final String RP = "rp";
  public static final String AUTHENTICITY = "authenticity";

  public static final String FIDELITY = "fidelity";

  public static final String REPRESENTATION = "representation";
  public static final String ICR = "icr";
  public static final String SCALING = "scaling";

  private SignalNames() {}
}
