"""Tests of src/main/python/diffuscope_export.py; need nothing but PyTorch (1.13 or newer) and NumPy.

    python3 src/test/python/test_diffuscope_export.py
"""
import argparse
import collections
import dataclasses
import hashlib
import http.server
import io
import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types
import unittest
import warnings
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import nn

SCRIPT = Path(__file__).resolve().parents[2] / "main" / "python" / "diffuscope_export.py"
sys.path.insert(0, str(SCRIPT.parent))
import diffuscope_export as exporter  # noqa: E402
from diffuscope_export import ExportError  # noqa: E402

SHAPE = [2, 4, 4]


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k):
        weights = torch.einsum("ncq,nck->nqk", q, k / np.sqrt(k.shape[1])).softmax(dim=2)
        ctx.save_for_backward(q, k, weights)
        ctx.scale = 2.0
        ctx.mark_non_differentiable()
        return weights

    @staticmethod
    def backward(ctx, gradient):
        raise AssertionError("no test goes backward")


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        raise AssertionError("no test goes backward")


square = Square.apply


class Network(nn.Module):
    """Everything that has to be taken care of, in little."""

    def __init__(self, seed=0, classes=None):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(2, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)
        self.noise = nn.Linear(6, 8)
        self.out = nn.Conv2d(8, 2, 1)
        self.label = nn.Embedding(classes + 1, 8) if classes else None
        self.register_buffer("frequencies", torch.randn(3))
        self.register_buffer("positions", torch.arange(8))
        self.register_buffer("cached", torch.linspace(0, 1, 8), persistent=False)
        self.plain = torch.linspace(1, 2, 8)

    def forward(self, x, noise_labels, class_labels=None):
        angle = noise_labels[:, None] * self.frequencies
        embedding = self.noise(torch.cat([angle.sin(), angle.cos()], dim=1))
        if self.label is not None:
            embedding = embedding + self.label(class_labels)
        per_channel = self.cached * self.plain + self.positions * 0.25
        per_channel = per_channel + torch.arange(8, device=x.device) * 0.5 + torch.tensor([0.125] * 8)
        h = self.norm(self.conv(x)) + (embedding + per_channel)[:, :, None, None]
        flat = h.flatten(2)
        h = h + torch.einsum("nqk,nck->ncq", Softmax.apply(flat, flat), square(flat)).reshape(h.shape)
        return self.out(torch.tanh(h))


