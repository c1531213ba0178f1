#!/usr/bin/env python3
"""The experiment of experiments.md: a small convolutional network on drawn shapes, from memorization to generalization.

    python shapes.py OUT --train-size 64 --steps 6000

draws gray images of 32x32 (a disc, a square, a triangle or a cross, of any place, size, direction and contrast on a
shaded ground), trains a denoiser on N of them with the preconditioning and loss of EDM (Karras et al. 2022), and writes
`net.pt` (the graph), `train.npy`, `holdout.npy` with their labels, and `step-*.pt` at steps that grow by a quarter.
The images of a smaller N are the first of a larger one; the hold-out images are the same for all.
"""
import argparse
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "main" / "python"))
import diffuscope_export  # noqa: E402

SIDE = 32
CLASSES = 4
SIGMA_DATA = 0.5


def draw(count, seed):
    """Images [count, 1, 32, 32] in [-1, 1], and their classes."""
    random = np.random.default_rng(seed)
    fine = 4 * SIDE
    axis = (np.arange(fine) + 0.5) / fine * 2 - 1
    y, x = np.meshgrid(axis, axis, indexing="ij")
    images = np.empty((count, 1, SIDE, SIDE), dtype=np.float32)
    labels = random.integers(CLASSES, size=count)
    for i, label in enumerate(labels):
        cx, cy = random.uniform(-0.45, 0.45, size=2)
        size = random.uniform(0.25, 0.5)
        angle = random.uniform(0, 2 * np.pi)
        u = ((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) / size
        v = (-(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)) / size
        if label == 0:
            inside = u**2 + v**2 < 1
        elif label == 1:
            inside = np.maximum(abs(u), abs(v)) < 0.85
        elif label == 2:
            inside = (v > -0.6) & (v < 1.1 - 1.8 * abs(u))
        else:
            inside = (np.minimum(abs(u), abs(v)) < 0.3) & (np.maximum(abs(u), abs(v)) < 1)
        tilt = random.uniform(-0.3, 0.3, size=2)
        ground = random.uniform(-0.7, 0.1) + tilt[0] * x + tilt[1] * y
        image = np.where(inside, random.uniform(0.3, 1.0), ground)
        images[i, 0] = image.reshape(SIDE, 4, SIDE, 4).mean((1, 3))
    return images, labels.astype(np.int64)


class Block(nn.Module):
    def __init__(self, channels, embedding):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.shift = nn.Linear(embedding, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x, embedding):
        scale, shift = self.shift(embedding)[:, :, None, None].chunk(2, 1)
        h = self.first(functional.silu(self.norm(x)))
        return x + self.second(functional.silu(h * (1 + scale) + shift))


class Network(nn.Module):
    """Two resolutions, 16 and 8; the representation is the output of `middle`."""

    def __init__(self, channels=32, embedding=64):
        super().__init__()
        self.register_parameter("frequencies", nn.Parameter(torch.randn(16), requires_grad=False))
        self.embed = nn.Sequential(nn.Linear(32, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU())
        self.enter = nn.Conv2d(1, channels, 4, stride=2, padding=1)
        self.down = Block(channels, embedding)
        self.shrink = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1)
        self.before = Block(2 * channels, embedding)
        self.middle = Block(2 * channels, embedding)
        self.grow = nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1)
        self.up = Block(channels, embedding)
        self.leave = nn.ConvTranspose2d(2 * channels, 1, 4, stride=2, padding=1)

    def forward(self, x, noise_label):
        angles = 2 * torch.pi * noise_label[:, None] * self.frequencies[None]
        embedding = self.embed(torch.cat([angles.cos(), angles.sin()], 1))
        skip = self.down(self.enter(x), embedding)
        h = self.middle(self.before(self.shrink(skip), embedding), embedding)
        h = self.up(self.grow(h), embedding)
        return self.leave(torch.cat([functional.silu(h), skip], 1))


def loss_of(network, x, generator):
    sigma = torch.exp(torch.randn(len(x), 1, 1, 1, generator=generator) * 1.2 - 1.2)
    noisy = x + sigma * torch.randn(x.shape, generator=generator)
    total = sigma**2 + SIGMA_DATA**2
    raw = network(noisy / total.sqrt(), (sigma.log() / 4).flatten())
    denoised = SIGMA_DATA**2 / total * noisy + sigma * SIGMA_DATA / total.sqrt() * raw
    return (total / (sigma * SIGMA_DATA) ** 2 * (denoised - x) ** 2).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--train-size", type=int, required=True)
    parser.add_argument("--holdout-size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)

    images, labels = draw(args.train_size, seed=1)
    others, other_labels = draw(args.holdout_size, seed=2)
    for name, values in (("train", images), ("train-labels", labels), ("holdout", others), ("holdout-labels", other_labels)):
        np.save(args.out / f"{name}.npy", values)

    network = Network()
    average = Network()
    average.load_state_dict(network.state_dict())
    diffuscope_export.export(
        network, None, args.out / "net.pt", preconditioning="edm", sigma_data=SIGMA_DATA, shape=[1, SIDE, SIDE],
        representation="middle")
    data = torch.from_numpy(images)
    generator = torch.Generator().manual_seed(args.seed)
    optimizer = torch.optim.Adam((p for p in network.parameters() if p.requires_grad), lr=1e-3)
    next_save = 50.0
    for step in range(1, args.steps + 1):
        x = data[torch.randint(len(data), (args.batch,), generator=generator)]
        loss = loss_of(network, x, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay = min(0.995, step / (step + 10))
        with torch.no_grad():
            for kept, new in zip(average.parameters(), network.parameters()):
                kept.lerp_(new, 1 - decay)
        if step >= next_save or step == args.steps:
            file = args.out / f"step-{step:06d}.pt"
            torch.save(average.state_dict(), file.with_suffix(".tmp"))
            file.with_suffix(".tmp").rename(file)
            print(step, float(loss.detach()), flush=True)
            next_save = max(next_save, step) * 1.25


if __name__ == "__main__":
    main()
