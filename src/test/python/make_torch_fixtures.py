"""Writes the checkpoint fixtures of the tests with PyTorch, in the way of many trainers.

Usage: python make_torch_fixtures.py [ROOT]     (ROOT: the repository, default ".")

Writes into tensorfile/torch-VERSION of the test resources, VERSION being that of the PyTorch at hand;
the committed ones are of 1.13.1 (Debian's) and 2.13.0. What needs a newer PyTorch than the one at hand,
or the safetensors library, is left out. Beside each checkpoint lies an .npz with what must be read of
it, by dotted names, written by NumPy from the tensors themselves.

`--processes` is used by the script itself.
"""

import argparse
import collections
import io
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import types
import zipfile

import numpy as np
import torch

ARGUMENTS = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
ROOT = pathlib.Path(ARGUMENTS[0] if ARGUMENTS else ".")
VERSION = ".".join(torch.__version__.split("+")[0].split(".")[:2])
OUT = ROOT / "src/test/resources/io/diffuscope/tensorfile" / f"torch-{VERSION}"
NEW = int(VERSION.split(".")[0]) >= 2


def numpy(tensor):
    """The values as NumPy has them; what it has no type for in float32, which holds them all."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    if str(tensor.dtype) in ("torch.uint16", "torch.uint32", "torch.uint64"):
        tensor = tensor.to(torch.int64)
    return tensor.numpy()


def flat(value, prefix=""):
    """Dotted names of the tensors in nested dictionaries and lists."""
    found = {}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        name = f"{prefix}{key}"
        if isinstance(item, torch.Tensor):
            found[name] = item
        elif isinstance(item, (dict, list, tuple)):
            found.update(flat(item, name + "."))
    return found


def expect(name, tensors):
    readable = {key: numpy(tensor) for key, tensor in tensors.items() if "float8" not in str(tensor.dtype)}
    np.savez(OUT / f"{name}.npz", **readable)


class Small(torch.nn.Module):
    """Two convolutions, one of them in the layout of images, a normalization with buffers, tied weights."""

    def __init__(self):
        super().__init__()
        self.conv_in = torch.nn.Conv2d(3, 4, 3)
        self.blocks = torch.nn.ModuleList([torch.nn.Conv2d(4, 4, (1, 2)), torch.nn.Linear(4, 5)])
        self.norm = torch.nn.BatchNorm2d(4)
        self.out = torch.nn.Linear(4, 5, bias=False)
        self.out.weight = self.blocks[1].weight
        self.register_buffer("table", torch.arange(6.0).reshape(2, 3))
        self.register_buffer("scratch", torch.ones(2), persistent=False)

    def forward(self, x):
        x = self.blocks[0](self.norm(self.conv_in(x)))
        return self.out(self.blocks[1](x.mean((2, 3))) @ self.out.weight)


def network():
    net = Small()
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape))
    net.conv_in.to(memory_format=torch.channels_last)
    return net


def trained(net):
    """An optimizer with a state."""
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    net(torch.randn(2, 3, 6, 6)).square().mean().backward()
    optimizer.step()
    return optimizer


def views():
    """One storage seen in several ways, and every type."""
    base = torch.arange(120.0).reshape(4, 5, 6)
    tensors = {
        "whole": base,
        "transposed": base.permute(2, 0, 1),
        "slice": base[1:3, ::2, 1:],
        "row": base[2, 3],
        "element": base[3, 4, 5],
        "expanded": base[0, 0, :3].expand(4, 3),
        "diagonal": base[0].as_strided((5,), (7,)),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "large_transposed": torch.randn(9, 130).t(),
        "images": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
    }
    values = torch.tensor([-3.0, 0.5, 7.0, 100.0])
    for kind in ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]:
        tensors[kind] = values.abs().to(getattr(torch, kind))
    tensors["bool"] = torch.tensor([True, False, True])
    if NEW:
        tensors["uint16"] = torch.tensor([1, 65535], dtype=torch.uint16)
        tensors["float8_e4m3fn"] = values.to(torch.float8_e4m3fn)
    return tensors


def zips():
    net, average = network(), network()
    optimizer = trained(net)
    dit = {
        "model": net.state_dict(),
        "ema": average.state_dict(),
        "opt": optimizer.state_dict(),
        "args": argparse.Namespace(results_dir=pathlib.Path("results"), lr=1e-4),
        "steps": 12,
    }
    torch.save(dit, OUT / "dit.pt")
    expect("dit", flat({key: dit[key] for key in ("model", "ema", "opt")}))

    wrapped = {"module._orig_mod." + key: value for key, value in net.state_dict().items()}
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 30)
    torch.save(
        {
            "epoch": 1,
            "global_step": 200,
            "pytorch-lightning_version": "2.4.0",
            "state_dict": wrapped,
            "loops": collections.defaultdict(dict, fit={"state": {1, 2}}),
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [schedule.state_dict()],
            "schedule": schedule,
            "hyper_parameters": {"widths": (4, 4), "rate": 1e-3, "big": 1 << 70, "blob": b"\0" * 6000},
        },
        OUT / "lightning.ckpt",
        pickle_protocol=4,
    )
    expect("lightning", {**flat(wrapped, "state_dict."), **flat([optimizer.state_dict()], "optimizer_states.")})

    for protocol in (2, 3, 4, 5):
        torch.save(views(), OUT / "scratch.pt", pickle_protocol=protocol)
        shutil.move(OUT / "scratch.pt", OUT / f"views-{protocol}.pt")
        if protocol == 2:
            tensors = torch.load(OUT / "views-2.pt")
            expect("views", tensors)
            big_endian(OUT / "views-2.pt", OUT / "views-big-endian.pt", tensors)
            large_entries(OUT / "views-2.pt", OUT / "views-zip64.pt")
        else:
            # The random ones differ.
            torch.save(tensors, OUT / f"views-{protocol}.pt", pickle_protocol=protocol)
    torch.save(net, OUT / "module.pt")
    torch.save({"step": 3, "model": net}, OUT / "module-inside.pt")
    torch.save({"step": 3, "args": [1, "two"]}, OUT / "no-tensors.pt")
    torch.save(torch.arange(5.0), OUT / "bare.pt")
    expect("bare", {"tensor": torch.arange(5.0)})


class Attack:
    """What it reduces to is called when Python loads it."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def attacks():
    """Each would make a file in the working directory of whoever loads it in Python."""
    command = "touch diffuscope-was-attacked"
    weights = {"weight": torch.ones(2)}
    torch.save({**weights, "step": Attack(os.system, command)}, OUT / "attack-system.pt")
    torch.save({**weights, "step": Attack(eval, "__import__('os').system('" + command + "')")}, OUT / "attack-eval.pt")
    torch.save(
        {**weights, "step": Attack(subprocess.Popen, ["touch", "diffuscope-was-attacked"])},
        OUT / "attack-popen.pt",
        pickle_protocol=4,
    )
    torch.save(
        {**weights, "step": Attack(os.system, command)},
        OUT / "attack-legacy.pt",
        _use_new_zipfile_serialization=False,
    )


