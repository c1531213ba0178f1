"""Fixtures of the tests of io.diffuscope.statistics, computed by numpy, scipy and scikit-learn.

Run: python3 make_statistics_fixtures.py    (numpy; scipy and scikit-learn for some; writes into src/test/resources)
"""
import json
import pathlib

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

OUT = pathlib.Path(__file__).resolve().parents[1] / "resources/io/diffuscope/statistics"


def write(name, value):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def spikiness(h):
    """By other routes than the formulas: Gini as a mean absolute difference, kurtosis by scipy."""
    a, p = np.abs(h), len(h)
    return {
        "h": h.tolist(),
        "standardDeviation": float(np.std(h)),
        "coefficientOfVariation": float(stats.variation(h)),
        "hoyer": float((np.sqrt(p) - np.linalg.norm(h, 1) / np.linalg.norm(h)) / (np.sqrt(p) - 1)),
        "l4OverL2": float(np.linalg.norm(h, 4) / np.linalg.norm(h, 2)),
        "participationRatio": float(1 / np.sum((h**2 / np.sum(h**2)) ** 2)),
        "gini": float(np.abs(a[:, None] - a[None, :]).mean() / (2 * a.mean())),
        "excessKurtosis": float(stats.kurtosis(h)),
        "maxOverMean": float(a.max() / a.mean()),
    }


def ranks():
    rng = np.random.default_rng(2)
    cases = []
    for m, n, step, shift in [(10, 12, 0, 1), (15, 200, 0, 0.3), (40, 25, 1, 0.7), (30, 30, 2, 0), (12, 12, 0, 9)]:
        x, y = rng.normal(shift, 1, m), rng.normal(0, 1, n)
        if step:
            x, y = np.round(x * step) / step, np.round(y * step) / step
        x, y = np.round(x, 4), np.round(y, 4)
        value = roc_auc_score(np.r_[np.ones(m), np.zeros(n)], np.r_[x, y])
        cases.append({"positives": x.tolist(), "negatives": y.tolist(), "auroc": float(value)})
    pairs = []
    for n, slope, step in [(10, 0.5, 0), (50, -0.8, 0), (120, 0.2, 1), (25, 5, 2)]:
        x = rng.normal(size=n)
        y = slope * x + rng.normal(size=n)
        if step:
            x, y = np.round(x * step) / step, np.round(y * step) / step
        x, y = np.round(x, 4), np.round(y, 4)
        pairs.append({"x": x.tolist(), "y": y.tolist(), "spearman": float(stats.spearmanr(x, y)[0])})
    return {"auroc": cases, "spearman": pairs}


def probes():
    """Three classes with 12 features; SNR and projections by numpy's full SVD, weights by scikit-learn."""
    rng = np.random.default_rng(3)
    classes, f, n, m, r = 3, 12, 60, 40, 2
    bases = [np.linalg.qr(rng.normal(size=(f, r)))[0] for _ in range(classes)]

    def draw(count):
        labels = rng.integers(0, classes, count)
        x = np.stack([bases[k] @ rng.normal(size=r) for k in labels]) + 0.35 * rng.normal(size=(count, f)) + 0.2
        return np.round(x, 4), labels

    (x, y), (tx, ty) = draw(n), draw(m)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    mean = unit.mean(0)
    h, th = unit - mean, tx / np.linalg.norm(tx, axis=1, keepdims=True) - mean
    v = [np.linalg.svd(h[y == k])[2][:r].T for k in range(classes)]
    ratios = []
    for k in range(classes):
        p = h[y == k] @ v[k] @ v[k].T
        ratios.append(np.mean((p**2).sum(1)) / np.mean(((h[y == k] - p) ** 2).sum(1)))
    guess = np.argmax([np.linalg.norm(th @ vk, axis=1) for vk in v], axis=0)
    model = LogisticRegression(C=5, tol=1e-12, max_iter=100000).fit(h, y)
    return {
        "train": x.tolist(), "trainLabels": y.tolist(), "test": tx.tolist(), "testLabels": ty.tolist(),
        "dimension": r, "snr": float(np.mean(ratios)), "projectionCorrect": (guess == ty).astype(int).tolist(),
        "c": 5, "coefficients": model.coef_.tolist(), "intercepts": model.intercept_.tolist(),
        "logisticCorrect": (model.predict(th) == ty).astype(int).tolist(),
    }


def distances():
    """Kernel distance and PRDC by whole matrices; ICR by numpy's inverse."""
    rng = np.random.default_rng(4)
    d, block, holdout = 6, 12, 30
    blocks = [np.round(rng.normal(0.2, 1, (block, d)), 3) for _ in range(3)]
    y = np.round(rng.normal(size=(holdout, d)), 3)
    kernel = lambda a, b: (a @ b.T / d + 1) ** 3
    off = lambda k: (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))
    kid = np.mean([off(kernel(x, x)) - 2 * kernel(x, y).mean() + off(kernel(y, y)) for x in blocks])

    fake, k = np.concatenate(blocks), 5
    cdist = lambda a, b: np.linalg.norm(a[:, None] - b[None, :], axis=2)
    radius = lambda a: np.sort(cdist(a, a), axis=1)[:, k]  # column 0 is the point itself
    dist, real_radius, fake_radius = cdist(y, fake), radius(y), radius(fake)

    n, f, ridge = 50, 5, 0.01
    signal = rng.normal(size=(n, f)) @ rng.normal(size=(f, f))
    h1, h2 = (np.round(signal + 3 + 0.7 * rng.normal(size=(n, f)), 4) for _ in range(2))
    e, t = np.cov((h1 - h2).T), np.cov(((h1 + h2) / 2).T)
    xi, s = e / 2, t - e / 4
    xi = xi + ridge * np.trace(xi) / f * np.eye(f)
    return {
        "blocks": [x.tolist() for x in blocks], "holdout": y.tolist(), "kernelDistance": float(kid),
        "neighbours": k,
        "precision": float((dist < real_radius[:, None]).any(0).mean()),
        "recall": float((dist < fake_radius[None, :]).any(1).mean()),
        "density": float((dist < real_radius[:, None]).sum(0).mean() / k),
        "coverage": float((dist.min(1) < real_radius).mean()),
        "views": [h1.tolist(), h2.tolist()], "ridge": ridge,
        "icr": float(1 / (1 + np.trace(np.linalg.inv(xi) @ s) / f)),
    }


if __name__ == "__main__":
    rng = np.random.default_rng(1)
    vectors = [rng.normal(size=40), np.maximum(rng.normal(size=64), 0), rng.exponential(size=30) + 1, rng.standard_t(2, 50)]
    write("spikiness.json", [spikiness(np.round(v, 5)) for v in vectors])
    write("ranks.json", ranks())
    write("probes.json", probes())
    write("distances.json", distances())
