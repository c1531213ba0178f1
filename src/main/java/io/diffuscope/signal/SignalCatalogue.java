package io.diffuscope.signal;

import static io.diffuscope.signal.SignalCatalogue.Need.DESCRIPTOR;
import static io.diffuscope.signal.SignalCatalogue.Need.HOLDOUT;
import static io.diffuscope.signal.SignalCatalogue.Need.LABELS;
import static io.diffuscope.signal.SignalCatalogue.Need.REPRESENTATION;
import static io.diffuscope.signal.SignalCatalogue.Need.SAMPLES;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Every signal that can be measured: what it is, what it needs, what it costs, and where it comes
 * from. The table of signals in the documents, the answer of {@code diffuscope signals}, and what
 * is on where nothing is said are made of it.
 */
public enum SignalCatalogue {
  PFD(
      SignalNames.PFD,
      "Probability flow distance: root mean squared distance of the model's endpoints from those of"
          + " a reference's flow, noise by noise; to train it is E_mem, to teacher E_gen, and"
          + " holdout stands in for the teacher.",
      List.of(SAMPLES),
      "The samples; once for each set its empirical flow.",
      "M (2K - 1) network calls a checkpoint; once 4 M (2K - 1) N d operations",
      "Zhang et al., arXiv 2505.20123",
      true),
  NEAREST_RATIO(
      SignalNames.NEAREST_RATIO,
      "Share of samples much nearer to one training point than to all others (d1/d2 below 1/3),"
          + " with the same share of hold-out points as control: copies.",
      List.of(SAMPLES),
      "The samples, and their distances to the training set.",
      "M (2K - 1) network calls, 2 M N d operations",
      "the memorization ratio f_mem of the field; duplicate groups and control are Diffuscope's",
      true),
  TRAIN_AFFINITY(
      SignalNames.TRAIN_AFFINITY,
      "Share of samples whose nearest point of train and hold-out is a training point, and its"
          + " excess over chance with a permutation p-value: the early warning.",
      List.of(SAMPLES, HOLDOUT),
      "The samples, and their distances to the training and hold-out set.",
      "M (2K - 1) network calls, 2 M (N + H) d operations, up to 20,000 relabellings",
      "Diffuscope",
      true),
  DENOISING_GAP(
      SignalNames.DENOISING_GAP,
      "Denoising loss on hold-out minus training images at several noise levels: fitting beyond the"
          + " population, which healthy runs show, too.",
      List.of(HOLDOUT),
      "Denoising of images of both sets; measured of checkpoints that are not sampled, too.",
      "2 I S D network calls",
      "Diffuscope",
      true),
  SPIKINESS(
      SignalNames.SPIKINESS,
      "Whether few coordinates carry the hidden representation at low noise: the area under the ROC"
          + " of training against hold-out images, and the rank correlation of samples with d1/d2.",
      List.of(SAMPLES, REPRESENTATION, HOLDOUT),
      "One pass over the samples and some images of both sets.",
      "M (2K - 1) + M + 2 I network calls",
      "Zhang et al., arXiv 2512.20963, for spikiness; the contrasts are Diffuscope's",
      true),
  RAW_SPIKINESS(
      SignalNames.RAW_SPIKINESS,
      "The means behind spikiness (standard deviation, L4/L2, Hoyer, participation ratio) of"
          + " samples, training and hold-out images; they grow in healthy runs, too.",
      List.of(SAMPLES, REPRESENTATION),
      "That of spikiness; nothing beside it.",
      "M (2K - 1) + M + 2 I network calls",
      "Zhang et al., arXiv 2512.20963",
      false),
  GL(
      SignalNames.GL,
      "Share of samples whose largest similarity to a training image, under a descriptor, is at"
          + " most the threshold: samples that are no copies.",
      List.of(SAMPLES, DESCRIPTOR),
      "The samples, and their descriptor's vectors; once those of the training set.",
      "M (2K - 1) network calls, M descriptor calls, 2 M N F operations; once N descriptor calls",
      "Zhang et al., arXiv 2310.05264",
      true),
  RP(
      SignalNames.RP,
      "Share of noises from which the model and a reference's flow make images that are similar"
          + " under a descriptor.",
      List.of(SAMPLES, DESCRIPTOR),
      "That of gl, and of pfd's empirical flows; once the vectors of their endpoints.",
      "M (2K - 1) network calls, M descriptor calls; once M for each reference",
      "Zhang et al., arXiv 2310.05264",
      true),
  AUTHENTICITY(
      SignalNames.AUTHENTICITY,
      "Share of samples farther from their nearest training image than that one is from any other,"
          + " under a descriptor.",
      List.of(SAMPLES, DESCRIPTOR),
      "That of gl; for each sample one more search of the training set.",
      "M (2K - 1) network calls, M descriptor calls, 4 M N F operations",
      "Alaa et al., arXiv 2102.08921",
      false),
  FIDELITY(
      SignalNames.FIDELITY,
      "Whether samples look like hold-out points: kernel distance (KID for Inception's features),"
          + " precision, density and coverage; a model that copies nothing may still be bad.",
      List.of(SAMPLES, HOLDOUT),
      "The samples, their kernels and distances to at most 10,000 hold-out points (H), in the"
          + " descriptor's space where there is one.",
      "M (2K - 1) network calls, 2 M (H + B) F operations with B samples a block; once 2 H^2 F",
      "Binkowski et al., arXiv 1801.01401; Naeem et al., arXiv 2002.09797",
      true),
  CLASSES(
      SignalNames.REPRESENTATION,
      "Accuracy of a class probe on the hidden representations of noisy images, and their"
          + " signal-to-noise ratio by class subspaces, at each noise level; the peak, and whether"
          + " there is a rise to it.",
      List.of(REPRESENTATION, LABELS),
      "One pass over labelled images at each of S noise levels; a logistic regression at each.",
      "2 I S network calls, about 400 I F C operations at each level with C classes",
      "Li et al., arXiv 2502.05743; the unimodality statistic is Diffuscope's",
      true),
  ICR(
      SignalNames.ICR,
      "How much of the hidden representation changes with noise (and mirroring, where training did"
          + " so) and how much with the image; falls, and rises again where a model memorizes.",
      List.of(REPRESENTATION),
      "Two passes over some training images.",
      "2 I network calls, 11 F^3 operations",
      "arXiv 2606.09718; without its crops and changes of colour",
      false),
  SCALING(
      SignalNames.SCALING,
      "log2(N / sqrt(parameters)), the same at every checkpoint: where runs stand on the way from"
          + " memorization to generalization by their sizes alone.",
      List.of(),
      "Nothing.",
      "none",
      "slides on Zhang et al., arXiv 2505.20123",
      false);

