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


def legacy():
    """What torch.save wrote before PyTorch 1.6."""
    tensors = torch.load(OUT / "views-2.pt")
    # This format refuses a storage seen as two types, and knows none of the newest ones.
    old = {name: value for name, value in tensors.items() if name not in ("uint16", "float8_e4m3fn")}
    torch.save({"ema": old, "step": 1}, OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"ema": old}, OUT / "legacy-4.pt", _use_new_zipfile_serialization=False, pickle_protocol=4)
    expect("legacy", flat({"ema": old}))


def persistence():
    """NVlabs' mechanism, in a module of their name: an object is pickled as a call of one function with a
    dictionary that holds the source code of its class and its attributes."""
    package = types.ModuleType("torch_utils")
    module = types.ModuleType("torch_utils.persistence")

    def _reconstruct_persistent_obj(meta):
        raise AssertionError("the tests of this project load nothing")

    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj
    package.persistence = module
    sys.modules.update({"torch_utils": package, "torch_utils.persistence": module})

    def persistent(cls):
        def reduce(self):
            meta = {
                "type": "class",
                "version": 6,
                "module_src": "import os\n" + "# source code\n" * 500,
                "class_name": cls.__name__,
                "state": dict(self.__dict__),
            }
            return (_reconstruct_persistent_obj, (meta,), None)

        return type(cls.__name__, (cls,), {"__reduce__": reduce, "__reduce_ex__": lambda self, protocol: reduce(self)})

    return persistent


def edm():
    persistent = persistence()

    @persistent
    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(3, 2))
            self.register_parameter("bias", None)
            self.register_buffer("resample_filter", torch.ones(1, 1, 2, 2) / 4)
            self.register_buffer("scratch", torch.ones(2), persistent=False)

    @persistent
    class UNet(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.map_noise = Block()
            self.enc = torch.nn.ModuleDict({"8x8_conv": Block(), "8x8_aux": torch.nn.Linear(2, 2)})
            self.plain = torch.randn(3)
            self.register_buffer("logvar", torch.randn(4).to(torch.float16))

    @persistent
    class Precond(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.sigma_data = 0.5
            self.img_resolution = 8
            self.model = UNet()

    @persistent
    class Loss:
        def __init__(self):
            self.P_mean = -1.2
            self.sigmas = np.float64(0.5)
            self.own = torch.ones(2)

    class EasyDict(dict):
        """As dnnlib's."""

    EasyDict.__module__ = "dnnlib.util"
    EasyDict.__qualname__ = "EasyDict"
    util = types.ModuleType("dnnlib.util")
    util.EasyDict = EasyDict
    sys.modules.update({"dnnlib": types.ModuleType("dnnlib"), "dnnlib.util": util})

    net = Precond().eval().requires_grad_(False)
    data = dict(ema=net, loss_fn=Loss(), augment_pipe=None, dataset_kwargs=dict(class_name="x", path="data.zip"))
    with open(OUT / "network-snapshot-000100.pkl", "wb") as out:
        pickle.dump(data, out)
    expect("network-snapshot-000100", {"ema." + name: value for name, value in net.state_dict().items()})
    half = Precond().eval().requires_grad_(False).to(torch.float16)
    data = EasyDict(encoder=Loss(), dataset_kwargs=EasyDict(class_name="x"), loss_fn=Loss())
    data.update(ema=half)
    with open(OUT / "network-snapshot-0000100-0.050.pkl", "wb") as out:
        pickle.dump(data, out)
    expect("network-snapshot-0000100-0.050", {"ema." + name: value for name, value in half.state_dict().items()})
    weights = dict(ema=dict(weight=torch.ones(2)))
    with open(OUT / "attack-nested.pkl", "wb") as out:
        pickle.dump(dict(**weights, loss_fn=Hidden()), out)


class Hidden:
    """An attack in the stream of a tensor, as pickle.dump writes tensors."""

    def __reduce__(self):
        stream = io.BytesIO()
        torch.save(
            Attack(os.system, "touch diffuscope-was-attacked"), stream, _use_new_zipfile_serialization=False
        )
        return (torch.storage._load_from_bytes, (stream.getvalue(),))


class Scripted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(1, 2, 3)
        self.norm = torch.nn.BatchNorm2d(2)
        self.layers = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)])
        self.scale = torch.nn.Parameter(torch.randn(2))
        self.register_buffer("table", torch.arange(6.0).reshape(3, 2).t())

    def forward(self, x):
        x = self.norm(self.stem(x)).mean((2, 3)) * self.scale
        for layer in self.layers:
            x = layer(x)
        return x @ self.table


