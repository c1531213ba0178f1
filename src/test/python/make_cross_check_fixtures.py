#!/usr/bin/python3
"""Makes the fixtures of EvaluateCrossCheckIT from what `diffuscope demo --keep DIR` left behind.

    /usr/bin/python3 src/test/python/make_cross_check_fixtures.py DIR

The files are committed; this program is needed only to change them. Beside the demo's 128 training points there are
near copies of the two that samples copy most, and beside 96 of its hold-out points one copy of a training point, so
that duplicate groups, left-out points and sets of unequal size all count in the expected numbers.
"""
import argparse
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import cross_check

HERE = Path(__file__).resolve().parent
RESOURCES = HERE.parent.parent / "main" / "resources" / "io" / "diffuscope" / "demo"
STEP = 10_000
SAMPLES = 200


def rounded_weights(raw):
    """The file with each float32 weight rounded to 8 significant bits: still a trained network, a third as large."""
    begin = 8 + int.from_bytes(raw[:8], "little")
    bits = np.frombuffer(raw[begin:], dtype="<u4").astype(np.uint64)
    return raw[:begin] + ((bits + 0x8000) & 0xFFFF0000).astype("<u4").tobytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="the folder given to demo --keep")
    parser.add_argument("--out", type=Path, default=HERE.parent / "resources/io/diffuscope/cli/cross-check")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(20261122)

    name = f"step-{STEP:06d}.safetensors"
    weights = rounded_weights((arguments.demo / "checkpoints" / name).read_bytes())
    checkpoint = out / name
    checkpoint.write_bytes(weights)
    noise = generator.standard_normal((SAMPLES, 64)).astype(np.float32)
    np.save(out / "noise.npy", noise)

    template = RESOURCES / "demo-network.pt"
    denoise, shape = cross_check.load_network(template, checkpoint)
    train = np.load(arguments.demo / "data" / "train.npy")
    flat = train.reshape(len(train), -1).astype(np.float64)
    ratios, nearest = cross_check.ratios_to(flat, np.arange(len(flat)), cross_check.heun(denoise, noise.astype(np.float64), 18))
    most_copied = np.bincount(nearest[ratios < 1 / 3], minlength=len(flat)).argsort()[::-1][:2]
    near_copies = train[most_copied] + 0.01 * generator.standard_normal((2, *shape))
    np.save(out / "train.npy", np.concatenate([train, near_copies]).astype(np.float32))
    holdout = np.load(arguments.demo / "data" / "holdout.npy")[:96]
    np.save(out / "holdout.npy", np.concatenate([holdout, train[5:6]]).astype(np.float32))

    # Unequal weights, ranks of variance and residuals, which the demo's own mixture does not have.
    bases = np.stack([np.linalg.qr(generator.standard_normal((64, 2)))[0] for _ in range(3)])
    np.savez(
        out / "mixture.npz",
        weights=np.array([0.6, 0.3, 0.1]),
        means=flat[[3, 40, 77]],
        bases=bases,
        variances=np.array([[2.0, 0.5], [1.0, 0.0], [0.3, 3.0]]),
        residual_variance=np.array([0.05, 0.2, 0.4]),
    )

    common = [str(checkpoint), "--template", str(template), "--train", str(out / "train.npy"), "--noise", str(out / "noise.npy")]
    cases = {
        "sets": ["--holdout", str(out / "holdout.npy"), "--teacher", str(out / "mixture.npz")],
        "teacher": ["--teacher", str(RESOURCES / "digits-mixture.npz"), "--ode-steps", "10"],
        "few": ["--holdout", str(out / "holdout.npy"), "--samples", "40", "--batch-size", "16"],
    }
    for case, options in cases.items():
        printed = subprocess.run([sys.executable, HERE / "cross_check.py", *common, *options], check=True, capture_output=True).stdout
        json.loads(printed)
        (out / f"expected-{case}.json").write_bytes(printed)
    (out / f"{name}.gz").write_bytes(gzip.compress(weights, mtime=0))
    checkpoint.unlink()


if __name__ == "__main__":
    main()
