#!/usr/bin/env python3
"""Trains small networks, samples them with their own code, and writes what Diffuscope must reproduce.

    python src/test/python/agree_with_samplers.py [--out FOLDER] [--only NAME ...]

Four networks on 8x8 digits, a few hundred steps each on a CPU: diffusers' UNet2DModel trained for the noise (DDPM), for v
with classes, and for flow matching, saved by save_pretrained; and a network of our own with EDM's preconditioning and
loss, saved as torch.save({"net", "ema"}). For each one, into a folder of its name:

template.pt      the graph, exported from a network with other weights
weights...       the checkpoint, as its trainer writes it
endpoints.npy    [16, 1, 8, 8] from noise.npy (one file for all, in the parent folder), float32

The sampler is EDM's Heun method (Karras et al. 2022, algorithm 1 without stochasticity) on 18 levels in float64, around
the trainer's own call of the network in float32; nothing of it is shared with diffuscope_export.py. In a discrete
schedule the timestep of a noise level lies between two, linear in log sigma. io.diffuscope.sampling.SamplerAgreementTest
reads the files; they are committed, and small for that reason.

"edm" needs PyTorch 1.13 or newer and NumPy; the others also diffusers (Apache-2.0; tried with 0.40.0.dev0).
"""
import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "src" / "main" / "python"))
import diffuscope_export  # noqa: E402

OUT = ROOT / "src" / "test" / "resources" / "agreement"
SIGMA_MIN, SIGMA_MAX, RHO, STEPS, SIGMA_DATA = 0.002, 80.0, 7.0, 18, 0.5
POINTS, CLASSES, TRAINING_STEPS, BATCH = 16, 10, 400, 32


def digits():
    with np.load(str(ROOT / "src/main/resources/io/diffuscope/demo/digits.npz")) as file:
        images, labels = file["images"], file["labels"]
    return torch.from_numpy(images.astype(np.float32) / 8 - 1), torch.from_numpy(labels.astype(np.int64))


def levels(low, high):
    """Karras et al. 2022, equation 5, within the range that the network was trained on; then 0."""
    low, high = max(low, SIGMA_MIN), min(high, SIGMA_MAX)
    part = np.arange(STEPS) / (STEPS - 1)
    return np.append((high ** (1 / RHO) + part * (low ** (1 / RHO) - high ** (1 / RHO))) ** RHO, 0.0)


@torch.no_grad()
def heun(denoise, noise, sigmas):
    x = noise.double() * sigmas[0]
    for sigma, following in zip(sigmas[:-1], sigmas[1:]):
        slope = (x - denoise(x, sigma)) / sigma
        euler = x + (following - sigma) * slope
        if following == 0:
            return euler
        x = x + (following - sigma) * (slope + (euler - denoise(euler, following)) / following) / 2
    raise AssertionError("the last level is 0")


def train(network, loss, seed):
    """Adam, and an average of the weights beside it; returns the averaged network."""
    torch.manual_seed(seed)
    images, labels = digits()
    average = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(TRAINING_STEPS):
        chosen = torch.randint(0, len(images), [BATCH])
        value = loss(network, images[chosen], labels[chosen])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        for mean, p in zip(average, network.parameters()):
            mean.lerp_(p.detach(), max(0.02, 1 / (step + 1)))
    print("  loss %.3f" % float(value.detach()), flush=True)
    return average


def with_weights(network, average):
    with torch.no_grad():
        for p, mean in zip(network.parameters(), average):
            p.copy_(mean)
    return network.eval()


def column(value, x):
    return torch.full([len(x)], float(value), dtype=torch.float32)


# --- EDM, with a network of our own


class Network(nn.Module):
    """Random Fourier features of the noise label (a buffer), group normalization, one attention layer."""

    def __init__(self, width=16):
        super().__init__()
        self.register_buffer("frequencies", torch.randn(8) * 2)
        self.noise = nn.Sequential(nn.Linear(16, width), nn.SiLU(), nn.Linear(width, width))
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.GroupNorm(4, width)
        self.middle = nn.Conv2d(width, width, 3, padding=1)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x, noise_labels):
        angle = noise_labels[:, None] * self.frequencies
        embedding = self.noise(torch.cat([angle.sin(), angle.cos()], dim=1))
        h = self.first(x) + embedding[:, :, None, None]
        h = h + self.middle(torch.nn.functional.silu(self.norm(h)))
        tokens = h.flatten(2).transpose(1, 2)
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.last(torch.nn.functional.silu(tokens.transpose(1, 2).reshape(h.shape)))


def edm_denoise(network, x, sigma):
    """Table 1 of Karras et al. 2022."""
    variance = sigma**2 + SIGMA_DATA**2
    raw = network((x / variance**0.5).float(), (sigma.log() / 4).reshape(-1).float())
    return SIGMA_DATA**2 / variance * x + sigma * SIGMA_DATA / variance**0.5 * raw.to(x.dtype)


