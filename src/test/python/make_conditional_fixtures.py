#!/usr/bin/python3
"""Makes what the tests of class-conditional and of latent models read (io.diffuscope.sampling).

    /usr/bin/python3 src/test/python/make_conditional_fixtures.py

Needs PyTorch (1.13 or newer) and NumPy. The files are committed.

conditional-memorizer.pt       TorchScript of the exact denoiser of the points of one class; points and their classes are its
                               parameters (zeros in the template), 3 classes, null label 3: all points;
                               -guided.pt the same with guidance 2, -without-null.pt the same without a null label;
                               conditional-memorizer.safetensors holds 30 points in 8 dimensions
conditional-train.npz          the same points with their labels; conditional-holdout.npz others, none of class 1
conditional-flows.npz          noise [24, 8], classes of the noises, and where their probability flows end (Heun, 18 steps from
                               80) over the points of that class alone, computed here with NumPy in float64
linear-decoder.pt              images [3, 2, 2] = 3 Q (latents / 0.5 + shift), Q with orthonormal columns: six times the distances;
                               shift_factor has one number for each of the 8 channels
one-image-decoder.pt           has the batch size 1 built in; nan-decoder.pt returns NaN above 0; bfloat16-decoder.pt;
zero-scale-decoder.pt          has the scaling_factor 0; zero-shift-decoder.pt no shift_factor
"""
import numpy as np
import torch
from torch import nn

import make_model_fixtures
from make_model_fixtures import TARGET, save_tensors

CLASSES, COUNT, SIZE, NOISES, STEPS = 3, 30, 8, 24, 18


class ConditionalMemorizer(nn.Module):
    def __init__(self, count: int, size: int):
        super().__init__()
        self.points = nn.Parameter(torch.zeros(count, size))
        self.classes = nn.Parameter(torch.zeros(count))

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor, class_label: torch.Tensor) -> torch.Tensor:
        points = self.points.double()
        difference = input.double().unsqueeze(1) - points.unsqueeze(0)
        sigma = noise_label.double().unsqueeze(1)
        logits = -0.5 * difference.square().sum(dim=2) / (sigma * sigma)
        wanted = class_label.unsqueeze(1)
        allowed = (self.classes.unsqueeze(0) == wanted) | (wanted == 3)
        logits = logits.masked_fill(~allowed, float("-inf"))
        return torch.matmul(torch.softmax(logits, dim=1), points).to(input.dtype)


class LinearDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        q, _ = np.linalg.qr(np.random.default_rng(5).standard_normal((12, SIZE)))
        self.weight = nn.Parameter(torch.from_numpy(3 * q.T).float())

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.matmul(latents, self.weight).reshape(-1, 3, 2, 2)


class OneImageDecoder(LinearDecoder):
    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.matmul(latents[0], self.weight).reshape(1, 3, 2, 2)


class NanDecoder(LinearDecoder):
    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.sqrt(-latents) * self.weight[0, 0]


def flow(noise, points):
    """Heun's rule on EDM's grid (Karras et al. 2022, algorithm 1 without noise), one point."""
    i = np.arange(STEPS)
    levels = (80 ** (1 / 7) + i / (STEPS - 1) * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    levels = np.append(levels, 0)

    def slope(x, sigma):
        logits = -((x - points) ** 2).sum(1) / (2 * sigma**2)
        weights = np.exp(logits - logits.max())
        return (x - weights @ points / weights.sum()) / sigma

    x = levels[0] * noise
    for now, then in zip(levels[:-1], levels[1:]):
        first = slope(x, now)
        euler = x + (then - now) * first
        x = euler if then == 0 else x + (then - now) * (first + slope(euler, then)) / 2
    return x


def main():
    torch.set_num_threads(1)
    random = np.random.default_rng(20261122)
    points = random.standard_normal((COUNT, SIZE)).astype(np.float32)
    labels = random.integers(0, CLASSES, COUNT)
    noise = random.standard_normal((NOISES, SIZE)).astype(np.float32)
    settings = {"preconditioning": "denoiser", "shape": [SIZE], "classes": CLASSES, "null_label": CLASSES}
    network = ConditionalMemorizer(COUNT, SIZE)
    make_model_fixtures.save("conditional-memorizer", network, settings)
    make_model_fixtures.save("conditional-memorizer-guided", network, dict(settings, guidance=2.0))
    without = {k: v for k, v in settings.items() if k != "null_label"}
    make_model_fixtures.save("conditional-memorizer-without-null", network, without)
    save_tensors("conditional-memorizer", {"points": torch.from_numpy(points), "classes": torch.from_numpy(labels).float()})

    np.savez(TARGET / "conditional-train.npz", points=points, labels=labels)
    others = random.standard_normal((COUNT, SIZE)).astype(np.float32)
    np.savez(TARGET / "conditional-holdout.npz", points=others, labels=2 * random.integers(0, 2, COUNT))
    wanted = np.arange(NOISES) % CLASSES
    ends = np.stack([flow(n.astype(np.float64), points[labels == c].astype(np.float64)) for n, c in zip(noise, wanted)])
    np.savez(TARGET / "conditional-flows.npz", noise=noise, classes=wanted, endpoints=ends)

    shift = [round(0.1 * i - 0.3, 1) for i in range(SIZE)]
    make_model_fixtures.save("linear-decoder", LinearDecoder(), {"scaling_factor": 0.5, "shift_factor": shift})
    make_model_fixtures.save("zero-shift-decoder", LinearDecoder(), {"scaling_factor": 0.5})
    make_model_fixtures.save("one-image-decoder", OneImageDecoder(), None)
    make_model_fixtures.save("nan-decoder", NanDecoder(), None)
    make_model_fixtures.save("bfloat16-decoder", LinearDecoder().bfloat16(), None)
    make_model_fixtures.save("zero-scale-decoder", LinearDecoder(), {"scaling_factor": 0})


if __name__ == "__main__":
    main()
