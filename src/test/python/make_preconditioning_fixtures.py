#!/usr/bin/python3
"""Makes the fixture of io.diffuscope.model.PreconditioningTest.

    /usr/bin/python3 src/test/python/make_preconditioning_fixtures.py

Needs NumPy. The file is committed.

preconditioning.json   what each kind of network is asked for, and what it should answer, for Gaussian data: by
                       definition of its training target, not by any preconditioning's coefficients. Data are
                       independent N(mean, variance) in each of three dimensions; the network is the exact
                       conditional expectation of its target given its input, and the denoiser is the exact
                       posterior mean.
"""
import json
import math
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "resources" / "io" / "diffuscope" / "model"
MEAN = np.array([0.3, -1.0, 0.0])
VARIANCE = np.array([0.25, 1e-3, 2.0])
SIGMAS = [0.02, 0.1, 0.5, 1.0, 3.0, 20.0, 80.0]


def conditional(a, b, input):
    """E[x0 | input] and E[eps | input] for input = a x0 + b eps, x0 ~ N(MEAN, VARIANCE), eps ~ N(0, 1)."""
    total = a * a * VARIANCE + b * b
    rest = (input - a * MEAN) / total
    return MEAN + a * VARIANCE * rest, b * rest


def cosine_sigmas(count):
    """alpha_bar by the cosine, beta clipped at 0.999."""
    bar = lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    beta = [min(1 - bar((t + 1) / count) / bar(t / count), 0.999) for t in range(count)]
    kept = np.cumprod(1 - np.array(beta))
    return np.sqrt((1 - kept) / kept)


def linear_sigmas(count, start, end):
    kept = np.cumprod(1 - np.linspace(start, end, count))
    return np.sqrt((1 - kept) / kept)


def iddpm_levels(steps=1000, c1=0.001, c2=0.008):
    """u_j of table 1 of Karras et al. 2022, by its recursion."""
    bar = lambda j: math.sin(0.5 * math.pi * j / steps / (c2 + 1)) ** 2
    u = np.zeros(steps + 1)
    for j in range(steps, 0, -1):
        u[j - 1] = math.sqrt((u[j] ** 2 + 1) / max(bar(j - 1) / bar(j), c1) - 1)
    return u


def fractional(sigmas, sigma):
    """The timestep by linear interpolation in log sigma, the ends beyond them."""
    return float(np.interp(math.log(sigma), np.log(sigmas), np.arange(len(sigmas))))


def vp_time(sigma, low=0.0, high=1.0):
    """The time of the VP process whose noise level this is, by bisection: exp of the integrated beta, minus 1."""
    level = lambda t: math.sqrt(math.expm1(0.1 * t + 19.9 * t * t / 2))
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if level(middle) < sigma else (low, middle)
    return (low + high) / 2


def cases():
    rng = np.random.default_rng(7)
    linear = linear_sigmas(1000, 1e-4, 0.02)
    cosine = cosine_sigmas(1000)
    u = iddpm_levels()
    for sigma in SIGMAS:
        x = MEAN + np.sqrt(VARIANCE + sigma**2) * rng.standard_normal((4, 3))
        root = math.sqrt(1 + sigma**2)
        # Input of variance-preserving networks: a x0 + b eps with a^2 + b^2 = 1.
        a, b = 1 / root, sigma / root
        x0, eps = conditional(a, b, x / root)
        straight_a, straight_b = 1 / (1 + sigma), sigma / (1 + sigma)
        straight_x0, straight_eps = conditional(straight_a, straight_b, x / (1 + sigma))
        raw_x0, raw_eps = conditional(1.0, sigma, x)
        edm_skip = 0.25 / (sigma**2 + 0.25)
        # EDM's target by equation 8: (y - c_skip (y + n)) / c_out, with unit variance input.
        edm = (raw_x0 - edm_skip * x) / (sigma * 0.5 / math.sqrt(sigma**2 + 0.25))
        diffusers = {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}
        table = [
            ("edm", {"sigma_data": 0.5}, x / math.sqrt(sigma**2 + 0.25), math.log(sigma) / 4, edm),
            ("vp", {}, x / root, 999 * vp_time(sigma), eps),
            # The score times sigma, whose label is that of table 1.
            ("ve", {}, x, math.log(0.5 * sigma), -raw_eps),
            ("iddpm", {}, x / root, 999 - int(np.abs(u - sigma).argmin()), eps),
            ("iddpm", {"round_timesteps": False}, x / root, fractional(cosine, sigma), eps),
            ("epsilon", {"schedule": diffusers}, x / root, fractional(linear, sigma), eps),
            ("epsilon", {"schedule": {"beta_schedule": "squaredcos_cap_v2"}, "timestep_scale": 0.001}, x / root,
             fractional(cosine, sigma) * 0.001, eps),
            ("epsilon", {"schedule": diffusers, "round_timesteps": True}, x / root,
             float(np.abs(linear - sigma).argmin()), eps),
            ("v_prediction", {"schedule": diffusers}, x / root, fractional(linear, sigma), a * eps - b * x0),
            ("sample", {"schedule": diffusers}, x / root, fractional(linear, sigma), x0),
            ("flow_matching", {}, x / (1 + sigma), straight_b, straight_eps - straight_x0),
            ("flow_matching", {"schedule": {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}},
             x / (1 + sigma), 1000 * straight_b, straight_eps - straight_x0),
            ("flow_matching", {"flow_direction": "noise_to_data", "timestep_scale": 7}, x / (1 + sigma),
             7 * straight_a, straight_x0 - straight_eps),
            ("denoiser", {}, x, sigma, raw_x0),
        ]
        for name, more, input, label, output in table:
            yield {
                "settings": {"preconditioning": name, "shape": [3], **more},
                "sigma": sigma,
                "x": x.ravel().tolist(),
                "input": np.asarray(input).ravel().tolist(),
                "noise_label": label,
                "output": np.asarray(output).ravel().tolist(),
                "denoised": raw_x0.ravel().tolist(),
            }


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    content = {"mean": MEAN.tolist(), "variance": VARIANCE.tolist(), "cases": list(cases())}
    (TARGET / "preconditioning.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
