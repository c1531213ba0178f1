#!/usr/bin/python3
"""Makes the small networks that the tests of io.diffuscope.model and io.diffuscope.sampling load.

    /usr/bin/python3 src/test/python/make_model_fixtures.py

Needs PyTorch (1.13 or newer) and NumPy. The files are committed.

memorizer.pt          TorchScript of the exact denoiser of 32 points in 8 dimensions, the points being its parameter
                      (zeros in the template); memorizer.safetensors holds the points
small.pt              a small convolutional network (shape [1, 4, 4], two output channels of which the first counts);
                      small-a/b.safetensors two sets of weights; small-outputs.npz inputs and what PyTorch makes of them
representation.pt     returns (output, representation)
batchnorm.pt          has buffers; batchnorm.safetensors its state dict
state-dict.pt         torch.save of a state dict: no graph
no-settings.pt        TorchScript without diffuscope.json
half.pt, bfloat16.pt, double.pt   parameters of other types
nan-below.pt          returns NaN at noise levels below 0.5
"""
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

TARGET = Path(__file__).resolve().parents[1] / "resources" / "io" / "diffuscope" / "model"


class Memorizer(nn.Module):
    """E[x0 | x] under the uniform distribution on the points; noise_label is sigma."""

    def __init__(self, count: int, size: int):
        super().__init__()
        self.points = nn.Parameter(torch.zeros(count, size))

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor) -> torch.Tensor:
        points = self.points.double()
        difference = input.double().unsqueeze(1) - points.unsqueeze(0)
        sigma = noise_label.double().unsqueeze(1)
        logits = -0.5 * difference.square().sum(dim=2) / (sigma * sigma)
        return torch.matmul(torch.softmax(logits, dim=1), points).to(input.dtype)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.noise = nn.Linear(1, 4)
        self.last = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor) -> torch.Tensor:
        x = self.first(input) + self.noise(noise_label.unsqueeze(1)).unsqueeze(2).unsqueeze(3)
        return self.last(torch.tanh(x))


class Representation(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0]))

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor):
        return input * self.weight, input.flatten(1).mean(dim=1, keepdim=True)


class Normalized(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor) -> torch.Tensor:
        return self.norm(input)


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor) -> torch.Tensor:
        return input * self.weight.to(input.dtype)


class NanBelow(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, input: torch.Tensor, noise_label: torch.Tensor) -> torch.Tensor:
        low = (noise_label < 0.5).unsqueeze(1)
        return (input * self.weight).masked_fill(low, float("nan"))


def save(name, module, settings, shape=None):
    module.eval()
    buffer = io.BytesIO()
    extra = {} if settings is None else {"diffuscope.json": json.dumps(settings)}
    torch.jit.save(torch.jit.script(module), buffer, _extra_files=extra)
    # The debug records name this machine's folders; TorchScript loads without them.
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(TARGET / f"{name}.pt", "w") as archive:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                target = name + entry.filename[entry.filename.index("/") :]
                archive.writestr(zipfile.ZipInfo(target, date_time=(1980, 1, 1, 0, 0, 0)), source.read(entry))


def save_tensors(name, tensors):
    kinds = {torch.float32: "F32", torch.int64: "I64"}
    header, data = {}, b""
    for key, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        header[key] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (TARGET / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def edm(shape):
    return {"format": 1, "preconditioning": "edm", "sigma_data": 0.5, "shape": shape}


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(20261122)
    denoiser = {"format": 1, "preconditioning": "denoiser", "shape": [8]}
    memorizer = Memorizer(32, 8)
    save("memorizer", memorizer, denoiser)
    save_tensors("memorizer", {"points": torch.randn(32, 8)})

    template = Small()
    save("small", template, edm([1, 4, 4]))
    outputs = {"input": torch.randn(5, 1, 4, 4), "noise_label": torch.randn(5)}
    for name in "ab":
        network = Small().eval()
        save_tensors(f"small-{name}", network.state_dict())
        with torch.no_grad():
            outputs[f"output_{name}"] = network(outputs["input"], outputs["noise_label"])[:, :1]
    np.savez(TARGET / "small-outputs.npz", **{k: v.numpy() for k, v in outputs.items()})

    save("representation", Representation(), edm([1, 4, 4]))
    normalized = Normalized()
    save("batchnorm", normalized, edm([1, 4, 4]))
    save_tensors("batchnorm", normalized.state_dict())
    torch.save(template.state_dict(), TARGET / "state-dict.pt")
    save("no-settings", Scale(), None)
    save("half", Scale().half(), edm([8]))
    save("bfloat16", Scale().bfloat16(), edm([8]))
    save("double", Scale().double(), edm([8]))
    save("nan-below", NanBelow(), denoiser)
    save_tensors("nan-below", {"weight": torch.ones(1)})


if __name__ == "__main__":
    main()