  /** What the letters in costs stand for. */
  public static final String LETTERS =
      "M samples, K solver steps, N training points, H hold-out points, d elements of a point,\n"
          + "F elements of a descriptor's vector, I images of each set, S noise levels and D draws"
          + " of the denoising losses.\n"
          + "Of representation and icr I, S and F are the images, levels and features of their own,"
          + " C classes.";

  /** What a signal cannot do without, beside a training set. */
  public enum Need {
    /** Samples of the checkpoint. */
    SAMPLES,
    HOLDOUT,
    TEACHER,
    LABELS,
    /** A template that returns its hidden representation. */
    REPRESENTATION,
    DESCRIPTOR,
    /** Another run with the same noises. */
    PEER;

    /** The word used in tables. */
    public String label() {
      return this == HOLDOUT ? "hold-out" : name().toLowerCase(Locale.ROOT);
    }
  }

  private final String signal;
  private final String definition;
  private final List<Need> needs;
  private final String cost;
  private final String costFormula;
  private final String source;
  private final boolean on;

  SignalCatalogue(
      String signal,
      String definition,
      List<Need> needs,
      String cost,
      String costFormula,
      String source,
      boolean on) {
    this.signal = signal;
    this.definition = definition;
    this.needs = List.copyOf(needs);
    this.cost = cost;
    this.costFormula = costFormula;
    this.source = source;
    this.on = on;
  }

  /** Name of the signal, as in metrics and settings. */
  public String signal() {
    return signal;
  }

  /** What it is, in one sentence. */
  public String definition() {
    return definition;
  }

  /** What it cannot do without. */
  public List<Need> needs() {
    return needs;
  }

  /** What it costs, in words. */
  public String cost() {
    return cost;
  }

  /** What it costs: calls and operations of one checkpoint, and once for a run. */
  public String costFormula() {
    return costFormula;
  }

  /** The paper that it comes from. */
  public String source() {
    return source;
  }

  /** Whether it is measured where nothing is said. */
  public boolean isOnByDefault() {
    return on;
  }

  /** Whether it is measured on samples. */
  public boolean isOfSamples() {
    return needs.contains(SAMPLES);
  }

  /** The signal of a name, if there is one. */
  public static Optional<SignalCatalogue> find(String signal) {
    return Arrays.stream(values()).filter(entry -> entry.signal.equals(signal)).findFirst();
  }

  /** The table of the README. */
  public static String markdown() {
    StringBuilder table = new StringBuilder("| signal | what it is | needs | source | default |\n");
    table.append("|---|---|---|---|---|\n");
    for (SignalCatalogue entry : values()) {
      table.append(
          "| `%s` | %s | %s | %s | %s |\n"
              .formatted(
                  entry.signal, entry.definition, entry.needsText(), entry.source, entry.word()));
    }
    return table.toString();
  }

  /** The table of costs in the documents. */
  public static String costMarkdown() {
    StringBuilder table =
        new StringBuilder("| signal | what it takes | calls and operations | needs | default |\n");
    table.append("|---|---|---|---|---|\n");
    for (SignalCatalogue entry : values()) {
      table.append(
          "| `%s` | %s | %s | %s | %s |\n"
              .formatted(
                  entry.signal, entry.cost, entry.costFormula, entry.needsText(), entry.word()));
    }
    return table.toString();
  }

  private String needsText() {
    return needs.stream().map(Need::label).collect(Collectors.joining(", "));
  }

  private String word() {
    return on ? "on" : "off";
  }

  /** Names of all signals, in the catalogue's order. */
  public static List<String> names() {
    return Arrays.stream(values()).map(SignalCatalogue::signal).toList();
  }
}
