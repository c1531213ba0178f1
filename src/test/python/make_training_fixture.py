#!/usr/bin/python3
"""Computes with PyTorch what DenoiserTrainingOracleTest compares with: loss, gradients and Adam steps.

    /usr/bin/python3 src/test/python/make_training_fixture.py

The loss is written as in Karras et al. (2022): the weighted squared error of the denoiser, with the
preconditioning spelled out; the program under test uses an algebraically equal form. Per parameter,
32 entries are kept: the 16 largest gradients and 16 at random.
"""
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "main/resources/io/diffuscope/demo/demo-network.pt"
TARGET = ROOT / "test/resources/io/diffuscope/demo/training-fixture.npz"
ROWS, STEPS, SIGMA_DATA, LEARNING_RATE = 16, 3, 0.5, 1e-3


def loss_of(network, x, sigma, noise):
    s = sigma.view(-1, 1)
    y = x + s * noise
    c_skip = SIGMA_DATA**2 / (s**2 + SIGMA_DATA**2)
    c_out = s * SIGMA_DATA / torch.sqrt(s**2 + SIGMA_DATA**2)
    c_in = 1 / torch.sqrt(s**2 + SIGMA_DATA**2)
    denoised = c_skip * y + c_out * network(c_in * y, torch.log(sigma) / 4)
    weight = (s**2 + SIGMA_DATA**2) / (s * SIGMA_DATA) ** 2
    return (weight * (denoised - x) ** 2).mean()


def main():
    torch.set_num_threads(1)
    network = torch.jit.load(str(TEMPLATE)).double()
    generator = torch.Generator().manual_seed(7)
    x = torch.rand(ROWS, 64, generator=generator, dtype=torch.float64) * 2 - 1
    x = x.float().double()  # as the program under test holds it
    sigma = torch.exp(-1.2 + 1.2 * torch.randn(ROWS, generator=generator, dtype=torch.float64))
    noise = torch.randn(STEPS, ROWS, 64, generator=generator, dtype=torch.float64)
    arrays = {"points": x.float().numpy(), "sigma": sigma.numpy(), "noise": noise.numpy()}
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    names = [name for name, _ in network.named_parameters()]
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(network, x, sigma, noise[step])
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            rng = np.random.default_rng(3)
            for name, parameter in network.named_parameters():
                gradient = parameter.grad.flatten().numpy()
                largest = np.argsort(-np.abs(gradient))[:16]
                index = np.concatenate([largest, rng.choice(gradient.size, 16, replace=False)])
                arrays[name + ".index"] = index.astype(np.float64)
                arrays[name + ".gradient"] = gradient[index]
        optimizer.step()
    for name, parameter in network.named_parameters():
        index = arrays[name + ".index"].astype(np.int64)
        arrays[name + ".weight"] = parameter.detach().flatten().numpy()[index]
    arrays["losses"] = np.array(losses)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(TARGET, **arrays)
    print(losses, len(names), TARGET.stat().st_size)


if __name__ == "__main__":
    main()
