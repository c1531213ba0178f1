#!/usr/bin/python3
"""Makes neighbours.npz: sets of small images with duplicates, and what NumPy finds of samples' neighbours.

    /usr/bin/python3 src/test/python/make_neighbour_fixtures.py

Needs NumPy. The file is committed. Distances are in double precision, over all pairs; with the prefix "hflip_" they are
the smaller one of an image and its mirror image, and duplicates are found by them, too.

train [41, 48], holdout [24, 48], samples [20, 48]   images [3, 4, 4], flat, float32
duplicate_distance      a third of the median distance of a training image to the nearest one that does not equal it
groups [41]             of each training image the first one of its group: chains of images nearer than that
compared [k]            hold-out images that are no duplicate of a training image, one of each group
first, d1, second, d2   nearest training image of each sample, and nearest one outside of its group
near, dh                nearest hold-out image of those compared
"""
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parent.parent / "resources/io/diffuscope/sampling/neighbours.npz"
SHAPE = (3, 4, 4)


def mirrored(images):
    return images.reshape(-1, *SHAPE)[..., ::-1].reshape(len(images), -1)


def distances(a, b, flip):
    def plain(x, y):
        return np.sqrt(((x[:, None, :] - y[None, :, :]) ** 2).sum(-1))

    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.minimum(plain(a, b), plain(mirrored(a), b)) if flip else plain(a, b)


def groups(between, limit):
    label = np.arange(len(between))
    linked = (between < limit) | (between == 0)
    while True:
        smallest = np.array([label[linked[i]].min() for i in range(len(label))])
        if (smallest == label).all():
            return label
        label = smallest


def neighbours(train, holdout, samples, flip):
    within = distances(train, train, flip)
    other = np.where(within == 0, np.inf, within)
    limit = np.median(other.min(1)) / 3
    label = groups(within, limit)
    to_train = distances(holdout, train, flip).min(1)
    own = groups(distances(holdout, holdout, flip), limit)
    kept, seen = [], set()
    for i in range(len(holdout)):
        if to_train[i] >= limit and to_train[i] > 0 and own[i] not in seen:
            seen.add(own[i])
            kept.append(i)
    to = distances(samples, train, flip)
    first = to.argmin(1)
    outside = np.where(label[None, :] == label[first][:, None], np.inf, to)
    across = distances(samples, holdout[kept], flip)
    return {
        "duplicate_distance": limit,
        "groups": label,
        "compared": np.array(kept),
        "first": first,
        "d1": to.min(1),
        "second": outside.argmin(1),
        "d2": outside.min(1),
        "near": np.array(kept)[across.argmin(1)],
        "dh": across.min(1),
    }


def main():
    random = np.random.default_rng(11)
    # An odd number, so that there is one median.
    train, holdout = random.normal(size=(41, 48)), random.normal(size=(24, 48))
    train[7] = train[3]
    train[9] = train[3] + 0.02 * random.normal(size=48)
    train[12] = train[9] + 0.02 * random.normal(size=48)
    train[20] = mirrored(train[18:19])[0] + 0.02 * random.normal(size=48)
    holdout[2] = train[5] + 0.02 * random.normal(size=48)
    holdout[4] = mirrored(train[6:7])[0]
    holdout[6] = holdout[5] + 0.02 * random.normal(size=48)
    samples = random.normal(size=(20, 48))
    for i, near in enumerate((3, 7, 9, 12, 18, 20, 30)):
        samples[i] = train[near] + 0.05 * random.normal(size=48)
    samples[7] = mirrored(train[31:32])[0] + 0.05 * random.normal(size=48)
    samples[8] = mirrored(holdout[10:11])[0] + 0.05 * random.normal(size=48)
    sets = [points.astype(np.float32) for points in (train, holdout, samples)]
    arrays = dict(zip(("train", "holdout", "samples"), sets))
    for prefix, flip in (("", False), ("hflip_", True)):
        for name, values in neighbours(*sets, flip).items():
            values = np.atleast_1d(values)
            kind = np.int64 if values.dtype.kind == "i" else np.float64
            arrays[prefix + name] = values.astype(kind)
    np.savez(TARGET, **arrays)


main()
