#!/usr/bin/python3
"""Makes what the tests of descriptors load.

    /usr/bin/python3 src/test/python/make_descriptor_fixtures.py

Needs PyTorch (1.13 or newer), torchvision, Pillow and NumPy. The files are committed.

descriptor-inputs.npz   points in [-1.2, 1.2] and what torchvision's transforms make of them, by case
descriptor.pt           a convolution, coarse means and a linear layer: any size from 64 on to [B, 16]
similarities.npz        images, their features under each preset, and the similarities, gl, rp and authenticity that
                        NumPy finds
pixels-descriptor.pt    images 4x4 to their own elements: cosines are those of the points; has a diffuscope.json
nan-descriptor.pt, zero-descriptor.pt, map-descriptor.pt, fixed-descriptor.pt
                        square roots of negative numbers from dark images, only zeros from them, maps in place of
                        vectors, and one that takes 3x5x5 only
"""
import numpy as np
import torch
import make_model_fixtures
from make_model_fixtures import save
from torch import nn
from torchvision.transforms import InterpolationMode, functional

make_model_fixtures.TARGET = TARGET = make_model_fixtures.TARGET.parent / "feature"
SIDE = 16
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5] * 3, [0.5] * 3)
LINEAR, CUBIC = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC
# shape, what Resize takes, interpolation, crop, normalisation, reversed channels, rounded
CASES = {
    "enlarged": ((3, 8, 8), [20, 20], LINEAR, None, IMAGENET, False, True),
    "shrunk": ((3, 33, 21), [10, 10], LINEAR, None, IMAGENET, False, True),
    "grey": ((1, 7, 5), [16, 16], CUBIC, None, HALF, False, True),
    "odd": ((3, 29, 41), [13, 13], CUBIC, None, HALF, False, True),
    "short_edge": ((3, 17, 26), 11, LINEAR, None, IMAGENET, False, True),
    "cropped": ((3, 12, 9), 15, CUBIC, 12, IMAGENET, True, False),
    "tall": ((3, 19, 8), 16, CUBIC, 13, IMAGENET, False, True),
}
PRESETS = {
    "sscd_disc_mixup": (288, LINEAR, IMAGENET),
    "sscd_disc_large": ([320, 320], LINEAR, IMAGENET),
    "dinov2": ([224, 224], CUBIC, IMAGENET),
    "inception": ([299, 299], CUBIC, HALF),
}


def bytes_of(points):
    return torch.floor(torch.clip(points * 127.5 + 128, 0, 255))


def unit(points, rounded):
    return bytes_of(points) / 255 if rounded else torch.clip((points + 1) / 2, 0, 1)


def prepared(points, size, interpolation, crop, norm, reverse, rounded):
    images = functional.resize(unit(points, rounded), size, interpolation, antialias=True)
    if crop is not None:
        images = functional.center_crop(images, [crop, crop])
    images = functional.normalize(images.expand(-1, 3, -1, -1), *norm)
    return images.flip(1) if reverse else images


def prepared_by_pillow(points, size, interpolation, norm):
    """As the SSCD authors' users do: ToPILImage, Resize, ToTensor; rounded to 8 bits after each pass."""
    rows = []
    for image in bytes_of(points).to(torch.uint8):
        resized = functional.resize(functional.to_pil_image(image), size, interpolation)
        rows.append(functional.to_tensor(resized))
    return functional.normalize(torch.stack(rows), *norm)


class Descriptor(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 16, stride=16)
        self.linear = nn.Linear(128, 16)

    def forward(self, images):
        maps = nn.functional.adaptive_avg_pool2d(torch.relu(self.conv(images)), [4, 4])
        return self.linear(maps.flatten(1))


class Pixels(nn.Module):
    def forward(self, images):
        return images.flatten(1)


class Roots(nn.Module):
    def forward(self, images):
        return torch.sqrt(images.mean((2, 3)) + 0.5)


class Zeros(nn.Module):
    def forward(self, images):
        return torch.relu(images.mean((2, 3)) + 0.5)


class Maps(nn.Module):
    def forward(self, images):
        return images * 2


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(75, 4)

    def forward(self, images):
        return self.linear(images.flatten(1))


