#!/usr/bin/python3
"""Makes what the tests of class probes of hidden representations load.

    /usr/bin/python3 src/test/python/make_class_probe_fixtures.py

Needs PyTorch (1.13 or newer), NumPy and SciPy (which the oracle of the noise imports). The files are committed.

molrg.pt            the optimal denoiser of two noisy low-rank Gaussians (arXiv 2502.05743, proposition 1; n = 50,
                    d = 5, delta = .2); its representation is the denoised point
class-features.*    a network with a hidden layer of 20 (.pt, .safetensors), labelled points of four classes and what
                    this program makes of its features (.npz): the images in order, class by class and evenly spread;
                    accuracy of a logistic regression that torch fits; the signal-to-noise ratio by NumPy's singular
                    vectors; the ICR of two noisy views
"""
import numpy as np
import torch
from torch import nn

from make_model_fixtures import TARGET, save, save_tensors
from probability_flow_oracles import noise

N, RANK, DELTA = 50, 5, 0.2
D, P, CLASSES = 12, 20, 4
SEED, REPRESENTATION = 3, 4
SIGMAS = (0.02, 0.3, 1.0)
ICR_SIGMA = 0.29
FIT, TEST = 100, 100


class Mixture(nn.Module):
    def __init__(self, bases):
        super().__init__()
        self.bases = nn.Parameter(bases)

    def forward(self, input, noise_label):
        s2 = (noise_label**2).unsqueeze(1)
        zeta, xi = 1 / (1 + s2), 0.04 / (0.04 + s2)
        parts = torch.einsum("bn,knr->bkr", input, self.bases)
        energy = (parts**2).sum(2)
        weight = torch.softmax(energy / (2 * s2 * (1 + s2)) + energy.flip(1) * 0.04 / (2 * s2 * (0.04 + s2)), 1)
        scale = weight * zeta + (1 - weight) * xi
        denoised = torch.einsum("bkr,knr->bn", parts * scale.unsqueeze(2), self.bases)
        return denoised, denoised


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(D, P)
        self.last = nn.Linear(P, D)

    def forward(self, input, noise_label):
        hidden = torch.relu(self.first(input) + 0.3 * noise_label.unsqueeze(1))
        return self.last(hidden), hidden


def spread(rows, most):
    count = min(len(rows), most)
    return rows[np.arange(count) * len(rows) // count]


def noises(indices):
    return np.array([noise(SEED, REPRESENTATION, int(i), D) for i in indices])


def features(network, points, sigma, indices):
    noisy = torch.from_numpy(points + sigma * noises(indices))
    with torch.no_grad():
        return network(noisy, torch.full((len(points),), sigma, dtype=torch.float64))[1].numpy()


def logistic(x, labels, rows):
    """Minimises the sum of cross-entropies plus |W|^2 / 2, as scikit-learn does with C = 1."""
    x, rows, labels = torch.from_numpy(x), torch.from_numpy(rows), torch.from_numpy(labels)
    weights = torch.zeros(x.shape[1], CLASSES, dtype=torch.float64, requires_grad=True)
    intercepts = torch.zeros(CLASSES, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, intercepts], max_iter=2000, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(x @ weights + intercepts, labels, reduction="sum") + (weights**2).sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    return (rows @ weights + intercepts).argmax(1).numpy()


def snr(x, labels):
    ratios = []
    for k in range(CLASSES):
        own = x[labels == k]
        top = np.linalg.svd(own, full_matrices=False)[2][:5]
        signal = own @ top.T
        ratios.append((signal**2).sum() / ((own - signal @ top) ** 2).sum())
    return np.mean(ratios)


def icr(first, second):
    rest = np.cov((first - second).T) / 2
    signal = np.cov(((first + second) / 2).T) - rest / 2
    d = len(rest)
    rest = rest + 1e-3 * np.trace(rest) / d * np.eye(d)
    return 1 / (1 + np.trace(np.linalg.solve(rest, signal)) / d)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(11)
    random = np.random.default_rng(20261124)
    basis = np.linalg.qr(random.standard_normal((N, 2 * RANK)))[0]
    bases = torch.from_numpy(np.stack([basis[:, :RANK], basis[:, RANK:]])).float()
    save("molrg", Mixture(bases), {"preconditioning": "denoiser", "shape": [N], "representation": "denoised"})
    save_tensors("molrg", {"bases": bases})

    network = Features()
    save("class-features", network, {"preconditioning": "denoiser", "shape": [D], "representation": "hidden"})
    save_tensors("class-features", network.state_dict())
    means = 0.6 * random.standard_normal((CLASSES, D))
    mixing = 0.7 * random.standard_normal((CLASSES, 3, D))

    def draw(count):
        labels = random.integers(0, CLASSES, count)
        own = np.einsum("ij,ijk->ik", random.standard_normal((count, 3)), mixing[labels])
        return (means[labels] + own + 0.2 * random.standard_normal((count, D))).astype(np.float32), labels

    train, train_labels = draw(200)
    holdout, holdout_labels = draw(130)
    network = network.double()
    fit = spread(np.lexsort((np.arange(len(train)), train_labels)), FIT)
    test = spread(np.lexsort((np.arange(len(holdout)), holdout_labels)), TEST)
    accuracies, ratios = [], []
    for sigma in SIGMAS:
        x = features(network, train[fit].astype(np.float64), sigma, range(FIT))
        y = features(network, holdout[test].astype(np.float64), sigma, range(FIT, FIT + TEST))
        x, y = (h / np.linalg.norm(h, axis=1, keepdims=True) for h in (x, y))
        x, y = x - x.mean(0), y - x.mean(0)
        right = logistic(x, train_labels[fit], y) == holdout_labels[test]
        accuracies.append(right.mean())
        ratios.append(snr(x, train_labels[fit]))
    some = spread(np.arange(len(train)), FIT)
    views = [features(network, train[some].astype(np.float64), ICR_SIGMA, (view << 32) + np.arange(FIT)) for view in (1, 2)]
    np.savez(
        TARGET / "class-features.npz",
        train=train,
        train_labels=train_labels,
        holdout=holdout,
        holdout_labels=holdout_labels,
        sigmas=np.array(SIGMAS),
        accuracies=np.array(accuracies),
        ratios=np.array(ratios),
        icr=np.array([icr(*views)]),
    )
    print(accuracies, ratios, icr(*views))


if __name__ == "__main__":
    main()