def big_endian(source, target, tensors):
    """The same archive as a big-endian machine writes it."""
    sizes = {storage_key(name): tensor.element_size() for name, tensor in keyed(source, tensors).items()}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if name.endswith("/byteorder"):
                continue
            data = old.read(name)
            key = name.split("/data/")
            if len(key) == 2 and len(data) > 0:
                size = sizes[key[1]]
                data = np.frombuffer(data, f"V{size}").tobytes() if size == 1 else swapped(data, size)
            new.writestr(name, data)
        new.writestr(old.namelist()[0].split("/")[0] + "/byteorder", "big")


def swapped(data, size):
    return np.frombuffer(data, f"<u{size}").astype(f">u{size}").tobytes()


def keyed(source, tensors):
    """Tensors by the key of their storage in an archive."""
    keys = {}

    class Reader(pickle.Unpickler):
        def persistent_load(self, saved):
            return ("key", saved[2])

        def find_class(self, module, name):
            if name.startswith("_rebuild_tensor"):
                return lambda storage, *rest: storage
            if name == "_rebuild_parameter":
                return lambda data, *rest: data
            return super().find_class(module, name)

    with zipfile.ZipFile(source) as archive:
        root = archive.namelist()[0].split("/")[0]
        for name, value in Reader(io.BytesIO(archive.read(root + "/data.pkl"))).load().items():
            keys[value] = tensors[name]
    return keys


def storage_key(value):
    return value[1]


def large_entries(source, target):
    """The same archive with every size and offset where only those of large files would be."""
    limit = zipfile.ZIP64_LIMIT
    with zipfile.ZipFile(source) as old:
        zipfile.ZIP64_LIMIT = -1
        try:
            with zipfile.ZipFile(target, "w") as new:
                for name in old.namelist():
                    new.writestr(name, old.read(name))
        finally:
            zipfile.ZIP64_LIMIT = limit


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    zips()
    attacks()


main()
