"""Prints the literals of StratifiedSplitTest: every relabelling within strata, enumerated.

Run: python3 stratified_split_oracle.py   (numpy)
"""

import itertools

import numpy as np


def labellings(train, holdout):
    """Every array of labels (1 = train) with these numbers in each stratum, units of train first."""
    train_start = np.cumsum([0] + list(train))
    holdout_start = sum(train) + np.cumsum([0] + list(holdout))
    members = [
        list(range(train_start[c], train_start[c + 1]))
        + list(range(holdout_start[c], holdout_start[c + 1]))
        for c in range(len(train))
    ]
    choices = [itertools.combinations(m, n) for m, n in zip(members, train)]
    for chosen in itertools.product(*choices):
        labels = np.zeros(sum(train) + sum(holdout))
        labels[[i for c in chosen for i in c]] = 1
        yield labels


def affinity(train, holdout, hits):
    h = np.array(hits, float) / sum(hits)
    shares = np.array([labels @ h for labels in labellings(train, holdout)])
    found = h[: sum(train)].sum()
    print("labellings", len(shares))
    print("A", repr(found))
    print("E", repr(shares.mean()))
    print("sd", repr(shares.std()))
    print("kappa", repr((found - shares.mean()) / (1 - shares.mean())))
    print("p", repr((shares >= found - 1e-9).mean()))


def check(train, holdout, units, nearest):
    units = np.array(units)
    neighbours = units[np.array(nearest)]
    assert (units != neighbours).all()

    def shares(labels):
        mine, theirs = labels[units], labels[neighbours]
        return (mine * theirs).sum() / mine.sum(), ((1 - mine) * (1 - theirs)).sum() / (1 - mine).sum()

    drawn = np.array([shares(labels) for labels in labellings(train, holdout)])
    found = np.array(shares(np.array([1.0] * sum(train) + [0.0] * sum(holdout))))
    mean, deviation = drawn.mean(0), drawn.std(0)
    z = (found - mean) / deviation
    worst = np.abs((drawn - mean) / deviation).max(1)
    print("labellings", len(drawn))
    print("T", found.tolist(), "z", z.tolist())
    print("p", repr((worst >= np.abs(z).max() - 1e-9).mean()))


if __name__ == "__main__":
    affinity([4, 2], [2, 3], [5, 4, 3, 0, 2, 1, 1, 0, 0, 1, 3])
    # Points of units 0 to 8; 5 of train, the first 3 in the first stratum, and 4 of the hold-out.
    check(
        [3, 2],
        [2, 2],
        [0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8],
        [2, 5, 0, 5, 1, 3, 8, 8, 7, 11, 12, 9, 14, 8, 12],
    )