def scripted():
    model = Scripted().eval()
    with torch.no_grad():
        model.norm.running_mean.normal_()
    torch.jit.save(torch.jit.trace(model, torch.randn(1, 1, 5, 5)), str(OUT / "traced.pt"))
    torch.jit.save(torch.jit.script(model), str(OUT / "scripted.pt"))
    for name in ("traced.pt", "scripted.pt"):
        without_places(OUT / name)
    expect("scripted", model.state_dict())


def without_places(path):
    """Leaves out where on this machine the lines of the code came from."""
    copy = path.with_suffix(".copy")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for member in old.infolist():
            if not member.filename.endswith(".debug_pkl"):
                new.writestr(member.filename, old.read(member), compress_type=member.compress_type)
    copy.replace(path)


def sharded():
    """As diffusers and transformers write large models."""
    tensors = {f"blocks.{i}.weight": torch.randn(2, i + 1) for i in range(4)}
    shards = [dict(list(tensors.items())[:2]), dict(list(tensors.items())[2:])]
    kinds = [("unet-bin", "diffusion_pytorch_model", "bin", torch.save)]
    try:
        from safetensors.torch import save_file

        kinds.append(("unet", "diffusion_pytorch_model", "safetensors", save_file))
    except ImportError:
        pass
    for folder, stem, suffix, save in kinds:
        (OUT / folder).mkdir(exist_ok=True)
        weight_map = {}
        for number, shard in enumerate(shards, 1):
            name = f"{stem}-{number:05d}-of-{len(shards):05d}.{suffix}"
            save(shard, OUT / folder / name)
            weight_map.update({key: name for key in shard})
        index = {"metadata": {"total_size": sum(4 * t.numel() for t in tensors.values())}, "weight_map": weight_map}
        (OUT / folder / f"{stem}.{suffix}.index.json").write_text(json.dumps(index, indent=2) + "\n")
    expect("unet", tensors)


def distributed():
    """torch.distributed.checkpoint: by one process, and by two that hold a part each."""
    import torch.distributed.checkpoint as checkpoint

    torch.manual_seed(2)
    net = network()
    optimizer = trained(net)
    state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "step": 7}
    shutil.rmtree(OUT / "dcp-1", ignore_errors=True)
    checkpoint.save(state, checkpoint_id=OUT / "dcp-1", no_dist=True)
    expect("dcp-1", flat({"model": state["model"]}))
    shutil.rmtree(OUT / "dcp-2", ignore_errors=True)
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511", "WORLD_SIZE": "2"}
    command = [sys.executable, __file__, str(ROOT), "--processes"]
    processes = [subprocess.Popen(command, env={**environment, "RANK": str(rank)}) for rank in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    (OUT / "dcp-attack").mkdir(exist_ok=True)
    with open(OUT / "dcp-attack" / ".metadata", "wb") as out:
        pickle.dump([Attack(os.system, "touch diffuscope-was-attacked")], out)
    for folder in OUT.glob("dcp-*/"):
        # The build does not copy files of this name, which other programs use as well.
        (folder / ".metadata").rename(folder / "metadata")


def one_of_two():
    import torch.distributed
    import torch.distributed.checkpoint as checkpoint
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    torch.distributed.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (2,))
    torch.manual_seed(3)
    whole = {
        "rows": torch.randn(5, 3),
        "columns": torch.randn(3, 5, 2),
        "both": torch.randn(2, 3).to(torch.bfloat16),
        "one_row": torch.randn(1, 4),
    }
    split = {"rows": Shard(0), "columns": Shard(1), "both": Replicate(), "one_row": Shard(0)}
    state = {name: distribute_tensor(whole[name], mesh, [split[name]]) for name in whole}
    net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))
    expected = {**whole, **{"net." + key: value.clone() for key, value in net.state_dict().items()}}
    fully_shard(net, mesh=mesh)
    checkpoint.save({**state, "net": net.state_dict(), "step": 9}, checkpoint_id=OUT / "dcp-2")
    if torch.distributed.get_rank() == 0:
        expect("dcp-2", expected)
    torch.distributed.destroy_process_group()


def main():
    if "--processes" in sys.argv:
        one_of_two()
        return
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    zips()
    attacks()
    legacy()
    edm()
    scripted()
    sharded()
    if NEW:
        distributed()


main()
