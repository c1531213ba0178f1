#!/usr/bin/python3
"""Makes what the tests of hidden representations load.

    /usr/bin/python3 src/test/python/make_representation_fixtures.py

Needs PyTorch (1.13 or newer) and NumPy. The files are committed.

autoencoder.pt                 the two-layer autoencoder of arXiv 2512.20963, W2 relu(W1^T x); its representation is
                               relu(W1^T x), [B, 32]
autoencoder-memorizing.*       weights of Corollary 3.2 (lambda -> 0) for points whose inner products are negative
                               (.safetensors), and the points (.npz: train, holdout)
autoencoder-generalizing.*     weights of Corollary 3.3 for two opposite clusters, the rotation of each block chosen so
                               that the block's mean response is balanced; points as above
feature-maps.pt                a convolutional network whose representation is [B, 5, 4, 3]; feature-maps.safetensors
representations.npz            inputs, noise levels and what NumPy and PyTorch make of them
"""
import numpy as np
import torch
from torch import nn

from make_model_fixtures import TARGET, save, save_tensors

D, P, SIGMA = 40, 32, 0.2


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Parameter(torch.zeros(D, P))
        self.decoder = nn.Parameter(torch.zeros(D, P))

    def forward(self, input, noise_label):
        representation = torch.relu(input @ self.encoder)
        return representation @ self.decoder.t(), representation


class FeatureMaps(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 5, 3, padding=1)
        self.last = nn.Conv2d(5, 1, 3, padding=1)

    def forward(self, input, noise_label):
        maps = nn.functional.silu(self.first(input) + noise_label.reshape(-1, 1, 1, 1))
        return self.last(maps), maps


def memorizing(points):
    """r_i x_i with r_i^2 = |x_i|^2 / (|x_i|^4 + sigma^2 |x_i|^2)."""
    squared = (points**2).sum(1)
    columns = (points * (1 / np.sqrt(squared + SIGMA**2))[:, None]).T
    return np.concatenate([columns, np.zeros((D, P - len(points)))], axis=1)


def generalizing(clusters, ranks):
    """U (I + n sigma^2 / Lambda)^(-1/2) O^T for each cluster, X X^T = U Lambda U^T."""
    blocks = []
    for points, rank in zip(clusters, ranks):
        values, vectors = np.linalg.eigh(points.T @ points)
        values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
        block = vectors / np.sqrt(1 + len(points) * SIGMA**2 / values)
        response = block.T @ points.mean(0)
        flat = np.full(rank, np.linalg.norm(response) / np.sqrt(rank))
        mirror = response - flat
        rotation = np.eye(rank) - 2 * np.outer(mirror, mirror) / (mirror @ mirror)
        blocks.append(block @ rotation)
    return np.concatenate(blocks, axis=1)


def measures(h):
    norm = np.linalg.norm(h, axis=1)
    p = h.shape[1]
    return np.stack([
        h.std(1),
        (h**4).sum(1) ** 0.25 / norm,
        (np.sqrt(p) - np.abs(h).sum(1) / norm) / (np.sqrt(p) - 1),
        norm**4 / (h**4).sum(1),
    ])


def weights(name, matrix):
    tensor = torch.from_numpy(np.ascontiguousarray(matrix)).float()
    save_tensors(name, {"encoder": tensor, "decoder": tensor})


def main():
    torch.set_num_threads(1)
    random = np.random.default_rng(20261123)
    settings = {"preconditioning": "denoiser", "shape": [D], "representation": "hidden"}
    save("autoencoder", Autoencoder(), settings)

    # Corners of a simplex: every inner product is -1/(n - 1) of the squared norm.
    n = 28
    corners = np.eye(n) - 1 / n
    basis = np.linalg.qr(random.standard_normal((D, n)))[0]
    train = 12 * (corners / np.linalg.norm(corners, axis=1)[:, None]) @ basis.T
    holdout = train[random.permutation(n)] @ np.linalg.qr(random.standard_normal((D, D)))[0]
    weights("autoencoder-memorizing", memorizing(train))
    np.savez(TARGET / "autoencoder-memorizing.npz", train=train.astype(np.float32), holdout=holdout.astype(np.float32))

    mean = random.standard_normal(D)
    mean *= 12 / np.linalg.norm(mean)
    spread = [random.standard_normal((P // 2 - 1, D)) / np.sqrt(D) for _ in range(2)]
    draw = lambda count: [s * mean + random.standard_normal((count, P // 2 - 1)) @ spread[k] for k, s in enumerate((1, -1))]
    clusters = draw(300)
    weights("autoencoder-generalizing", generalizing(clusters, [P // 2] * 2))
    np.savez(
        TARGET / "autoencoder-generalizing.npz",
        train=np.concatenate([c[:14] for c in clusters]).astype(np.float32),
        holdout=np.concatenate(draw(14)).astype(np.float32),
    )

    maps = FeatureMaps()
    torch.manual_seed(5)
    for parameter in maps.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    save("feature-maps", maps, {"preconditioning": "edm", "shape": [1, 4, 3], "representation": "first"})
    save_tensors("feature-maps", maps.state_dict())
    sigma = 0.3
    inputs = random.standard_normal((7, 12)).astype(np.float32)
    with torch.no_grad():
        scaled = torch.from_numpy(inputs).reshape(7, 1, 4, 3) / np.sqrt(sigma**2 + 0.25)
        hidden = maps(scaled.float(), torch.full((7,), np.log(sigma) / 4))[1].double().numpy()
    pooled = {"max": hidden.max((2, 3)), "mean": hidden.mean((2, 3))}
    np.savez(
        TARGET / "representations.npz",
        inputs=inputs,
        sigma=np.array([sigma]),
        **pooled,
        **{f"{name}_measures": measures(h) for name, h in pooled.items()},
    )


if __name__ == "__main__":
    main()
