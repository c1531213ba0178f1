#!/usr/bin/python3
"""Measures one checkpoint a second time, outside Java: what `diffuscope evaluate` should print.

    /usr/bin/python3 cross_check.py CHECKPOINT --template NET.pt --train X.npy --noise NOISE.npy
        [--holdout Y.npy] [--teacher MIXTURE.npz] [--ode-steps K] [--samples M] [--batch-size B]
        [--seed S]

Needs PyTorch (1.13 or newer) and NumPy only; shares no code with the monitor, reads safetensors by hand, and
prefers the plainest formula to the fastest: all pairs of points by differences, a mixture's posterior with full
covariances, a permutation test that shuffles the labels. Prints one JSON object: what it was computed with, and
`estimates`, one object per number, in the field names of `evaluate --format jsonl`. `hits` is beside shares of
samples; p_value is a Monte-Carlo value of its own and comparable in its order of magnitude only.

Everything is float64 but the network, which runs in the float32 that its checkpoint is in.
"""
import argparse
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
import torch

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0
GAP_SIGMAS, GAP_DRAWS = (0.1, 0.2, 0.5, 1.0), 4
DENOISING = 2  # the noise stream of the denoising loss
RELABELLINGS = 20_000
BALL_NEIGHBOURS = 5
Z95, DECISION_Z = 1.959963984540054, 3.09


# ------------------------------------------------------------------------------------------------------------ files


