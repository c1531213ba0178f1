#!/usr/bin/env python3
"""Draws the curves of several runs over each other, from what `diffuscope evaluate --format jsonl` wrote.

    python plots.py OUT.png "N = 64=n64.jsonl" "N = 512=n512.jsonl" ...
"""
import json
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

PANELS = [
    ("denoising_gap at sigma 0.1", ("denoising_gap", None, "gap", 0.1), "linear"),
    ("hold-out denoising loss at sigma 0.1", ("denoising_gap", None, "holdout_loss", 0.1), "log"),
    ("pfd to holdout", ("pfd", "holdout", "rms", None), "linear"),
    ("train_affinity: excess", ("train_affinity", None, "excess", None), "linear"),
    ("nearest_ratio: share below 1/3", ("nearest_ratio", "train", "share", None), "linear"),
    ("gl: share of samples that are no copies", ("gl", "train", "share", None), "linear"),
    ("authenticity", ("authenticity", "train", "share", None), "linear"),
    ("raw spikiness (std) of generated images", ("spikiness", "generated", "std", None), "linear"),
    ("spikiness (std): AUROC train against hold-out", ("spikiness", "holdout", "std_auroc", None), "linear"),
    ("spikiness (L4/L2): AUROC train against hold-out", ("spikiness", "holdout", "l4_l2_auroc", None), "linear"),
    ("representation: peak accuracy", ("representation", None, "peak_accuracy", None), "linear"),
    ("representation: rise", ("representation", None, "rise", None), "linear"),
]


def main():
    out, *sources = sys.argv[1:]
    figure, axes = pyplot.subplots(4, 3, figsize=(13, 13), sharex=True, layout="constrained")
    for source in sources:
        name, file = source.rsplit("=", 1)
        curves = {}
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                curves.setdefault((row["signal"], row["reference"], row["statistic"], row["sigma"]), []).append(row)
        for axis, (_, key, _) in zip(axes.flat, PANELS):
            rows = sorted(curves.get(key, []), key=lambda row: row["step"])
            steps = [row["step"] for row in rows]
            (line,) = axis.plot(steps, [row["value"] for row in rows], label=name, lw=1.5)
            bounded = [row for row in rows if row["lower"] is not None and row["upper"] is not None]
            axis.fill_between([row["step"] for row in bounded], [row["lower"] for row in bounded],
                              [row["upper"] for row in bounded], color=line.get_color(), alpha=0.2, lw=0)
    for axis, (title, _, scale) in zip(axes.flat, PANELS):
        axis.set(title=title, xscale="log", yscale=scale)
        axis.title.set_fontsize(10)
        axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("training step")
    axes[0, 0].legend()
    figure.savefig(out, dpi=80)


if __name__ == "__main__":
    main()
