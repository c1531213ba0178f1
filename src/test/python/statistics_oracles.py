"""Oracle values for the tests of io.diffuscope.statistics, written without looking at the Java code's shape.

Run: python3 statistics_oracles.py    (standard library only)

- Newcombe's interval: the Wilson limits by bisection of the score equation, not by the closed form.
- Train affinity: mean, standard deviation and p-value under relabelling by enumeration of every labelling.
- Hold-out check: mean and standard deviation of both counts by enumeration of every labelling.
"""
import itertools
import math
from fractions import Fraction

Z95 = 1.959963984540054


def bisect(f, low, high):
    sign = f(low) > 0
    for _ in range(200):
        middle = (low + high) / 2
        if (f(middle) > 0) == sign:
            low = middle
        else:
            high = middle
    return low


def score_limits(x, n, z=Z95):
    p = x / n

    def distance(q):
        return (p - q) ** 2 - z * z * q * (1 - q) / n

    lower = 0.0 if x == 0 else bisect(distance, 0.0, p)
    upper = 1.0 if x == n else bisect(distance, 1.0, p)
    return lower, upper


def newcombe(x1, n1, x2, n2):
    p1, p2 = x1 / n1, x2 / n2
    (l1, u1), (l2, u2) = score_limits(x1, n1), score_limits(x2, n2)
    d = p1 - p2
    return (d - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2), d + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2))


def affinity(train, holdout, z=3.09):
    """train, holdout: hits per point, exact Fractions or integers."""
    pool = list(train) + list(holdout)
    m, nt, nh = sum(pool), len(train), len(holdout)
    a, p = Fraction(sum(train), m), Fraction(nt, nt + nh)
    shares = [Fraction(sum(c)) / m for c in itertools.combinations(pool, nt)]
    mean = sum(shares, Fraction(0)) / len(shares)
    variance = sum((s - mean) ** 2 for s in shares) / len(shares)
    assert mean == p
    at_least = Fraction(sum(s >= a for s in shares), len(shares))
    sd = math.sqrt(variance)

    def side(hits):
        total, n = sum(hits), len(hits)
        q = Fraction(1) if total == 0 else sum(Fraction(h) ** 2 for h in hits) / Fraction(total) ** 2
        return Fraction(n, n - 1) * (q - Fraction(1, n))

    clipped = min(max(float(a), 1 / (2 * m)), 1 - 1 / (2 * m))
    v = max(float(side(train) + side(holdout)), 1 / (m * clipped * (1 - clipped)))
    logit = math.log(clipped) - math.log1p(-clipped)

    def bounds(width):
        return [1 / (1 + math.exp(-(logit + s * width * math.sqrt(v)))) for s in (-1, 1)]

    kappa = lambda share: (float(share) - float(p)) / (1 - float(p))
    low, high = bounds(Z95)
    dlow, dhigh = bounds(z)
    return dict(
        share=float(a), se=clipped * (1 - clipped) * math.sqrt(v), lower=low, upper=high,
        kappa=kappa(a), kappa_lower=kappa(low), kappa_upper=kappa(high),
        decision_lower=kappa(max(0, min(dlow, float(a) - z * sd))),
        decision_upper=kappa(min(1, max(dhigh, float(a) + z * sd))),
        sd=sd, z=(float(a) - float(p)) / sd, p=float(at_least),
        n_eff=float(1 / sum((Fraction(h) / m) ** 2 for h in pool)))


def holdout_check(nearest, nt):
    n = len(nearest)

    def count(chosen):
        return sum(1 for i in chosen if nearest[i] in chosen)

    everything = frozenset(range(n))
    counts = []
    for c in itertools.combinations(range(n), nt):
        chosen = frozenset(c)
        counts.append((count(chosen), count(everything - chosen)))

    def moments(k):
        values = [Fraction(c[k]) for c in counts]
        mean = sum(values) / len(values)
        return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))

    (mt, st), (mh, sh) = moments(0), moments(1)
    observed = counts[0]  # combinations() starts with the first nt points
    zt, zh = (observed[0] - float(mt)) / st, (observed[1] - float(mh)) / sh
    extreme = lambda c: max(abs((c[0] - float(mt)) / st), abs((c[1] - float(mh)) / sh))
    p = sum(extreme(c) >= max(abs(zt), abs(zh)) - 1e-9 for c in counts) / len(counts)
    return dict(t1=observed[0] / nt, t2=observed[1] / (n - nt), mean_t=float(mt), sd_t=st, mean_h=float(mh), sd_h=sh,
                z1=zt, z2=zh, p=p)


if __name__ == "__main__":
    print("newcombe")
    for case in [(56, 70, 48, 80), (9, 10, 3, 10), (6, 7, 2, 7), (5, 56, 0, 29), (0, 10, 0, 20), (0, 10, 0, 10),
                 (10, 10, 0, 20), (10, 10, 0, 10), (0, 1000, 0, 128), (24, 1000, 0, 128)]:
        print("   ", case, newcombe(*case))
    print("affinity")
    print("    5 0 3 2 | 1 0 1   ", affinity([5, 0, 3, 2], [1, 0, 1]))
    print("    9:2               ", affinity([4, 1, 2, 0, 3, 1, 5, 2, 1], [1, 0]))
    print("    all train         ", affinity([5, 4, 3], [0, 0, 0]))
    tie = Fraction(4, 7)
    print("    with a tie (1, 2) ", affinity([5, tie, 3, 2], [1, 0, 1 + (1 - tie)]))
    print("hold-out check")
    print("   ", holdout_check([1, 0, 1, 2, 5, 4, 4, 6, 9, 8], 6))
