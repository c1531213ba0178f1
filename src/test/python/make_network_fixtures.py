#!/usr/bin/python3
"""Makes the networks that NetworkDenoiserTest, NetworkFlowTest and WeightLoaderTest load.

    /usr/bin/python3 src/test/python/make_network_fixtures.py

Needs PyTorch (1.13 or newer) and NumPy. The files are committed.

gaussian-KIND.pt       the network that is optimal for Gaussian data, N(mean, diag(variance)) in three dimensions, for
                       what it was trained to predict; finds its noise level from the noise label alone
conditional.pt         D = table[class_label] + weight * input, three classes and a null label
text-to-image.pt       forward takes text embeddings as well
three-inputs.pt        takes a class label, but its settings say nothing about classes
strided.pt             parameters in unusual memory: transposed, shared, one element repeated
large.pt               eight parameters of 256 MiB whose numbers are left out: the test that needs them writes zeros.
                       D is the first number of the first parameter and the last one of the last.
"""
import io
import json
import zipfile

import torch
from torch import nn

from make_model_fixtures import TARGET, save, save_tensors

MEAN = [0.3, -1.0, 0.0]
VARIANCE = [0.25, 0.01, 2.0]
LINEAR = {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}


class Gaussian(nn.Module):
    """The exact conditional expectations; the noise level comes from `sigma(label)`."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(MEAN))
        self.variance = nn.Parameter(torch.tensor(VARIANCE))

    def expect(self, input, a, b):
        """E[x0 | input] and E[eps | input] where input = a x0 + b eps; float64, since b may be tiny."""
        mean, variance = self.mean.double(), self.variance.double()
        rest = (input.double() - a * mean) / (a * a * variance + b * b)
        return mean + a * variance * rest, b * rest


class Discrete(Gaussian):
    """Variance-preserving input; the label is a timestep, whole or not."""

    def __init__(self, target: str):
        super().__init__()
        self.target = target
        kept = torch.cumprod(1 - torch.linspace(0.0001, 0.02, 1000, dtype=torch.float64), 0)
        self.logs = nn.Parameter((((1 - kept) / kept).sqrt().log()).float(), requires_grad=False)

    def forward(self, input, noise_label):
        below = noise_label.floor().clamp(0, 998)
        rest = (noise_label - below).unsqueeze(1).double()
        index = below.long()
        low, high = self.logs[index].unsqueeze(1).double(), self.logs[index + 1].unsqueeze(1).double()
        sigma = (low + rest * (high - low)).exp()
        a = 1 / (1 + sigma * sigma).sqrt()
        b = sigma * a
        x0, eps = self.expect(input, a, b)
        output = {"epsilon": eps, "v_prediction": a * eps - b * x0, "sample": x0}[self.target]
        return output.float()


class Straight(Gaussian):
    """Input (1 - t) x0 + t eps with t the label over `scale`, or the other way round."""

    def __init__(self, scale: float, to_data: bool):
        super().__init__()
        self.scale, self.to_data = scale, to_data

    def forward(self, input, noise_label):
        time = (noise_label / self.scale).unsqueeze(1).double()
        b = 1 - time if self.to_data else time
        x0, eps = self.expect(input, 1 - b, b)
        return (x0 - eps if self.to_data else eps - x0).float()


class Conditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.tensor([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0], [0.5, -0.5]]))
        self.weight = nn.Parameter(torch.tensor([0.25]))

    def forward(self, input, noise_label, class_label):
        return self.table[class_label] + self.weight * input


class TextToImage(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, input, noise_label, encoder_hidden_states, added):
        return input * self.weight + encoder_hidden_states.mean() + added.mean()


class Strided(nn.Module):
    def __init__(self):
        super().__init__()
        self.transposed = nn.Parameter(torch.arange(6.0).reshape(2, 3).t())
        self.repeated = nn.Parameter(torch.ones(1, 1).expand(3, 2))
        whole = torch.arange(12.0)
        self.front = nn.Parameter(whole[:6].reshape(3, 2))
        self.back = nn.Parameter(whole[6:].reshape(3, 2))

    def forward(self, input, noise_label):
        stacked = torch.stack([self.transposed, self.repeated, self.front, self.back])
        return input * 0 + stacked


class Large(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ParameterList([nn.Parameter(torch.zeros(8192, 8192)) for _ in range(8)])

    def forward(self, input, noise_label):
        whole = sum((layer[0, :1] * 0).sum() for layer in self.layers)
        return input * 0 + torch.stack([self.layers[0][0, 0], self.layers[7][-1, -1]]) + whole


def save_without_numbers(name, module, example, settings):
    buffer = io.BytesIO()
    traced = torch.jit.trace(module.eval(), example, check_trace=False)
    torch.jit.save(traced, buffer, _extra_files={"diffuscope.json": json.dumps(settings)})
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(TARGET / f"{name}.pt", "w") as archive:
        for entry in source.infolist():
            inner = entry.filename[entry.filename.index("/") :]
            if not inner.endswith(".debug_pkl"):
                content = b"" if inner.startswith("/data/") else source.read(entry)
                archive.writestr(zipfile.ZipInfo(name + inner, date_time=(1980, 1, 1, 0, 0, 0)), content)


def trace(name, module, shape, settings, *more):
    module.eval()
    example = (torch.randn(2, *shape), torch.full((2,), 0.5), *more)
    save(name, torch.jit.trace(module, example, check_trace=False), {"shape": shape, **settings})


def main():
    torch.set_num_threads(1)
    torch.manual_seed(20261123)
    for target in ("epsilon", "v_prediction", "sample"):
        trace(f"gaussian-{target}", Discrete(target), [3], {"preconditioning": target, "schedule": LINEAR})
    flow = {"preconditioning": "flow_matching"}
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}
    trace("gaussian-flow", Straight(1000.0, False), [3], {**flow, "schedule": scheduler})
    trace("gaussian-flow-reversed", Straight(1.0, True), [3], {**flow, "flow_direction": "noise_to_data"})
    classes = {"classes": 3, "null_label": 3}
    trace("conditional", Conditional(), [2], {"preconditioning": "denoiser", **classes}, torch.tensor([0, 1]))
    trace("three-inputs", Conditional(), [2], {"preconditioning": "denoiser"}, torch.tensor([0, 1]))
    more = (torch.randn(2, 4, 5), torch.randn(2, 5))
    trace("text-to-image", TextToImage(), [2], {"preconditioning": "denoiser"}, *more)
    trace("strided", Strided(), [4, 3, 2], {"preconditioning": "denoiser"})
    example = (torch.zeros(2, 2), torch.zeros(2))
    save_without_numbers("large", Large(), example, {"preconditioning": "denoiser", "shape": [2]})
    numbers = torch.arange(24.0).reshape(4, 3, 2) + 100
    names = ("transposed", "repeated", "front", "back")
    save_tensors("strided", {name: numbers[i] for i, name in enumerate(names)})


if __name__ == "__main__":
    main()