def pictures(random, count):
    """Sums of a few waves, as different from each other as a small descriptor can tell."""
    grid = np.arange(SIDE) / SIDE
    images = np.zeros((count, 3, SIDE, SIDE))
    for image in images:
        for _ in range(4):
            fx, fy, phase = random.uniform(-3, 3, 2).tolist() + [random.uniform(0, 6.3)]
            wave = np.cos(6.3 * (fx * grid[None, :] + fy * grid[:, None]) + phase)
            image += random.normal(size=(3, 1, 1)) * wave * 0.6
    return np.clip(images, -1.1, 1.1).astype(np.float32)


def normalised(features):
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(20261123)
    random = np.random.default_rng(7)
    arrays = {}
    for name, (shape, *case) in CASES.items():
        points = random.uniform(-1.2, 1.2, (2, *shape)).astype(np.float32)
        arrays[f"{name}_points"] = points
        arrays[f"{name}_inputs"] = prepared(torch.from_numpy(points), *case).numpy()
    np.savez_compressed(TARGET / "descriptor-inputs.npz", **arrays)

    descriptor = Descriptor()
    nn.init.normal_(descriptor.conv.weight, std=0.05)
    free = {"resize": "none", "mean": [0.5] * 3, "std": [0.5] * 3, "round_to_8_bit": False}
    save("pixels-descriptor", Pixels(), free)
    save("nan-descriptor", Roots(), free)
    save("zero-descriptor", Zeros(), free)
    save("map-descriptor", Maps(), free)
    save("fixed-descriptor", Fixed(), free)

    train, others = pictures(random, 24), pictures(random, 12)
    samples = others.copy()
    for i in range(6):
        samples[i] = np.clip(train[3 * i] + random.normal(size=(3, SIDE, SIDE)) * 0.05 * i, -1.2, 1.2)
    # Without their common part, so that similarities spread from -1 to 1.
    with torch.no_grad():
        size, interpolation, norm = PRESETS["sscd_disc_mixup"]
        bank = prepared(torch.from_numpy(train), size, interpolation, None, norm, False, True)
        descriptor.linear.bias -= descriptor(bank).mean(0)
    save("descriptor", descriptor, None)
    pairs = others.copy()
    pairs[8:] = others[[9, 10, 11, 8]]
    pairs[:3] = samples[:3]
    pairs[3:8] = np.clip(samples[3:8] + random.normal(size=(5, 3, SIDE, SIDE)) * 0.3, -1.2, 1.2)
    arrays = {"train": train, "samples": samples.astype(np.float32), "pairs": pairs.astype(np.float32)}
    for name, (size, interpolation, norm) in PRESETS.items():
        with torch.no_grad():
            features = {
                kind: descriptor(prepared(torch.from_numpy(arrays[kind]), size, interpolation, None, norm, False, True))
                for kind in ("train", "samples", "pairs")
            }
            pillow = descriptor(prepared_by_pillow(torch.from_numpy(arrays["samples"]), size, interpolation, norm))
        arrays[f"{name}_features"] = features["samples"].numpy()
        arrays[f"{name}_pillow"] = pillow.numpy()
        mine, bank, theirs = (normalised(features[k].double().numpy()) for k in ("samples", "train", "pairs"))
        products = mine @ bank.T
        nearest = products.argmax(1)
        between = np.sqrt(np.maximum(0, 2 - 2 * bank @ bank.T)) + np.diag([np.inf] * len(bank))
        arrays[f"{name}_nearest"] = nearest.astype(np.float64)
        arrays[f"{name}_to_train"] = products.max(1)
        arrays[f"{name}_pairs"] = (mine * theirs).sum(1)
        distance = np.linalg.norm(mine - bank[nearest], axis=1)
        arrays[f"{name}_authentic"] = (distance > between.min(1)[nearest]).astype(np.float64)
        rounding = 1 - (mine * normalised(pillow.double().numpy())).sum(1).min()
        a = prepared(torch.from_numpy(arrays["samples"]), size, interpolation, None, norm, False, True)
        b = prepared_by_pillow(torch.from_numpy(arrays["samples"]), size, interpolation, norm)
        print(name, "largest difference to Pillow in [0, 1]:", ((a - b).abs() * torch.tensor(norm[1]).reshape(3, 1, 1)).max().item(),
              "cosine off by", rounding)
        print(np.round(products.max(1), 3), np.round(arrays[f"{name}_pairs"], 3), arrays[f"{name}_authentic"])
    np.savez_compressed(TARGET / "similarities.npz", **arrays)


if __name__ == "__main__":
    main()