class Small(nn.Module):
    def __init__(self, channels=2):
        super().__init__()
        torch.manual_seed(1)
        self.layer = nn.Linear(2, channels)

    def forward(self, x, t):
        h = x + torch.arange(2, device=x.device)[None, :, None, None] * 0.5 + torch.tensor([0.5, 1.5])[:, None, None]
        return self.layer((h * t[:, None, None, None]).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def nodes(graph):
    for node in graph.nodes():
        yield node
        for block in node.blocks():
            yield from nodes(block)


def put(loaded, network):
    with torch.no_grad():
        state = network.state_dict()
        for name, parameter in loaded.named_parameters():
            parameter.copy_(state[name[len("network.") :]])


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "net.pt"
        warnings.simplefilter("ignore")

    def export(self, model, **settings):
        chosen = dict(preconditioning="edm", shape=SHAPE, quiet=True)
        chosen.update(settings)
        return exporter.export(model, None, self.path, **chosen)

    def refusal(self, pattern, call, *arguments, **keywords):
        with self.assertRaisesRegex(ExportError, pattern):
            call(*arguments, **keywords)

    def assertClose(self, found, expected, tolerance=1e-6):
        self.assertEqual(found.shape, expected.shape)
        self.assertLessEqual(float((found - expected).abs().max()), tolerance * float(expected.abs().max()))


class ExportTest(Case):
    def test_a_template_takes_the_weights_and_buffers_of_another_network(self):
        self.export(Network(seed=1))
        loaded = torch.jit.load(str(self.path))
        other = Network(seed=2).eval()
        put(loaded, other)
        for batch in (1, 3, 7):
            x, t = torch.randn([batch] + SHAPE), torch.randn(batch)
            with torch.no_grad():
                self.assertClose(loaded(x, t), other(x, t))

    def test_names_are_those_of_the_state_dict_after_one_prefix(self):
        network = Network()
        settings = self.export(network)
        state = network.state_dict()
        self.assertEqual(settings["state_dict"], list(state))
        loaded = torch.jit.load(str(self.path))
        self.assertEqual(
            {name for name, _ in loaded.named_parameters()},
            {"network." + name for name, value in state.items() if value.is_floating_point()},
        )
        self.assertIn("network.norm.running_var", dict(loaded.named_parameters()))
        self.assertIn("network.cached", dict(loaded.named_buffers()))

    def test_nothing_in_the_graph_names_a_device_or_stays_behind(self):
        self.export(Network())
        loaded = torch.jit.load(str(self.path))
        for node in nodes(loaded.graph):
            if node.kind() == "prim::Constant":
                kind = node.output().type().kind()
                self.assertNotEqual(kind, "DeviceObjType")
                self.assertFalse(node.hasAttribute("value") and node.kindOf("value") == "t", str(node))
        moving = {name for name, _ in loaded.named_parameters()} | {name for name, _ in loaded.named_buffers()}
        self.assertIn("network.plain", moving)
        self.assertTrue(any(name.startswith("diffuscope_constant_") for name in moving))

    def test_a_graph_follows_its_input_to_another_device(self):
        self.export(Small())
        elsewhere = torch.jit.load(str(self.path), map_location="meta")
        output = elsewhere(torch.zeros([2] + SHAPE, device="meta"), torch.zeros(2, device="meta"))
        self.assertEqual(output.device.type, "meta")

    def test_the_network_is_left_as_it_was(self):
        network = Network().half()
        network.train()
        network.norm.eval()
        before = {name: value.clone() for name, value in network.state_dict().items()}
        attributes = set(vars(network))
        torch.manual_seed(4)
        expected = torch.rand(3)
        torch.manual_seed(4)
        self.export(network)
        self.assertTrue(torch.equal(torch.rand(3), expected), "the generator's state changed")
        self.assertTrue(network.training and network.conv.training and not network.norm.training)
        for name, value in network.state_dict().items():
            self.assertTrue(torch.equal(value, before[name]) and value.dtype == before[name].dtype, name)
        self.assertEqual(set(vars(network)), attributes)
        self.assertIn("running_mean", network.norm._buffers)
        self.assertTrue(all(value.dtype == torch.float32 for value in torch.jit.load(str(self.path)).parameters()))

    def test_autograd_functions_work_again_afterwards(self):
        self.export(Network())
        x = torch.ones(2, requires_grad=True)
        self.assertEqual(type(square(x).grad_fn).__name__, "SquareBackward")
        self.assertEqual(type(Square.apply(x).grad_fn).__name__, "SquareBackward")

    def test_classes_by_number(self):
        self.export(Network(seed=1, classes=3), classes=3, null_label=3)
        other = Network(seed=2, classes=3).eval()
        loaded = torch.jit.load(str(self.path))
        put(loaded, other)
        x, t, y = torch.randn([4] + SHAPE), torch.randn(4), torch.tensor([0, 1, 2, 3])
        with torch.no_grad():
            self.assertClose(loaded(x, t, y), other(x, t, y))

    def test_classes_become_one_hot_and_the_null_label_zeros(self):
        class OneHot(Small):
            def __init__(self):
                super().__init__()
                self.label = nn.Linear(3, 2, bias=False)

            def forward(self, x, t, vectors):
                return super().forward(x, t) + self.label(vectors)[:, :, None, None]

        network = OneHot().eval()
        self.export(network, classes=3, null_label=3, one_hot=True)
        x, t = torch.randn([4] + SHAPE), torch.randn(4)
        vectors = torch.cat([torch.eye(3), torch.zeros(1, 3)])
        with torch.no_grad():
            self.assertClose(torch.jit.load(str(self.path))(x, t, torch.arange(4)), network(x, t, vectors))

    def test_outputs_of_all_kinds(self):
        @dataclasses.dataclass
        class Output:
            sample: torch.Tensor

        class Wrapped(Small):
            wrap = staticmethod(lambda value: value)

            def forward(self, x, t):
                return self.wrap(super().forward(x, t))

        x, t = torch.randn([2] + SHAPE), torch.randn(2)
        kinds = {
            "dataclass": Output,
            "ordered": lambda v: collections.OrderedDict(extra=v[:, :1], sample=v),
            "tuple": lambda v: (v, v.mean()),
        }
        for name, wrap in kinds.items():
            with self.subTest(name):
                network = Wrapped()
                network.wrap = wrap
                self.export(network)
                self.assertClose(torch.jit.load(str(self.path))(x, t), Small()(x, t).detach())
        self.export(Small(channels=4))
        self.assertClose(torch.jit.load(str(self.path))(x, t), Small(channels=4)(x, t)[:, :2].detach())

    def test_a_representation_is_the_second_output(self):
        network = Network().eval()
        self.export(network, representation="norm")
        x, t = torch.randn([3] + SHAPE), torch.randn(3)
        with torch.no_grad():
            output, inner = torch.jit.load(str(self.path))(x, t)
            self.assertClose(inner, network.norm(network.conv(x)))
            self.assertClose(output, network(x, t))
        self.assertEqual(len(network.norm._forward_hooks), 0)
        self.refusal("no submodule 'nrom'; near are norm", self.export, network, representation="nrom")

    def test_tokens_are_written_like_an_image(self):
        class Tokens(Small):
            def __init__(self):
                super().__init__()
                self.inner = nn.Linear(2, 5)

            def forward(self, x, t):
                self.inner(x.flatten(2).transpose(1, 2))
                return super().forward(x, t)

        network = Tokens().eval()
        self.export(network, representation="inner")
        x = torch.randn([3] + SHAPE)
        _, inner = torch.jit.load(str(self.path))(x, torch.randn(3))
        self.assertClose(inner, network.inner(x.flatten(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3).detach())

    def test_settings_travel_in_the_file(self):
        schedule = {"num_train_timesteps": 50, "beta_schedule": "linear", "trained_betas": None, "variance": np.float32(0.5)}
        self.export(Small(), preconditioning="epsilon", schedule=schedule, sigma_max=20)
        with zipfile.ZipFile(str(self.path)) as archive:
            name = next(n for n in archive.namelist() if n.endswith("extra/diffuscope.json"))
            settings = json.loads(archive.read(name))
        self.assertEqual(settings["preconditioning"], "epsilon")
        self.assertEqual(settings["shape"], SHAPE)
        self.assertEqual(settings["sigma_max"], 20)
        self.assertEqual(
            settings["schedule"], {"num_train_timesteps": 50, "beta_schedule": "linear", "variance": 0.5}
        )
        self.assertEqual(settings["state_dict"], ["layer.weight", "layer.bias"])
        self.assertEqual(settings["exported_with"]["torch"], str(torch.__version__))
        self.assertNotIn("guidance", settings)

    def test_the_file_does_not_tell_of_this_machine(self):
        self.export(Network())
        with zipfile.ZipFile(str(self.path)) as archive:
            self.assertIsNone(archive.testzip())
            for entry in archive.infolist():
                self.assertNotIn(b"diffuscope_export.py", archive.read(entry), entry.filename)
                self.assertEqual(archive.getinfo(entry.filename).date_time[0], 1980)
            storages = [e for e in archive.infolist() if "/data/" in e.filename]
            raw = self.path.read_bytes()
            for entry in storages:
                name, extra = struct.unpack("<HH", raw[entry.header_offset + 26 : entry.header_offset + 30])
                self.assertEqual((entry.header_offset + 30 + name + extra) % 64, 0)
        self.assertGreater(len(storages), 8)

    def test_the_shape_comes_from_an_example(self):
        example = (torch.zeros([2] + SHAPE), torch.zeros(2))
        settings = exporter.export(Small(), example, self.path, preconditioning="edm", quiet=True)
        self.assertEqual(settings["shape"], SHAPE)
        self.refusal(
            r"shape is \[3, 4, 4\], but the example", exporter.export, Small(), example, self.path,
            preconditioning="edm", shape=[3, 4, 4], quiet=True,
        )  # fmt: skip

    def test_wrappers_of_training_are_taken_off(self):
        settings = self.export(nn.DataParallel(Small()))
        self.assertEqual(settings["state_dict"], ["layer.weight", "layer.bias"])

    def test_weights_that_are_shared_stay_shared(self):
        class Tied(Small):
            def __init__(self):
                super().__init__()
                self.second = nn.Linear(2, 2)
                self.second.weight = self.layer.weight

            def forward(self, x, t):
                return self.second(super().forward(x, t).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

        self.export(Tied())

    def test_paddings_may_come_from_a_weight(self):
        class Padded(Small):
            def __init__(self):
                super().__init__()
                self.kernel = nn.Parameter(torch.randn(2, 2, 3, 3))

            def forward(self, x, t):
                return nn.functional.conv2d(super().forward(x, t), self.kernel, padding=self.kernel.shape[-1] // 2)

        convolution = nn.functional.conv2d
        self.export(Padded())
        self.assertIs(nn.functional.conv2d, convolution)

    def test_numbers_keep_their_type(self):
        class Counts(Small):
            def forward(self, x, t):
                # An integer times a Python number is float32; with a float64 constant the rest would be float64.
                return super().forward(x, t) + (torch.arange(2) * 0.3 + 1)[:, None, None]

        self.export(Counts())
        output = torch.jit.load(str(self.path))(torch.randn([2] + SHAPE), torch.randn(2))
        self.assertEqual(output.dtype, torch.float32)

    def test_a_graph_that_freezes_something_is_refused_and_not_written(self):
        class LeavesTorch(Small):
            def forward(self, x, t):
                return super().forward(x, t) + torch.from_numpy(self.layer.weight.detach().numpy().sum(axis=1))[:, None, None]

        class KeepsBatch(Small):
            def forward(self, x, t):
                return super().forward(x, t) + torch.ones(int(x.shape[0]), 1, 1, 1)

        class KeepsBatchAsList(Small):
            def forward(self, x, t):
                return super().forward(x, t) + torch.tensor([0.5] * len(x.tolist()))[:, None, None, None]

        class Branches(Small):
            def forward(self, x, t):
                return super().forward(x, t) * (2 if float(x[0, 0, 0, 0]) > 0 else 3)

        for network, pattern in (
            (LeavesTorch(), "does not follow its weights"),
            (KeepsBatch(), "batch of 1"),
            (KeepsBatchAsList(), "batch"),
            (Branches(), "gives other outputs than the network"),
        ):
            with self.subTest(type(network).__name__):
                self.refusal(pattern, self.export, network)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_a_network_keeps_after_its_first_call_is_not_frozen(self):
        class Keeps(Small):
            kept = None

            def forward(self, x, t):
                if self.kept is None:
                    self.kept = self.layer.weight.sum(1)[:, None, None] + torch.tensor([0.5, 0.25])[:, None, None]
                return super().forward(x, t) + self.kept

        self.export(Keeps())
        loaded = torch.jit.load(str(self.path))
        other = Keeps().eval()
        with torch.no_grad():
            other.layer.weight.add_(1)
            put(loaded, other)
            x, t = torch.randn([2] + SHAPE), torch.randn(2)
            self.assertClose(loaded(x, t), other(x, t))

    def test_weights_that_sampling_does_not_use_are_named(self):
        class WithHead(Small):
            def __init__(self):
                super().__init__()
                self.head = nn.Linear(2, 1)

        with mock.patch("sys.stderr", io.StringIO()) as said:
            self.export(WithHead(), quiet=False)
        self.assertIn("does not use head.weight, head.bias:", said.getvalue())
        self.assertIn("tracing", said.getvalue())
        self.assertNotIn("layer", said.getvalue())

    def test_what_cannot_be_exported_says_what_to_do(self):
        class Random(Small):
            def forward(self, x, t):
                return super().forward(x, t) + torch.randn_like(x)

        class Larger(Small):
            def forward(self, x, t):
                return torch.cat([super().forward(x, t)] * 3, dim=1)

        class Text(Small):
            def forward(self, sample, timestep, encoder_hidden_states):
                return sample

        class Third(Small):
            def forward(self, x, t, mask):
                return x

        class NotFinite(Small):
            def forward(self, x, t):
                return super().forward(x, t) / 0

        for network, settings, pattern in (
            (Random(), {}, "draw random numbers"),
            (Larger(), {}, r"returns \[3, 6, 4, 4\] for an input of \[3, 2, 4, 4\]"),
            (Text(), {}, "text-to-image networks are not supported yet"),
            (Third(), {}, r"also wants mask: give forward=lambda"),
            (Small(), {"classes": 3}, r"which of them is the class"),
            (NotFinite(), {}, "not finite"),
            (Small(), {"shape": [3, 4, 4]}, r"cannot be called with \(float32 \[3, 3, 4, 4\]"),
            (Small(), {"preconditioning": "eps"}, "'eps' is not known; known are edm, vp"),
            (Small(), {"preconditioning": "epsilon"}, "needs schedule=.*scheduler_config.json"),
            (Small(), {"flow_direction": "data_to_noise"}, "belongs to preconditioning"),
            (Small(), {"null_label": 1}, "without classes"),
            (Small(), {"guidance": 2.0}, "needs classes= and null_label="),
            (Small(), {"schedule": "/nowhere/scheduler_config.json", "preconditioning": "sample"}, "cannot be read"),
            ({"ema": 1}, {}, "dict is no network"),
            (torch.jit.trace(nn.Linear(1, 1), torch.zeros(1, 1)), {}, "TorchScript already"),
        ):
            with self.subTest(pattern):
                self.refusal(pattern, self.export, network, **settings)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_another_way_to_call(self):
        class Third(Small):
            def forward(self, x, mask, t):
                return super().forward(x, t) * mask

        self.export(Third(), forward=lambda net, x, t, y: net(x, torch.ones_like(x), t))
        x, t = torch.randn([2] + SHAPE), torch.randn(2)
        self.assertClose(torch.jit.load(str(self.path))(x, t), Small()(x, t).detach())

    def test_inputs_are_found_by_their_names(self):
        class Diffusers(Small):
            def forward(self, hidden_states, other=None, timestep=None, class_labels=None, return_dict=True):
                return (super().forward(hidden_states, timestep) * class_labels[:, None, None, None],)

        self.export(Diffusers(), classes=5)
        x, t, y = torch.randn([2] + SHAPE), torch.randn(2), torch.tensor([1, 4])
        self.assertClose(torch.jit.load(str(self.path))(x, t, y), Small()(x, t).detach() * y[:, None, None, None])


class TrainersTest(Case):
    class Edm(nn.Module):
        """Called like the wrapped networks of EDM and EDM2."""

        def __init__(self, label_dim=3):
            super().__init__()
            self.img_channels, self.img_resolution, self.label_dim = 2, 4, label_dim
            self.sigma_min, self.sigma_max, self.use_fp16 = 0, float("inf"), True
            self.model = Small()
            self.label = nn.Linear(label_dim, 2, bias=False) if label_dim else None

        def forward(self, x, sigma, class_labels=None, force_fp32=False, **model_kwargs):
            assert force_fp32 and sigma.dim() == 1 and not self.use_fp16
            out = self.model(x, sigma.log() / 4)
            return out if self.label is None else out + self.label(class_labels.reshape(-1, self.label_dim))[:, :, None, None]

    def test_edm(self):
        network = self.Edm()
        self.assertIsNone(exporter.export_edm(network, self.path, quiet=True).get("null_label"))
        network.model.label_dropout = 0.1
        settings = exporter.export_edm({"ema": network, "loss_fn": None}, self.path, quiet=True)
        self.assertEqual(
            {k: settings.get(k) for k in ("preconditioning", "shape", "classes", "null_label", "sigma_max", "sigma_min")},
            {
                "preconditioning": "denoiser", "shape": [2, 4, 4], "classes": 3, "null_label": 3, "sigma_max": None,
                "sigma_min": None,
            },
        )  # fmt: skip
        self.assertTrue(network.use_fp16)
        settings = exporter.export_edm(self.Edm(label_dim=0), self.path, sigma_max=40, quiet=True)
        self.assertNotIn("classes", settings)
        self.assertEqual(settings["sigma_max"], 40)
        self.refusal("no network among", exporter.export_edm, {"weights": 1}, self.path)
        self.refusal("no preconditioned network of EDM", exporter.export_edm, Small(), self.path)

    def test_diffusers(self):
        class Unet(Small):
            config = {"in_channels": 2, "sample_size": 4, "num_class_embeds": None}

        class Scheduler:
            def __init__(self, name, **config):
                self.config = dict(config, _class_name=name)

        cases = [
            (Scheduler("DDPMScheduler", prediction_type="epsilon", num_train_timesteps=100), "epsilon", None),
            (Scheduler("DDIMScheduler", prediction_type="v_prediction"), "v_prediction", None),
            (Scheduler("FlowMatchEulerDiscreteScheduler", num_train_timesteps=500, shift=3.0), "flow_matching", 500.0),
            (Scheduler("EDMEulerScheduler", prediction_type="epsilon", sigma_data=0.25), "edm", None),
        ]
        for scheduler, expected, scale in cases:
            with self.subTest(expected):
                settings = exporter.export_diffusers(Unet(), scheduler, self.path, quiet=True)
                self.assertEqual(settings["preconditioning"], expected)
                self.assertEqual(settings.get("timestep_scale"), scale)
                self.assertEqual("schedule" in settings, expected != "edm")
        self.assertEqual(settings["sigma_data"], 0.25)
        saved = self.folder / "scheduler_config.json"
        saved.write_text(json.dumps({"_class_name": "DDPMScheduler", "prediction_type": "sample"}))
        self.assertEqual(
            exporter.export_diffusers(Unet(), self.folder, self.path, quiet=True)["schedule"],
            {"_class_name": "DDPMScheduler", "prediction_type": "sample"},
        )
        pipeline = types.SimpleNamespace(unet=Unet(), scheduler=cases[1][0])
        self.assertEqual(
            exporter.export_diffusers(pipeline, None, self.path, quiet=True)["preconditioning"], "v_prediction"
        )
        self.refusal("how was the model trained", exporter.export_diffusers, Unet(), None, self.path)
        self.refusal(
            "contradicts the scheduler", exporter.export_diffusers, Unet(), cases[0][0], self.path, preconditioning="sample"
        )
        self.refusal("no scheduler: give a diffusers", exporter.export_diffusers, Unet(), object(), self.path)


class FakeImage:
    """What Pillow's images have in common."""

    def __init__(self, array, mode):
        self._array, self.mode = array, mode
        self.size = array.shape[1], array.shape[0]

    def getbands(self):
        return tuple(self.mode)

    def tobytes(self):
        return self._array.tobytes()

    def convert(self, mode):
        return FakeImage(np.repeat(self._array[:, :, None], 3, axis=2), mode)


def transform_class(name, with_p):
    """A transform as torchvision has them."""

    def __init__(self, p=0.5):
        if with_p:
            self.p = p

    def __call__(self, x):
        return x.flip(-1) if torch.rand(()) < getattr(self, "p", 0.5) else x

    return type(name, (), {"__init__": __init__, "__call__": __call__, "__module__": "torchvision.transforms.transforms"})


class Compose:
    __module__ = "torchvision.transforms.transforms"

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x

    def __repr__(self):
        return "Compose(\n    %s\n)" % ", ".join(type(t).__name__ for t in self.transforms)


class Images(torch.utils.data.Dataset):
    def __init__(self, points, labels=None, transform=None):
        self.points, self.labels, self.transform = points, labels, transform

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        point = self.points[index]
        point = self.transform(point) if self.transform else point
        return point if self.labels is None else (point, self.labels[index])


class ExportDataTest(Case):
    def setUp(self):
        super().setUp()
        self.target = self.folder / "data"
        generator = torch.Generator().manual_seed(3)
        self.points = torch.randn([10, 2, 3, 3], generator=generator)
        self.labels = [i % 4 for i in range(10)]

    def data(self, *arguments, **keywords):
        keywords.setdefault("quiet", True)
        return exporter.export_data(arguments[0], self.target, *arguments[1:], **keywords)

    def read(self):
        """The folder, read by the format's description alone."""
        index = json.loads((self.target / "index.json").read_text())
        arrays = collections.defaultdict(list)
        for shard in index["shards"]:
            raw = (self.target / shard["file"]).read_bytes()
            (size,) = struct.unpack("<Q", raw[:8])
            self.assertEqual(size % 8, 0)
            header = json.loads(raw[8 : 8 + size])
            end = 8 + size
            for name, entry in header.items():
                if name != "__metadata__":
                    begin, stop = entry["data_offsets"]
                    self.assertEqual(begin + 8 + size, end)
                    end = stop + 8 + size
                    kind = {"F32": "<f4", "F16": "<f2", "U8": "u1", "I64": "<i8"}[entry["dtype"]]
                    arrays[name].append(np.frombuffer(raw[begin + 8 + size : end], kind).reshape(entry["shape"]))
            self.assertEqual(end, len(raw))
            self.assertEqual(len(arrays["points"][-1]), shard["count"])
        self.assertEqual(index["format"], "diffuscope-data")
        self.assertEqual(index["version"], 1)
        return index, {name: np.concatenate(parts) for name, parts in arrays.items()}

    def test_points_labels_and_ids_in_shards(self):
        returned = self.data(Images(self.points, self.labels), shard_size=4)
        index, arrays = self.read()
        self.assertEqual(returned, index)
        self.assertEqual([s["file"] for s in index["shards"]], ["data-0000%d-of-00003.safetensors" % i for i in range(3)])
        self.assertEqual((index["count"], index["shape"], index["dtype"], index["labels"]), (10, [2, 3, 3], "F32", True))
        np.testing.assert_array_equal(arrays["points"], self.points.numpy())
        np.testing.assert_array_equal(arrays["labels"], self.labels)
        np.testing.assert_array_equal(arrays["ids"], np.arange(10))
        self.assertEqual(sorted(f.suffix for f in self.target.iterdir()), [".json"] + [".safetensors"] * 3)

    def test_the_content_hash_is_the_documented_one_for_any_shard_size(self):
        values = hashlib.sha256(self.points.numpy().astype("<f4").tobytes()).hexdigest()
        text = "points 10\nshape 2,3,3\ndtype F32\nvalues %s\n" % values
        expected = hashlib.sha256(text.encode()).hexdigest()
        self.assertEqual(self.data(Images(self.points))["content_hash"], expected)
        self.assertEqual(self.data(Images(self.points), shard_size=3, overwrite=True)["content_hash"], expected)
        other = self.data(Images(self.points[:9]), overwrite=True)
        self.assertNotEqual(other["content_hash"], expected)
        self.assertEqual(len(list(self.target.glob("*.safetensors"))), 1, "old shards are gone")

    def test_a_limit_is_spread_over_the_set(self):
        self.data(Images(self.points, self.labels), limit=4)
        _, arrays = self.read()
        np.testing.assert_array_equal(arrays["ids"], [0, 2, 5, 7])
        np.testing.assert_array_equal(arrays["points"], self.points.numpy()[[0, 2, 5, 7]])

    def test_loaders_are_read_in_the_order_of_their_set(self):
        loader = torch.utils.data.DataLoader(Images(self.points, self.labels), batch_size=3, shuffle=True, drop_last=True)
        self.data(loader)
        _, arrays = self.read()
        np.testing.assert_array_equal(arrays["points"], self.points.numpy())
        np.testing.assert_array_equal(arrays["labels"], self.labels)

    def test_loaders_of_dicts_and_of_single_points(self):
        items = [{"pixel_values": p, "name": "x"} for p in self.points]
        self.data(torch.utils.data.DataLoader(items, batch_size=4))
        np.testing.assert_array_equal(self.read()[1]["points"], self.points.numpy())
        self.data(torch.utils.data.DataLoader(Images(self.points), batch_size=None), overwrite=True)
        np.testing.assert_array_equal(self.read()[1]["points"], self.points.numpy())

    def test_iterable_sets(self):
        points = self.points

        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter([{"jpg": p, "cls": i, "__key__": str(i)} for i, p in enumerate(points)])

        self.data(Stream(), limit=7)
        index, arrays = self.read()
        self.assertEqual(index["count"], 7)
        np.testing.assert_array_equal(arrays["points"], points.numpy()[:7])
        np.testing.assert_array_equal(arrays["labels"], np.arange(7))
        self.data(torch.utils.data.DataLoader(Stream(), batch_size=4), overwrite=True)
        np.testing.assert_array_equal(self.read()[1]["points"], points.numpy())
        self.data((p for p in points), overwrite=True)
        np.testing.assert_array_equal(self.read()[1]["points"], points.numpy())

    def test_images_become_bytes_with_channels_first(self):
        pixels = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)
        for name, item in (("image", FakeImage(pixels, "RGB")), ("array", pixels), ("tensor", torch.from_numpy(pixels).permute(2, 0, 1))):
            with self.subTest(name):
                self.data([item] * 2, overwrite=True)
                index, arrays = self.read()
                self.assertEqual((index["dtype"], index["shape"]), ("U8", [3, 6, 5]))
                np.testing.assert_array_equal(arrays["points"][1], pixels.transpose(2, 0, 1))
        self.data([FakeImage(pixels[:, :, 0].copy(), "L")], overwrite=True)
        np.testing.assert_array_equal(self.read()[1]["points"][0, 0], pixels[:, :, 0])
        self.data([FakeImage(pixels[:, :, 0].copy(), "P")], overwrite=True)
        self.assertEqual(self.read()[0]["shape"], [3, 6, 5])

    def test_labels_of_all_kinds(self):
        for given in (np.eye(4, dtype=np.float32)[self.labels], torch.tensor(self.labels), np.array(self.labels)):
            self.data(Images(self.points, given), overwrite=True)
            np.testing.assert_array_equal(self.read()[1]["labels"], self.labels)
        for given in (self.labels, lambda i: self.labels[i]):
            self.data(Images(self.points), given, overwrite=True)
            np.testing.assert_array_equal(self.read()[1]["labels"], self.labels)
        self.data(Images(self.points, self.labels), False, overwrite=True)
        index, arrays = self.read()
        self.assertFalse(index["labels"] or "labels" in arrays)
        self.data(Images(self.points, ["a caption"] * 10), overwrite=True)
        self.assertFalse(self.read()[0]["labels"])
        self.refusal("point 0 has no class", self.data, Images(self.points, ["a caption"] * 10), True, overwrite=True)

    def test_augmentation_is_off_while_the_data_are_read(self):
        flip = transform_class("RandomHorizontalFlip", True)()
        data = torch.utils.data.Subset(Images(self.points, transform=Compose([flip])), range(10))
        index = self.data(data)
        np.testing.assert_array_equal(self.read()[1]["points"], self.points.numpy())
        self.assertEqual(flip.p, 0.5)
        self.assertEqual(index["transform"], "Compose( RandomHorizontalFlip ); off: RandomHorizontalFlip")

    def test_augmentation_in_a_closure_is_found(self):
        augmentations = Compose([transform_class("RandomHorizontalFlip", True)(p=1.0)])
        self.data(Images(self.points, transform=lambda x: augmentations(x)))
        np.testing.assert_array_equal(self.read()[1]["points"], self.points.numpy())

    def test_augmentation_that_cannot_be_turned_off_is_refused(self):
        crop = Images(self.points, transform=Compose([transform_class("RandomCrop", False)()]))
        self.refusal("cannot be turned off: RandomCrop; give the data set a fixed one", self.data, crop)
        noisy = Images(self.points, transform=lambda x: x + torch.randn(()))
        self.refusal("reading the data twice gives different points", self.data, noisy)
        self.assertEqual(list(self.target.iterdir()), [])
        torch.manual_seed(0)
        self.data(noisy, allow_random=True)
        self.assertEqual(self.read()[0]["count"], 10)

        class Shuffled(torch.utils.data.IterableDataset):
            def __iter__(this):
                return iter(self.points[torch.randperm(10)])

        self.refusal("and shuffling", self.data, Shuffled(), overwrite=True)

    def test_a_transform_is_applied_to_each_point(self):
        def double(x):
            return x * 2

        index = self.data(Images(self.points, self.labels), transform=double, dtype="float16")
        _, arrays = self.read()
        self.assertEqual(index["dtype"], "F16")
        self.assertTrue(index["transform"].endswith("double"))
        np.testing.assert_array_equal(arrays["points"], (self.points * 2).half().numpy())

    def test_an_export_that_is_interrupted_has_no_index(self):
        def broken():
            yield from self.points
            raise OSError("the disk is gone")

        with self.assertRaises(OSError):
            self.data(broken(), shard_size=4)
        self.assertEqual(list(self.target.iterdir()), [])
        self.data(Images(self.points))
        self.refusal("holds an export already", self.data, Images(self.points))
        with self.assertRaises(OSError):
            self.data(broken(), overwrite=True)
        self.assertFalse((self.target / "index.json").exists(), "an index without its shards")

    def test_the_index_is_written_last(self):
        order = []
        replace = os.replace
        with mock.patch("os.replace", lambda a, b: (order.append(Path(b).name), replace(a, b))):
            self.data(Images(self.points), shard_size=5)
        self.assertEqual(order[-1], "index.json")
        self.assertEqual(len(order), 3)

    def test_points_that_cannot_be_used_are_refused(self):
        bad = self.points.clone()
        bad[7, 0, 0, 0] = float("nan")
        for data, pattern in (
            (Images(bad), "point 7: has values that are not finite"),
            ([torch.zeros(1, 2), torch.zeros(1, 3)], "all points need one shape"),
            ([np.zeros((8, 8, 3), np.float32)], "looks like channels last"),
            ([torch.zeros(3, dtype=torch.int64)], "values of type torch.int64"),
            (["a path"], "str is no image or array"),
            ([{"caption": "x"}], "which entry is the point"),
            ([], "the data set is empty"),
            ((p for p in ()), "yields no points"),
            (3, "int is no data set"),
            ([FakeImage(np.zeros((4, 4, 4), np.uint8), "RGBA")], "mode RGBA"),
            ([(self.points[0], 1), (self.points[1], None)], "some points have a class"),
        ):
            with self.subTest(pattern):
                self.refusal(pattern, self.data, data, overwrite=True)
                self.assertEqual(list(self.target.iterdir()), [])


class ConvertTest(Case):
    def setUp(self):
        super().setUp()
        self.source, self.out = self.folder / "last.ckpt", self.folder / "out.safetensors"

    def read(self):
        raw = self.out.read_bytes()
        (size,) = struct.unpack("<Q", raw[:8])
        header = json.loads(raw[8 : 8 + size])
        header.pop("__metadata__")
        self.assertEqual(8 + size + max(e["data_offsets"][1] for e in header.values()), len(raw))
        return header, raw[8 + size :]

    def convert(self, **options):
        return exporter.convert(self.source, self.out, quiet=True, **options)

    def test_nested_dictionaries_without_the_optimizer(self):
        network = Small()
        weights = {"layer.weight": network.layer.weight.detach().bfloat16(), "layer.bias": network.layer.bias.detach()}
        torch.save(
            {
                "ema": weights, "state_dict": network.state_dict(), "step": 5,
                "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}, "lr_schedulers": [{"x": torch.zeros(1)}],
            },
            str(self.source),
        )  # fmt: skip
        self.convert()
        header, data = self.read()
        self.assertEqual(
            set(header), {"ema.layer.weight", "ema.layer.bias", "state_dict.layer.weight", "state_dict.layer.bias"}
        )
        self.assertEqual(header["ema.layer.weight"]["dtype"], "BF16")
        begin, end = header["state_dict.layer.weight"]["data_offsets"]
        np.testing.assert_array_equal(np.frombuffer(data[begin:end], "<f4"), network.layer.weight.detach().numpy().ravel())
        self.assertEqual(set(self.convert(key="ema")), {"layer.weight", "layer.bias"})
        self.refusal("has nothing below 'nothing'; there is ema, state_dict", self.convert, key="nothing")

    def test_views_and_scalars(self):
        torch.save({"t": torch.arange(6.0).reshape(2, 3).t(), "s": torch.tensor(3), "e": torch.zeros(0)}, str(self.source))
        self.convert()
        header, data = self.read()
        begin, end = header["t"]["data_offsets"]
        np.testing.assert_array_equal(np.frombuffer(data[begin:end], "<f4"), [0, 3, 1, 4, 2, 5])
        self.assertEqual((header["s"]["shape"], header["e"]["shape"]), ([], [0]))

    def test_code_in_a_checkpoint_runs_only_when_trusted(self):
        marker = self.folder / "ran"

        class Hostile:
            def __reduce__(self):
                return (Path.touch, (marker,))

        torch.save({"model": Small().state_dict(), "args": Hostile()}, str(self.source))
        self.refusal("--trust", self.convert)
        self.assertFalse(marker.exists() or self.out.exists())
        self.convert(trust=True)
        self.assertTrue(marker.exists())
        self.assertEqual(set(self.read()[0]), {"model.layer.weight", "model.layer.bias"})

    def test_plain_pickles_and_arguments_of_a_trainer(self):
        with open(str(self.source), "wb") as file:
            pickle.dump({"ema": Small(), "options": argparse.Namespace(lr=1)}, file)
        self.refusal("cannot be read", self.convert)
        self.convert(trust=True)
        self.assertEqual(set(self.read()[0]), {"ema.layer.weight", "ema.layer.bias"})

    def test_files_that_hold_nothing(self):
        self.refusal("no such file", self.convert)
        self.source.write_bytes(b"PK\x03\x04 no archive")
        self.refusal("cannot be read", self.convert)
        torch.save({"step": 3}, str(self.source))
        self.refusal("holds no tensors", self.convert)
        self.source.unlink()
        self.source.mkdir()
        self.refusal("is a directory", self.convert)

    def test_the_command(self):
        def run(*arguments):
            return subprocess.run(
                [sys.executable, "-W", "ignore", str(SCRIPT)] + [str(a) for a in arguments],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
            )  # fmt: skip

        torch.save(Small().state_dict(), str(self.source))
        done = run("convert", self.source, self.out)
        self.assertEqual((done.returncode, set(self.read()[0])), (0, {"layer.weight", "layer.bias"}), done.stderr)
        failed = run("convert", self.folder / "absent", self.out)
        self.assertEqual(failed.returncode, 3)
        self.assertRegex(failed.stderr, "^diffuscope_export: error: .*absent: no such file")
        self.assertNotIn("Traceback", failed.stderr)
        self.assertIn("convert", run("--help").stdout)
        self.assertIn("--trust", run("edm", self.source, self.path).stderr)
        self.assertEqual(run("edm", "--help").returncode, 0)
        self.assertIn("no model of diffusers", run("diffusers", self.folder, self.path).stderr)


class Monitor(http.server.ThreadingHTTPServer):
    """A real server on the loopback that keeps what it was sent and answers as it was told."""

    daemon_threads = True

    def __init__(self):
        self.seen, self.status, self.body, self.headers, self.hang = [], 202, b"{}", {}, None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.path, dict(self.headers), content))
                if outer.hang is not None:
                    outer.hang.wait(60)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Those who do not wait for the answer have gone."""

    def close(self):
        if self.hang is not None:
            self.hang.set()
        self.shutdown()
        self.server_close()


class AnnounceTest(unittest.TestCase):
    def setUp(self):
        self.monitor = Monitor()
        self.addCleanup(self.monitor.close)
        own = ("RANK", "SLURM_PROCID")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DIFFUSCOPE") and k not in own}
        environment.update(DIFFUSCOPE_URL=self.monitor.url, DIFFUSCOPE_TOKEN="token-of-the-test")
        for patch in (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(exporter, "_ANNOUNCER", exporter._Announcer()),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def announce(self, *arguments, **keywords):
        """What it returns, and what it says."""
        said = io.StringIO()
        with mock.patch.object(sys, "stderr", said):
            taken = exporter.announce(*arguments, **keywords)
        return taken, said.getvalue()

    def test_what_is_sent(self):
        self.assertEqual(self.announce("/runs/my run/step-12.pt", 1200), (True, ""))
        path, headers, body = self.monitor.seen[0]
        self.assertEqual(path, "/api/v1/runs/my-run/checkpoints")
        self.assertEqual(headers["Authorization"], "Bearer token-of-the-test")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(json.loads(body), {"path": "/runs/my run/step-12.pt", "step": 1200})

        with tempfile.TemporaryDirectory() as folder:
            before = os.getcwd()
            os.chdir(folder)
            try:
                here = os.getcwd()
                self.assertTrue(exporter.announce(Path("checkpoint-5"), run="a/b", token="another-token"))
            finally:
                os.chdir(before)
        path, headers, body = self.monitor.seen[1]
        self.assertEqual(path, "/api/v1/runs/a%2Fb/checkpoints")
        self.assertEqual(headers["Authorization"], "Bearer another-token")
        self.assertEqual(json.loads(body), {"path": os.path.join(here, "checkpoint-5")})

        self.assertTrue(exporter.announce("s3://bucket/run/checkpoint-5/", torch.tensor(5)))
        self.assertEqual(self.monitor.seen[2][0], "/api/v1/runs/run/checkpoints")
        self.assertEqual(json.loads(self.monitor.seen[2][2]), {"path": "s3://bucket/run/checkpoint-5", "step": 5})

    def test_the_run_is_that_of_the_folder(self):
        for path, run in [
            ("/runs/7/step-1.pt", "7"),
            ("/runs/lr 1e-4/checkpoint-5", "lr-1e-4"),
            ("/logs/version_0/checkpoints/epoch=1.ckpt", "version_0"),
            ("/checkpoints/a.pt", "checkpoints"),
            ("/a.pt", "run"),
            ("/%s/a.pt" % ("x" * 150), "x" * 100),
        ]:
            self.assertEqual(exporter._run_of(path), run)
        with mock.patch.dict(os.environ, DIFFUSCOPE_RUN="named"):
            exporter.announce("/runs/7/a.pt")
        self.assertEqual(self.monitor.seen[-1][0], "/api/v1/runs/named/checkpoints")

    def test_the_token_may_lie_in_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "token"
            file.write_text("from-a-file\n")
            del os.environ["DIFFUSCOPE_TOKEN"]
            os.environ["DIFFUSCOPE_TOKEN_FILE"] = str(file)
            self.assertTrue(exporter.announce("/runs/7/a.pt"))
            self.assertEqual(self.monitor.seen[0][1]["Authorization"], "Bearer from-a-file")
            file.unlink()
            taken, said = self.announce("/runs/7/a.pt")
            self.assertFalse(taken)
            self.assertIn("DIFFUSCOPE_TOKEN_FILE", said)
        del os.environ["DIFFUSCOPE_TOKEN_FILE"]
        self.assertIn("set DIFFUSCOPE_TOKEN", self.announce("/runs/7/a.pt")[1])
        self.assertFalse(exporter.announce("/runs/7/a.pt", token="two\r\nX-Other: lines"))
        self.assertEqual(len(self.monitor.seen), 1)

    def test_only_the_first_process_posts(self):
        for name in ("SLURM_PROCID", "RANK"):
            os.environ[name] = "3"
            self.assertEqual(self.announce("/runs/7/a.pt"), (False, ""))
            os.environ[name] = "0"
            self.assertTrue(exporter.announce("/runs/7/a.pt"))
        self.assertEqual(len(self.monitor.seen), 2)
        with tempfile.TemporaryDirectory() as folder:
            torch.distributed.init_process_group("gloo", init_method="file://%s/store" % folder, rank=0, world_size=1)
            try:
                os.environ["RANK"] = "3"
                self.assertTrue(exporter.announce("/runs/7/a.pt"), "what torch says goes first")
                with mock.patch.object(torch.distributed, "get_rank", return_value=1):
                    self.assertFalse(exporter.announce("/runs/7/a.pt"))
            finally:
                torch.distributed.destroy_process_group()
        self.assertEqual(len(self.monitor.seen), 3)

    def test_a_refusal_is_said_once_for_each_cause(self):
        self.monitor.status, self.monitor.body = 404, b'{"error": "no run \\"7\\" is watched:\\u001b[31m there is a"}'
        taken, said = self.announce("/runs/7/a.pt")
        self.assertFalse(taken)
        self.assertRegex(said, 'HTTP 404.*no run "7" is watched: .31m there is a')
        self.assertNotIn("\033", said)
        self.assertEqual(self.announce("/runs/7/b.pt"), (False, ""))
        self.monitor.status, self.monitor.body = 500, b"<html>"
        self.assertIn("HTTP 500", self.announce("/runs/7/b.pt")[1])
        self.monitor.status, self.monitor.body = 200, b'{"other": "service"}'
        self.assertIn("is that Diffuscope?", self.announce("/runs/7/b.pt")[1])
        self.monitor.status = 202
        self.assertEqual(self.announce("/runs/7/c.pt"), (True, ""))
        self.assertEqual(len(self.monitor.seen), 5)

    def test_the_token_follows_no_redirect_and_no_proxy(self):
        other = Monitor()
        self.addCleanup(other.close)
        self.monitor.headers = {"Location": other.url + "/api/v1/runs/7/checkpoints"}
        for status in (301, 302, 303, 307, 308):
            self.monitor.status = status
            taken, said = self.announce("/runs/7/a.pt")
            self.assertFalse(taken)
            self.assertIn("HTTP %d" % status, said)
        self.monitor.status, self.monitor.headers = 202, {}
        with mock.patch.dict(os.environ, http_proxy=other.url, HTTP_PROXY=other.url, all_proxy=other.url):
            self.assertTrue(exporter.announce("/runs/7/a.pt"))
        self.assertEqual(other.seen, [])

    def test_of_a_slow_monitor_it_is_not_known_and_the_next_ones_are_announced(self):
        self.monitor.hang = threading.Event()
        taken, said = self.announce("/runs/7/a.pt", timeout=0.2)
        self.assertIsNone(taken)
        self.assertIn("did not answer", said)
        self.assertIn("whether the checkpoint was taken is not known", said)
        self.assertEqual(self.announce("/runs/7/b.pt", timeout=0.2), (None, ""))
        self.monitor.hang.set()
        for thread in list(exporter._ANNOUNCER._under_way[self.monitor.url]):
            thread.join(60)
        self.assertEqual(self.announce("/runs/7/c.pt", timeout=60), (True, ""))
        self.assertEqual(self.announce("/runs/7/a.pt", timeout=60), (True, ""))
        paths = [json.loads(body)["path"][-4:] for _, _, body in self.monitor.seen]
        self.assertEqual(sorted(paths), ["a.pt", "a.pt", "b.pt", "c.pt"])

    def test_an_answer_that_breaks_off_is_unknown_too(self):
        for answer in (b"", b"HTTP/1.1 20", b"no HTTP\r\n\r\n"):
            with socket.socket() as listening, mock.patch.object(exporter, "_ANNOUNCER", exporter._Announcer()):
                listening.bind(("127.0.0.1", 0))
                listening.listen(1)

                def serve(answer=answer, listening=listening):
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)

                thread = threading.Thread(target=serve, daemon=True)
                thread.start()
                url = "http://127.0.0.1:%d" % listening.getsockname()[1]
                self.assertIsNone(self.announce("/runs/7/a.pt", url=url, timeout=60)[0], answer)
                thread.join(60)

    def test_those_that_wait_for_an_answer_are_limited(self):
        release = threading.Event()
        self.addCleanup(release.set)
        with mock.patch.object(exporter._Post, "run", lambda post: (setattr(post, "sent", True), release.wait(60))):
            for _ in range(exporter._MOST_UNDER_WAY):
                self.assertIsNone(self.announce("/runs/7/a.pt", timeout=0.001)[0])
            taken, said = self.announce("/runs/7/a.pt", timeout=0.001)
        self.assertIs(taken, False)
        self.assertIn("8 announcements are still without an answer", said)

    def test_nobody_there(self):
        self.monitor.close()
        now = [0.0]
        with mock.patch.object(exporter.time, "monotonic", lambda: now[0]):
            taken, said = self.announce("/runs/7/a.pt")
            self.assertFalse(taken)
            self.assertRegex(said, "cannot be reached .*refused.*")
            waits = []
            for _ in range(8):
                now[0] = exporter._ANNOUNCER._quiet_until[self.monitor.url]
                self.assertEqual(self.announce("/runs/7/a.pt"), (False, ""))
                waits.append(exporter._ANNOUNCER._quiet_until[self.monitor.url] - now[0])
        self.assertEqual(waits, [60, 120, 240, 480, 600, 600, 600, 600])

    def test_nothing_is_raised(self):
        for arguments, keywords in [
            ((None,), {}),
            (("/runs/7/a\0b.pt", "many"), {}),
            (("/runs/7/a.pt", float("nan")), {}),
            (("/runs/7/a.pt",), {"timeout": None}),
            (("/runs/7/a.pt",), {"url": "ftp://here/"}),
            (("/runs/7/a.pt",), {"url": "file:///etc/passwd"}),
            (("/runs/7/a.pt",), {"url": "http://[bad"}),
            (("/runs/7/a.pt",), {"url": "http://name:secret@localhost/"}),
        ]:
            with mock.patch.object(exporter, "_ANNOUNCER", exporter._Announcer()):
                taken, said = self.announce(*arguments, **keywords)
            self.assertIs(taken, False, (arguments, keywords))
            self.assertRegex(said, "^diffuscope_export: .*\n$")
            self.assertNotIn("secret", said)
        with mock.patch.object(sys, "stderr", None):
            self.assertFalse(exporter.announce("/runs/7/a.pt", url="ftp://elsewhere/"))
        self.assertEqual(self.monitor.seen, [])


if __name__ == "__main__":
    print("torch", torch.__version__, "Python", sys.version.split()[0], file=sys.stderr)
    unittest.main()