def read_safetensors(path):
    """Float32 tensors by name: a little-endian length, a JSON header of that length, then the bytes."""
    raw = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    body = raw[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", f"{name} is {entry['dtype']}"
        begin, end = entry["data_offsets"]
        values = np.frombuffer(body[begin:end], dtype="<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


def read_points(path, size):
    points = np.load(path).astype(np.float64)
    return points.reshape(len(points), size)


# ------------------------------------------------------------------------------------------------------- denoisers


def load_network(template, checkpoint):
    """The EDM denoiser of a template with a checkpoint's weights, and the shape of one point."""
    extra = {"diffuscope.json": ""}
    network = torch.jit.load(str(template), map_location="cpu", _extra_files=extra)
    settings = json.loads(extra["diffuscope.json"])
    assert settings["preconditioning"] == "edm"
    sigma_data, shape = settings["sigma_data"], settings["shape"]
    weights = read_safetensors(checkpoint)
    parameters = dict(network.named_parameters())
    assert parameters.keys() == weights.keys(), "names differ"
    with torch.no_grad():
        for name, parameter in parameters.items():
            assert parameter.shape == weights[name].shape, name
            parameter.copy_(weights[name])
    network.eval()

    def denoise(x, sigma):
        total = sigma**2 + sigma_data**2
        c_skip = sigma_data**2 / total
        c_out = sigma * sigma_data / math.sqrt(total)
        c_in = 1 / math.sqrt(total)
        scaled = torch.from_numpy((c_in * x).astype(np.float32)).reshape(len(x), *shape)
        label = torch.full((len(x),), math.log(sigma) / 4, dtype=torch.float32)
        with torch.no_grad():
            raw = network(scaled, label)
        return c_skip * x + c_out * raw.reshape(x.shape).numpy().astype(np.float64)

    return denoise, shape


def all_squared_distances(x, points):
    """[len(x), len(points)], from differences."""
    return ((x[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def empirical_denoiser(points):
    """E[x0 | x] for x0 uniform over the points."""
    return lambda x, sigma: softmax(-all_squared_distances(x, points) / (2 * sigma**2)) @ points


def mixture_denoiser(path):
    """E[x0 | x] of a Gaussian mixture, by solving with each component's full covariance."""
    file = np.load(path)
    weights, means, bases = file["weights"], file["means"], file["bases"]
    variances, residual = file["variances"], file["residual_variance"]
    d = means.shape[1]
    covariances = [
        (u * v) @ u.T + s * (np.eye(d) - u @ u.T) for u, v, s in zip(bases, variances, residual)
    ]

    def denoise(x, sigma):
        logits, posteriors = [], []
        for weight, mean, covariance in zip(weights, means, covariances):
            noisy = covariance + sigma**2 * np.eye(d)
            solved = np.linalg.solve(noisy, (x - mean).T).T
            _, log_determinant = np.linalg.slogdet(noisy)
            logits.append(math.log(weight) - (log_determinant + ((x - mean) * solved).sum(axis=1)) / 2)
            posteriors.append(mean + solved @ covariance)
        gamma = softmax(np.stack(logits, axis=1))
        return np.einsum("nk,knd->nd", gamma, np.stack(posteriors))

    return denoise


# ------------------------------------------------------------------------------------------------ probability flow


def heun(denoise, noise, steps):
    """Karras et al. 2022, algorithm 1, from sigma_max * noise to 0."""
    ramp = np.arange(steps) / (steps - 1)
    sigmas = (SIGMA_MAX ** (1 / RHO) + ramp * (SIGMA_MIN ** (1 / RHO) - SIGMA_MAX ** (1 / RHO))) ** RHO
    sigmas = [float(s) for s in sigmas] + [0.0]
    x = noise * sigmas[0]
    for now, then in zip(sigmas[:-1], sigmas[1:]):
        slope = (x - denoise(x, now)) / now
        trial = x + (then - now) * slope
        if then > 0:
            slope = (slope + (trial - denoise(trial, then)) / then) / 2
        x = x + (then - now) * slope
    return x


# ----------------------------------------------------------------------------------------------------------- noise


def philox4x32(counter, key):
    """Philox4x32-10 of Salmon et al. 2011 on Python integers."""
    mask = 0xFFFFFFFF
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & mask, (p0 >> 32) ^ c3 ^ k1, p0 & mask
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c0, c1, c2, c3


# The known answers that come with the authors' Random123 library.
assert philox4x32((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
assert philox4x32(
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)
) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


def gaussian_noise(seed, purpose, index, length):
    """Normal numbers as a function of (seed, purpose, index): Box-Muller on the words of Philox."""
    key = (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF)
    numbers = []
    for block in range((length + 3) // 4):
        words = philox4x32((block, index & 0xFFFFFFFF, index >> 32, purpose), key)
        for a, b in ((words[0], words[1]), (words[2], words[3])):
            radius = math.sqrt(-2 * math.log((a + 0.5) / 2**32))
            angle = 2 * math.pi * (b + 0.5) / 2**32
            numbers += [radius * math.cos(angle), radius * math.sin(angle)]
    return np.array(numbers[:length])


# --------------------------------------------------------------------------------------------------------- geometry


def duplicate_groups(points):
    """Label of each point's duplicate group, and the distance below which points are duplicates.

    The distance is a third of the median nearest-neighbour distance, equal points not counting as neighbours.
    """
    distances = np.sqrt(all_squared_distances(points, points))
    nearest = np.sort(np.where(distances > 0, distances, np.inf).min(axis=1))
    radius = nearest[len(nearest) // 2] / 3
    labels = np.arange(len(points))
    changed = True
    while changed:
        changed = False
        for i, j in zip(*np.nonzero(distances < radius)):
            if labels[i] > labels[j]:
                labels[i] = labels[j]
                changed = True
    return labels, radius


def ratios_to(points, groups, x):
    """d1/d2 of each x, d2 to the nearest point outside the nearest one's group; and the nearest one."""
    distances = np.sqrt(all_squared_distances(x, points))
    nearest = distances.argmin(axis=1)
    same_group = groups[None, :] == groups[nearest][:, None]
    second = np.where(same_group, np.inf, distances).min(axis=1)
    return distances.min(axis=1) / second, nearest


# ------------------------------------------------------------------------------------------------------- statistics


def wilson(hits, trials):
    """The shares p0 with |p - p0| <= z sqrt(p0 (1 - p0) / n), as the roots of a quadratic."""
    p, z2 = hits / trials, Z95**2
    lower, upper = sorted(np.roots([trials + z2, -(2 * trials * p + z2), trials * p**2]).real)
    return max(0.0, lower), min(1.0, upper)


def root_mean_square(squared):
    root = math.sqrt(squared.mean())
    error = squared.std(ddof=1) / (2 * root * math.sqrt(len(squared)))
    return {"value": root, "standard_error": error}


def share(hits, trials):
    p = hits / trials
    lower, upper = wilson(hits, trials)
    error = math.sqrt(p * (1 - p) / trials)
    return {"value": p, "standard_error": error, "lower": lower, "upper": upper, "hits": int(hits)}


def affinity(train_hits, holdout_hits, generator):
    """Section 1 of the project's statistics: share, excess, bounds, z, permutation p-value."""
    n_t, n_h = len(train_hits), len(holdout_hits)
    n, m = n_t + n_h, int(train_hits.sum() + holdout_hits.sum())
    p = n_t / n
    h = np.concatenate([train_hits, holdout_hits]) / m
    a = h[:n_t].sum()

    def side(hits, size, total):
        return size / (size - 1) * (((hits**2).sum() / total**2 if total > 0 else 1) - 1 / size)

    clipped = min(max(a, 1 / (2 * m)), 1 - 1 / (2 * m))
    v = max(side(h[:n_t], n_t, a) + side(h[n_t:], n_h, 1 - a), 1 / (m * clipped * (1 - clipped)))

    def bound(z):
        return 1 / (1 + math.exp(-(math.log(clipped / (1 - clipped)) + z * math.sqrt(v))))

    deviation = math.sqrt(p * (1 - p) * n / (n - 1) * ((h**2).sum() - 1 / n))
    error = clipped * (1 - clipped) * math.sqrt(v)
    labels = np.arange(n) < n_t
    at_or_above = sum(h[generator.permutation(labels)].sum() >= a - 1e-12 for _ in range(RELABELLINGS))
    lower, upper = min(a, bound(-Z95)), max(a, bound(Z95))
    excess = lambda x: (x - p) / (1 - p)
    return [
        ("share", {"value": a, "standard_error": error, "lower": lower, "upper": upper, "hits": float(train_hits.sum())}),
        ("excess", {"value": excess(a), "standard_error": error / (1 - p), "lower": excess(lower), "upper": excess(upper)}),
        ("excess_decision_lower", {"value": excess(min(a, bound(-DECISION_Z), max(0, a - DECISION_Z * deviation)))}),
        ("excess_decision_upper", {"value": excess(max(a, bound(DECISION_Z), min(1, a + DECISION_Z * deviation)))}),
        ("z", {"value": (a - p) / deviation}),
        ("p_value", {"value": (1 + at_or_above) / (RELABELLINGS + 1)}),
        ("effective_neighbours", {"value": 1 / (h**2).sum()}),
    ]


def kernel_distance(samples, points, block_rows):
    """The unbiased squared MMD of Binkowski et al. 2018 (their cubic kernel), block by block of the samples.

    The error is over the samples alone, at these points: that of the mean of 2 (a - b), where a is a sample's mean
    kernel with the others of its block and b that with the points.
    """
    d = samples.shape[1]
    kernel = lambda x, y: ((x[:, None, :] * y[None, :, :]).sum(axis=2) / d + 1) ** 3
    among_points = kernel(points, points)
    different = ~np.eye(len(points), dtype=bool)
    values, sizes, slopes = [], [], []
    for first in range(0, len(samples), block_rows):
        x = samples[first : first + block_rows]
        if len(x) < 2:
            continue
        among, across = kernel(x, x), kernel(x, points)
        others = ~np.eye(len(x), dtype=bool)
        values.append(among[others].mean() - 2 * across.mean() + among_points[different].mean())
        sizes.append(len(x))
        slopes += [2 * (among[i, others[i]].mean() - across[i].mean()) for i in range(len(x))]
    return {"value": np.average(values, weights=sizes), "standard_error": np.std(slopes, ddof=1) / math.sqrt(len(slopes))}


def balls(samples, points):
    """Which samples lie within which point's open ball, [samples, points]; a ball reaches to a point's k-th neighbour."""
    among = np.sqrt(all_squared_distances(points, points))
    radii = [np.sort(np.delete(row, i))[BALL_NEIGHBOURS - 1] for i, row in enumerate(among)]
    return np.sqrt(all_squared_distances(samples, points)) < np.array(radii)


def denoising_losses(denoise, points, sigma, seed):
    """Loss of each point, averaged over its draws; the i-th point of either set has the same noises."""
    d = points.shape[1]
    rows = [gaussian_noise(seed, DENOISING, i, d) for i in range(len(points) * GAP_DRAWS)]
    clean = np.repeat(points, GAP_DRAWS, axis=0)
    error = denoise(clean + sigma * np.stack(rows), sigma) - clean
    return ((error**2).sum(axis=1) / (d * sigma**2)).reshape(-1, GAP_DRAWS).mean(axis=1)


# ------------------------------------------------------------------------------------------------------------- main


def measure(arguments):
    denoise, shape = load_network(arguments.template, arguments.checkpoint)
    size = math.prod(shape)
    train, noise = read_points(arguments.train, size), read_points(arguments.noise, size)
    noise = noise[: arguments.samples]
    m = len(noise)
    flow = lambda denoiser: heun(denoiser, noise, arguments.ode_steps)
    samples, empirical = flow(denoise), flow(empirical_denoiser(train))
    estimates = []

    def add(signal, reference, statistic, sigma, numbers):
        estimates.append({"signal": signal, "reference": reference, "statistic": statistic, "sigma": sigma, **numbers})

    def add_distance(reference, endpoints):
        squared = ((samples - endpoints) ** 2).sum(axis=1)
        add("pfd", reference, "rms", None, root_mean_square(squared))
        add("pfd", reference, "mean", None, {"value": np.sqrt(squared).mean()})
        add("pfd", reference, "mean_square", None, {"value": squared.mean()})
        add("pfd", reference, "max_pair_share", None, {"value": squared.max() / squared.sum()})

    add_distance("train", empirical)
    groups, radius = duplicate_groups(train)
    ratios, nearest = ratios_to(train, groups, samples)
    _, empirical_nearest = ratios_to(train, groups, empirical)
    add("pfd", "train", "same_point", None, share((groups[nearest] == groups[empirical_nearest]).sum(), m))
    for statistic, threshold in (("share", 1 / 3), ("share_half", 1 / 2), ("share_quarter", 1 / 4)):
        add("nearest_ratio", "train", statistic, None, share((ratios < threshold).sum(), m))

    if arguments.holdout:
        holdout = read_points(arguments.holdout, size)
        holdout_endpoints = flow(empirical_denoiser(holdout))
        add_distance("holdout", holdout_endpoints)
        add("pfd", "train", "ruler", None, root_mean_square(((empirical - holdout_endpoints) ** 2).sum(axis=1)))

        # Hold-out points with a duplicate in the training set do not count as independent of it, and one of those that
        # equal each other is enough. The control counts near copies, so it leaves out exact ones only.
        to_train = np.sqrt(all_squared_distances(holdout, train)).min(axis=1)
        first_of_equals = np.zeros(len(holdout), dtype=bool)
        first_of_equals[np.unique(holdout, axis=0, return_index=True)[1]] = True
        compared = holdout[(to_train >= radius) & first_of_equals]
        control_ratios, _ = ratios_to(train, groups, holdout[to_train > 0])
        ours, control = share((ratios < 1 / 3).sum(), m), share((control_ratios < 1 / 3).sum(), len(control_ratios))
        add("nearest_ratio", "train", "control", None, control)
        # Newcombe 1998, method 10.
        value = ours["value"] - control["value"]
        down = math.hypot(ours["value"] - ours["lower"], control["upper"] - control["value"])
        up = math.hypot(ours["upper"] - ours["value"], control["value"] - control["lower"])
        add("nearest_ratio", "train", "excess", None, {"value": value, "lower": value - down, "upper": value + up})

        pooled = all_squared_distances(samples, np.concatenate([train, compared]))
        hits = np.bincount(pooled.argmin(axis=1), minlength=pooled.shape[1]).astype(float)
        generator = np.random.default_rng(arguments.seed)
        # A group of duplicates is one training point.
        distinct, position = np.unique(groups, return_inverse=True)
        assert len(compared) <= len(distinct), "a random part of a larger hold-out set is not reproduced here"
        train_hits = np.bincount(position, weights=hits[: len(train)], minlength=len(distinct))
        for statistic, numbers in affinity(train_hits, hits[len(train) :], generator):
            add("train_affinity", None, statistic, None, numbers)

        add("fidelity", "holdout", "kernel_distance", None, kernel_distance(samples, compared, arguments.batch_size))
        inside = balls(samples, compared)
        density = inside.sum(axis=1) / BALL_NEIGHBOURS
        error = density.std(ddof=1) / math.sqrt(m)
        add("fidelity", "holdout", "precision", None, share(inside.any(axis=1).sum(), m))
        add("fidelity", "holdout", "density", None, {"value": density.mean(), "standard_error": error})
        add("fidelity", "holdout", "coverage", None, share(inside.any(axis=0).sum(), len(compared)))

        for sigma in GAP_SIGMAS:
            on_train = denoising_losses(denoise, train, sigma, arguments.seed)
            on_holdout = denoising_losses(denoise, compared, sigma, arguments.seed)
            variances = on_train.var(ddof=1) / len(train), on_holdout.var(ddof=1) / len(compared)
            gap = {"value": on_holdout.mean() - on_train.mean(), "standard_error": math.sqrt(sum(variances))}
            add("denoising_gap", None, "gap", sigma, gap)
            for statistic, losses in (("train_loss", on_train), ("holdout_loss", on_holdout)):
                error = losses.std(ddof=1) / math.sqrt(len(losses))
                add("denoising_gap", None, statistic, sigma, {"value": losses.mean(), "standard_error": error})

    if arguments.teacher:
        add_distance("teacher", flow(mixture_denoiser(arguments.teacher)))
    return {
        "program": "cross_check.py",
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "numpy": np.__version__,
        "ode_steps": arguments.ode_steps,
        "batch_size": arguments.batch_size,
        "seed": arguments.seed,
        "samples": m,
        "estimates": estimates,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    for required in ("--template", "--train", "--noise"):
        parser.add_argument(required, required=True)
    parser.add_argument("--holdout")
    parser.add_argument("--teacher")
    parser.add_argument("--ode-steps", type=int, default=18)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    print(json.dumps(measure(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