def edm(out, noise):
    def loss(network, x, labels):
        sigma = (torch.randn(len(x), 1, 1, 1) * 1.2 - 1.2).exp()
        weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
        return (weight * (edm_denoise(network, x + sigma * torch.randn_like(x), sigma) - x).square()).mean()

    torch.manual_seed(1)
    template = Network()
    diffuscope_export.export(
        template, None, out / "template.pt", preconditioning="edm", sigma_data=SIGMA_DATA, shape=[1, 8, 8],
        quiet=True,
    )  # fmt: skip
    torch.manual_seed(2)
    network = Network()
    average = train(network, loss, 3)
    raw = {name: value.clone() for name, value in network.state_dict().items()}
    with_weights(network, average)
    torch.save({"net": raw, "ema": network.state_dict(), "step": TRAINING_STEPS}, str(out / "network-000400.pt"))

    def denoise(x, sigma):
        return edm_denoise(network, x, torch.full([len(x), 1, 1, 1], sigma, dtype=torch.float64))

    return heun(denoise, noise, levels(0, np.inf))


# --- diffusers


def unet(classes=None):
    import diffusers

    return diffusers.UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
        attention_head_dim=4, down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
        num_class_embeds=classes,
    )  # fmt: skip


def diffusers_case(out, noise, scheduler, loss, denoiser, range_of_sigma, classes=None):
    torch.manual_seed(1)
    diffuscope_export.export_diffusers(unet(classes), scheduler, out / "template.pt", quiet=True)
    torch.manual_seed(2)
    network = unet(classes)
    with_weights(network, train(network, loss, 3))
    network.save_pretrained(str(out / "checkpoint-400" / "unet_ema"))
    return heun(denoiser(network), noise, levels(*range_of_sigma))


def sigmas_of(scheduler):
    kept = scheduler.alphas_cumprod.double().numpy()
    return np.sqrt((1 - kept) / kept)


def timestep(sigmas, sigma):
    return np.interp(np.log(sigma), np.log(sigmas), np.arange(len(sigmas)))


def epsilon(out, noise):
    import diffusers

    scheduler = diffusers.DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear", beta_end=0.01)
    sigmas = sigmas_of(scheduler)

    def loss(network, x, labels):
        t, eps = torch.randint(0, 1000, [len(x)]), torch.randn_like(x)
        return (network(scheduler.add_noise(x, eps, t), t).sample - eps).square().mean()

    def denoiser(network):
        def denoise(x, sigma):
            scaled = (x / np.sqrt(1 + sigma**2)).float()
            return x - sigma * network(scaled, column(timestep(sigmas, sigma), x)).sample.double()

        return denoise

    return diffusers_case(out, noise, scheduler, loss, denoiser, (sigmas[0], sigmas[-1]))


def v_prediction(out, noise):
    import diffusers

    scheduler = diffusers.DDPMScheduler(
        num_train_timesteps=500, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction"
    )
    sigmas = sigmas_of(scheduler)
    classes = torch.arange(POINTS) % CLASSES

    def loss(network, x, labels):
        t, eps = torch.randint(0, 500, [len(x)]), torch.randn_like(x)
        target = scheduler.get_velocity(x, eps, t)
        return (network(scheduler.add_noise(x, eps, t), t, labels).sample - target).square().mean()

    def denoiser(network):
        def denoise(x, sigma):
            alpha, spread = 1 / np.sqrt(1 + sigma**2), sigma / np.sqrt(1 + sigma**2)
            raw = network((alpha * x).float(), column(timestep(sigmas, sigma), x), classes).sample.double()
            return alpha * (alpha * x) - spread * raw

        return denoise

    return diffusers_case(out, noise, scheduler, loss, denoiser, (sigmas[0], sigmas[-1]), CLASSES)


def flow_matching(out, noise):
    import diffusers

    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)

    def loss(network, x, labels):
        t, eps = torch.sigmoid(torch.randn(len(x))), torch.randn_like(x)
        part = t[:, None, None, None]
        return (network((1 - part) * x + part * eps, t * 1000).sample - (eps - x)).square().mean()

    def denoiser(network):
        def denoise(x, sigma):
            t = sigma / (1 + sigma)
            z = x * (1 - t)
            return z - t * network(z.float(), column(1000 * t, x)).sample.double()

        return denoise

    return diffusers_case(out, noise, scheduler, loss, denoiser, (0, np.inf))


CASES = {"edm": edm, "epsilon": epsilon, "v_prediction": v_prediction, "flow_matching": flow_matching}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="+", choices=sorted(CASES), default=list(CASES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    noise = torch.randn([POINTS, 1, 8, 8], generator=torch.Generator().manual_seed(20261122))
    np.save(str(arguments.out / "noise.npy"), noise.numpy())
    for name in arguments.only:
        print(name, flush=True)
        folder = arguments.out / name
        folder.mkdir(exist_ok=True)
        endpoints = CASES[name](folder, noise)
        print("  endpoints' standard deviation %.3f (digits: %.3f)" % (float(endpoints.std()), float(digits()[0].std())))
        np.save(str(folder / "endpoints.npy"), endpoints.float().numpy())


if __name__ == "__main__":
    main()
