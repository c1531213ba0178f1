#!/usr/bin/python3
"""Makes the demo's resources: the digits, the mixture fitted to them, and the network to train.

    /usr/bin/python3 src/main/python/make_demo_resources.py [--out FOLDER]

Needs PyTorch (1.13 or newer), NumPy and scikit-learn, whose package carries the digits. The files are
committed: this program is needed only to change them. Running it twice gives the same arrays.

digits.npz          images uint8 [1797, 1, 8, 8], 0 (white) to 16; labels uint8 [1797], in the package's order
digits-mixture.npz  a mixture of ten low-rank Gaussians, one per class, fitted to the digits at x / 8 - 1
demo-network.pt     TorchScript of the denoiser that the demo trains, at its initial weights
"""
import argparse
import io
import json
import math
import zipfile
from pathlib import Path
from typing import Dict

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

RANK = 8  # directions kept per class
RESIDUAL_VARIANCE = 0.01  # variance in every other direction
SIGMA_DATA = 0.5
SEED = 20261122


class ResidualBlock(nn.Module):
    """x + SiLU(W x + b)."""

    def __init__(self, width: int):
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + functional.silu(self.linear(x))


class DemoNetwork(nn.Module):
    """A multilayer perceptron with four hidden layers; any [B, ...] input of 64 values per row.

    The frequencies of the noise embedding are computed, not stored: a floating-point buffer would not
    travel in a checkpoint of parameters.
    """

    frequencies: torch.jit.Final[int]

    def __init__(self, size: int = 64, width: int = 256, frequencies: int = 19):
        super().__init__()
        self.frequencies = frequencies
        self.input = nn.Linear(size + 2 * frequencies, width)
        self.blocks = nn.ModuleList([ResidualBlock(width) for _ in range(3)])
        self.output = nn.Linear(width, size)

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor) -> torch.Tensor:
        # Angular frequencies from 1 to 16, evenly spaced in the logarithm; c_noise of the EDM sampler is in [-1.6, 1.1].
        exponents = torch.arange(self.frequencies, dtype=input.dtype, device=input.device) / (self.frequencies - 1)
        angles = noise_label.to(input.dtype).unsqueeze(1) * torch.exp(exponents * math.log(16.0))
        x = torch.cat([input.flatten(1), torch.cos(angles), torch.sin(angles)], dim=1)
        x = functional.silu(self.input(x))
        for block in self.blocks:
            x = block(x)
        return self.output(x).view_as(input)


def save_arrays(target: Path, arrays: Dict[str, np.ndarray]) -> None:
    """As numpy.savez_compressed, without the time of day in the archive."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue())


def fit_mixture(points: np.ndarray, labels: np.ndarray) -> Dict[str, np.ndarray]:
    """One Gaussian per class: the class mean, and the leading eigenpairs of the class covariance (divisor n - 1)."""
    means, bases, variances = [], [], []
    for label in np.unique(labels):
        members = points[labels == label]
        eigenvalues, eigenvectors = np.linalg.eigh(np.cov(members, rowvar=False))
        leading = np.argsort(eigenvalues)[::-1][:RANK]
        basis = eigenvectors[:, leading]
        # An eigenvector is defined up to its sign: the largest entry is made positive.
        basis = basis * np.sign(basis[np.argmax(np.abs(basis), axis=0), np.arange(RANK)])
        means.append(members.mean(axis=0))
        bases.append(basis)
        variances.append(eigenvalues[leading])
    count = len(means)
    return {
        "weights": np.full(count, 1.0 / count),
        "means": np.stack(means),
        "bases": np.stack(bases),
        "variances": np.stack(variances),
        "residual_variance": np.full(count, RESIDUAL_VARIANCE),
    }


def export_network(target: Path) -> None:
    torch.manual_seed(SEED)
    network = DemoNetwork()
    settings = {
        "format": 1,
        "preconditioning": "edm",
        "sigma_data": SIGMA_DATA,
        "shape": [1, 8, 8],
        "representation": False,
        "torch": torch.__version__,
    }
    scripted = torch.jit.script(network)
    assert not list(scripted.named_buffers()), "a buffer would not travel in a checkpoint"
    buffer = io.BytesIO()
    torch.jit.save(scripted, buffer, _extra_files={"diffuscope.json": json.dumps(settings)})
    # The debug records name this machine's folders and differ from call to call; TorchScript loads without them.
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(target, "w") as archive:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                name = target.stem + entry.filename[entry.filename.index("/") :]
                archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), source.read(entry))
    print(f"{target.name}: {sum(p.numel() for p in network.parameters()):,} parameters")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    parser.add_argument("--out", type=Path, default=here.parent / "resources" / "io" / "diffuscope" / "demo")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    digits = load_digits()
    images = digits.images.astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = digits.target.astype(np.uint8)
    assert np.array_equal(images.reshape(-1, 8, 8), digits.images), "the digits are whole numbers from 0 to 16"
    save_arrays(out / "digits.npz", {"images": images, "labels": labels})
    save_arrays(out / "digits-mixture.npz", fit_mixture(images.reshape(len(images), -1) / 8.0 - 1.0, labels))
    export_network(out / "demo-network.pt")


if __name__ == "__main__":
    main()
