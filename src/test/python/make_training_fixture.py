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


class Adam:
    """Adam as at the end of section 2 of Kingma and Ba (2015), which DJL follows; epsilon stands outside the bias
    correction there, and inside in torch.optim.Adam, which matters for gradients that are not far above epsilon."""

    def __init__(self, parameters, epsilon_outside):
        self.parameters = list(parameters)
        self.epsilon_outside = epsilon_outside
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.variances = [torch.zeros_like(p) for p in self.parameters]
        self.steps = 0

    def step(self):
        self.steps += 1
        first, second = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        with torch.no_grad():
            for p, mean, variance in zip(self.parameters, self.means, self.variances):
                mean.mul_(0.9).add_(p.grad, alpha=0.1)
                variance.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                if self.epsilon_outside:
                    p -= LEARNING_RATE * second**0.5 / first * mean / (variance.sqrt() + 1e-8)
                else:
                    p -= LEARNING_RATE / first * mean / ((variance / second).sqrt() + 1e-8)


def train(optimizer_of, x, sigma, noise):
    """The losses, the gradients of the first step, and the weights after the last."""
    network = torch.jit.load(str(TEMPLATE)).double()
    optimizer = optimizer_of(network.parameters())
    losses, gradients = [], {}
    for step in range(STEPS):
        network.zero_grad(set_to_none=True)
        loss = loss_of(network, x, sigma, noise[step])
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            gradients = {name: p.grad.flatten().clone().numpy() for name, p in network.named_parameters()}
        optimizer.step()
    return losses, gradients, {name: p.detach().flatten().numpy() for name, p in network.named_parameters()}


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(7)
    x = torch.rand(ROWS, 64, generator=generator, dtype=torch.float64) * 2 - 1
    x = x.float().double()  # as the program under test holds it
    sigma = torch.exp(-1.2 + 1.2 * torch.randn(ROWS, generator=generator, dtype=torch.float64))
    noise = torch.randn(STEPS, ROWS, 64, generator=generator, dtype=torch.float64)
    by_torch, _, _ = train(lambda p: torch.optim.Adam(p, lr=LEARNING_RATE), x, sigma, noise)
    by_hand, _, _ = train(lambda p: Adam(p, False), x, sigma, noise)
    assert np.allclose(by_torch, by_hand, rtol=1e-12), "the hand-written Adam is torch.optim.Adam but for epsilon"
    losses, gradients, weights = train(lambda p: Adam(p, True), x, sigma, noise)
    arrays = {"points": x.float().numpy(), "sigma": sigma.numpy(), "noise": noise.numpy(), "losses": np.array(losses)}
    rng = np.random.default_rng(3)
    for name, gradient in gradients.items():
        largest = np.argsort(-np.abs(gradient))[:16]
        index = np.concatenate([largest, rng.choice(gradient.size, 16, replace=False)])
        arrays[name + ".index"] = index.astype(np.float64)
        arrays[name + ".gradient"] = gradient[index]
        arrays[name + ".weight"] = weights[name][index]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(TARGET, **arrays)
    print(losses, TARGET.stat().st_size)


if __name__ == "__main__":
    main()
