"""Oracle values for the tests of io.diffuscope.model and io.diffuscope.sampling, by NumPy and SciPy alone.

    python3 src/test/python/probability_flow_oracles.py

- Philox4x32-10 and Box-Muller noise, written from the papers: committed as test resource philox-noise.csv.
- Probability flow distances of the oracle table (N(0,1), N(1,4), a bimodal mixture, 16 points), in one dimension by
  a midpoint rule over the noise's quantiles instead of random draws, so that no Monte-Carlo error is left: the flows
  are monotone in the noise. In two dimensions the flows of Gaussians are affine and three noises determine them.
"""
import math
from pathlib import Path

import numpy as np
from scipy.stats import norm

MASK = 0xFFFFFFFF
QUANTILES = 20_000
RESOURCES = Path(__file__).resolve().parents[1] / "resources" / "io" / "diffuscope" / "sampling"


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        left, right = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(right >> 32) ^ c[1] ^ k[0], right & MASK, (left >> 32) ^ c[3] ^ k[1], left & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def noise(seed, purpose, index, length):
    values = []
    block = 0
    while len(values) < length:
        words = philox([block, index & MASK, index >> 32, purpose], [seed & MASK, (seed >> 32) & MASK])
        for a, b in ((words[0], words[1]), (words[2], words[3])):
            radius = math.sqrt(-2 * math.log((a + 0.5) / 2**32))
            angle = 2 * math.pi * ((b + 0.5) / 2**32)
            values += [radius * math.cos(angle), radius * math.sin(angle)]
        block += 1
    return values[:length]


def write_noise():
    RESOURCES.mkdir(parents=True, exist_ok=True)
    lines = ["# seed,purpose,index,values... by src/test/python/probability_flow_oracles.py"]
    for seed in (0, 7, -1, 0x123456789ABCDEF):
        for purpose in (1, 2):
            for index in (0, 1, 1000, 2**33 + 5):
                lines.append(",".join([str(seed), str(purpose), str(index)] + [repr(v) for v in noise(seed, purpose, index, 7)]))
    (RESOURCES / "philox-noise.csv").write_text("\n".join(lines) + "\n")


def levels(steps, low=0.002, high=80.0, rho=7.0):
    i = np.arange(steps) / (steps - 1)
    return np.append((high ** (1 / rho) + i * (low ** (1 / rho) - high ** (1 / rho))) ** rho, 0.0)


def flow(denoiser, x, steps, heun):
    t = levels(steps)
    for a, b in zip(t[:-1], t[1:]):
        d = (x - denoiser(x, a)) / a
        y = x + (b - a) * d
        if heun and b > 0:
            y = x + (b - a) / 2 * (d + (y - denoiser(y, b)) / b)
        x = y
    return x


def mixture(weights, means, variances):
    w, m, v = map(np.asarray, (weights, means, variances))

    def denoiser(x, sigma):
        total = v + sigma**2
        logits = np.log(w) - np.log(total) / 2 - (x[:, None] - m) ** 2 / (2 * total)
        logits -= logits.max(axis=1, keepdims=True)
        gamma = np.exp(logits)
        gamma /= gamma.sum(axis=1, keepdims=True)
        return (gamma * (m + v / total * (x[:, None] - m))).sum(axis=1)

    return denoiser


def points(values):
    return mixture(np.full(len(values), 1 / len(values)), values, np.zeros(len(values)))


def gaussian(mean, covariance):
    mean = np.asarray(mean, float)

    def denoiser(x, sigma):
        gain = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(len(mean)))
        return mean + (x - mean) @ gain.T

    return denoiser


def main():
    write_noise()
    u = (np.arange(QUANTILES) + 0.5) / QUANTILES
    z = norm.ppf(u)
    sixteen = np.random.default_rng(0).standard_normal(16).astype(np.float32).astype(float)
    print("16 points:", ", ".join(repr(float(p)) for p in sixteen))
    normal = mixture([1], [0], [1])
    cases = {
        "N(0,1) vs N(1,4)": (normal, mixture([1], [1], [4])),
        "bimodal vs N(0,1)": (mixture([0.5, 0.5], [-2, 2], [0.25, 0.25]), normal),
        "16 points vs N(0,1)": (points(sixteen), normal),
    }
    for name, (p, q) in cases.items():
        row = []
        for steps, heun in ((18, True), (18, False), (40, True), (256, True)):
            difference = flow(p, 80 * z, steps, heun) - flow(q, 80 * z, steps, heun)
            row.append(f"{'Heun' if heun else 'Euler'}{steps} {math.sqrt((difference**2).mean()):.5f}")
        print(name, ", ".join(row))
    quantiles = np.sort(sixteen)[np.minimum((u * 16).astype(int), 15)]
    print("W2 of the 16 points to N(0,1):", math.sqrt(((quantiles - z) ** 2).mean()))

    s1 = np.diag([4, 0.25])
    turn = np.array([[1, -1], [1, 1]]) / math.sqrt(2)
    s2 = turn @ s1 @ turn.T
    p, q = gaussian([0, 0], s1), gaussian([1, 0], s2)
    basis = 80 * np.array([[0, 0], [1, 0], [0, 1]], float)
    for steps, heun in ((18, True), (18, False), (40, True), (256, True)):
        difference = flow(p, basis, steps, heun) - flow(q, basis, steps, heun)
        linear = difference[1:] - difference[0]
        value = math.sqrt((difference[0] ** 2).sum() + (linear**2).sum())
        print("2-D", f"{'Heun' if heun else 'Euler'}{steps} {value:.5f}")


if __name__ == "__main__":
    main()
