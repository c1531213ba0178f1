#!/usr/bin/env python3
"""The descriptor of the experiment of experiments.md: a small network trained, as SSCD is, to tell an altered copy of a picture from
other pictures.

    python descriptor.py OUT/descriptor.pt

draws 8,192 pictures of shapes.py with a seed of its own, and trains with the loss of SimCLR (Chen et al. 2020, arXiv
2002.05709): two views of one picture, each moved by up to 2 pixels, lighter or darker, and noisy, get vectors of nearly
one direction. It prints the largest similarity of each of 512 new pictures to 4,096 others, and that to a view of
itself: the threshold of `gl` belongs between them.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from shapes import SIDE, draw


class Descriptor(nn.Module):
    """[B, 3, 32, 32] with values in [-1, 1] to [B, 64]."""

    def __init__(self, width=32, features=64):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1, stride=2), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1, stride=2), nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 3, padding=1, stride=2), nn.BatchNorm2d(4 * width), nn.ReLU(),
            nn.Flatten(), nn.Linear(4 * width * (SIDE // 8) ** 2, features))

    def forward(self, images):
        return functional.normalize(self.layers(images.mean(1, keepdim=True)), dim=1)


def view(images, generator):
    """A moved, lighter or darker, noisy picture for each of images [B, 1, 32, 32]."""
    count = len(images)
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    rows = torch.arange(SIDE)[None] + torch.randint(5, (count, 1), generator=generator)
    columns = torch.arange(SIDE)[None] + torch.randint(5, (count, 1), generator=generator)
    moved = padded[torch.arange(count)[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]
    gain = 1 + 0.3 * (torch.rand(count, 1, 1, 1, generator=generator) - 0.5)
    shift = 0.3 * (torch.rand(count, 1, 1, 1, generator=generator) - 0.5)
    return (gain * moved + shift + 0.1 * torch.randn(moved.shape, generator=generator)).clamp(-1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=1500)
    args = parser.parse_args()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)

    data = torch.from_numpy(draw(8192, seed=3)[0])
    network = Descriptor()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for step in range(1, args.steps + 1):
        x = data[torch.randint(len(data), (256,), generator=generator)]
        features = torch.cat([network(view(x, generator)), network(view(x, generator))])
        logits = features @ features.T / 0.1
        logits.fill_diagonal_(-torch.inf)
        loss = functional.cross_entropy(logits, (torch.arange(512) + 256) % 512)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(step, float(loss.detach()), flush=True)

    network.eval()
    new = torch.from_numpy(draw(4096 + 512, seed=4)[0])
    with torch.no_grad():
        features = network(new)
        others = (features[:512] @ features[512:].T).amax(1)
        views = (features[:512] * network(view(new[:512], generator))).sum(1)
        traced = torch.jit.trace(network, torch.zeros(2, 3, SIDE, SIDE))
    for name, values in (("to 4,096 others", others), ("to a view of itself", views)):
        print(name, np.quantile(values.numpy(), [0, 0.01, 0.05, 0.5, 0.95, 0.99, 1]).round(4))
    torch.jit.save(traced, str(args.out), _extra_files={"diffuscope.json": json.dumps(
        {"resize": "none", "mean": [0.5] * 3, "std": [0.5] * 3, "l2_norm": True})})


if __name__ == "__main__":
    main()
