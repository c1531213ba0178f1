"""A training job as a monitor meets it: it trains a tiny diffusion model, and writes, rotates and loses checkpoints.

    trainer_simulator.py network OUT.pt                          exports the network's graph
    trainer_simulator.py train FOLDER --log LOG --data X.npy ... trains, and writes checkpoints into FOLDER
    trainer_simulator.py check FOLDER --log LOG                  says what is not as the training left it

The layouts are those of real trainers (see LAYOUTS): which files, in which order, renamed to their names or growing
under them, and when old ones go. What may go wrong is drawn with a seed, every kind once in each round:

    slow         the weights grow over about half a second
    interrupted  the write stops in the middle, and what was written stays
    replaced     the checkpoint is complete, and soon written again in its place
    snatched     it is deleted as soon as the monitor holds it, in the middle of its evaluation
    fleeting     it is deleted at once

--crash-at kills the process with SIGKILL in the middle of a write; --resume starts from the newest checkpoint that is
whole; --rewind-at goes back to the oldest one in mid-training. Every action is appended to LOG as a line of JSON and
synchronized to disk before the next one, so that the log tells the truth after a crash, too.

A trainer that is watched must not feel it. It therefore tries for exclusive locks on its own files, records every
operation that fails and the slowest of each kind, and ``check`` compares size, time, mode, inode, link count and
content of what is left with what was written, and lists files that it has not made.

Needs PyTorch 1.13 or newer and NumPy.
"""

import argparse
import copy
import fcntl
import hashlib
import io
import json
import os
import pickle
import random
import shutil
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

LAYOUT_NAMES = ("safetensors", "diffusers", "lightning", "guided-diffusion", "dit", "lucidrains")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True)
    network = commands.add_parser("network")
    network.add_argument("out", type=Path)
    train = commands.add_parser("train")
    checking = commands.add_parser("check")
    for command in (train, checking):
        command.add_argument("folder", type=Path)
        command.add_argument("--log", type=Path, required=True)
    for command in (network, train):
        command.add_argument("--width", type=int, default=48)
    train.add_argument("--data", type=Path, required=True, help="training points, .npy")
    train.add_argument("--layout", choices=sorted(LAYOUT_NAMES), required=True)
    train.add_argument("--saves", type=int, required=True, help="checkpoints to write")
    train.add_argument("--save-every", type=int, default=5, help="updates between two checkpoints")
    train.add_argument("--pace", type=float, default=0.1, help="mean seconds between two checkpoints")
    train.add_argument("--keep", type=int, default=5, help="checkpoints that are kept")
    train.add_argument("--hazards", default="none", help="kinds, one after the other in random order; commas between")
    train.add_argument("--pause-every", type=int, default=0, help="wait for a line of input after so many checkpoints")
    train.add_argument("--crash-at", type=int, default=0, help="die in the middle of writing this checkpoint")
    train.add_argument("--rewind-at", type=int, default=0, help="go back to the oldest checkpoint before this one")
    train.add_argument("--resume", action="store_true")
    train.add_argument("--holds", type=Path, help="folder of the monitor's holds, for the hazard snatched")
    train.add_argument(
        "--snatch-patience",
        type=float,
        default=2,
        help="longest wait for the monitor to hold a checkpoint, in seconds; it may well have decided to skip it")
    train.add_argument("--end-marker", help="file to write at the end")
    train.add_argument("--seed", type=int, default=0)
    return top


if __name__ == "__main__":
    # Before the imports below: asking for help needs neither of them.
    ARGUMENTS = parser().parse_args()

import numpy
import torch

SIDE = 8
SIGMA_DATA = 0.5
EMA_DECAY = 0.98
#: Where a write stops that does not reach its end.
CUT = 0.6
#: The coarsest clock of a file system in use: two writes within one tick could not be told apart by anyone.
TICK = 0.02


class Network(torch.nn.Module):
    """F(c_in x, c_noise) of EDM's preconditioning on flattened points."""

    def __init__(self, width: int = 48):
        super().__init__()
        self.input = torch.nn.Linear(SIDE * SIDE + 1, width)
        self.hidden = torch.nn.Linear(width, width)
        self.output = torch.nn.Linear(width, SIDE * SIDE)

    def forward(self, x: torch.Tensor, noise_label: torch.Tensor) -> torch.Tensor:
        h = torch.cat([x.flatten(1), noise_label[:, None]], 1)
        h = torch.nn.functional.silu(self.input(h))
        h = torch.nn.functional.silu(self.hidden(h))
        return self.output(h).reshape(x.shape)


class Training:
    """Denoising score matching with Adam, and an average of the weights."""

    def __init__(self, data: Path, width: int, seed: int):
        torch.manual_seed(seed)
        self.points = torch.from_numpy(numpy.load(data)).float().reshape(-1, 1, SIDE, SIDE)
        self.network = Network(width)
        self.average = copy.deepcopy(self.network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        self.step = 0

    def update(self) -> None:
        x0 = self.points[torch.randint(len(self.points), (16,))]
        sigma = torch.exp(torch.randn(len(x0), 1, 1, 1) * 1.2 - 1.2)
        x = x0 + sigma * torch.randn_like(x0)
        scale = torch.sqrt(sigma**2 + SIGMA_DATA**2)
        raw = self.network(x / scale, torch.log(sigma.flatten()) / 4)
        denoised = SIGMA_DATA**2 / scale**2 * x + sigma * SIGMA_DATA / scale * raw
        loss = ((denoised - x0) ** 2 * (scale / (sigma * SIGMA_DATA)) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            for averaged, raw_weight in zip(self.average.parameters(), self.network.parameters()):
                averaged.lerp_(raw_weight, 1 - EMA_DECAY)

    def restore(self, step: int, weights: Dict[str, torch.Tensor]) -> None:
        self.network.load_state_dict(weights)
        self.average.load_state_dict(weights)
        self.step = step


def torch_bytes(value: object) -> bytes:
    """What ``torch.save`` writes, front to back, when it is given a file name."""
    out = io.BytesIO()
    torch.save(value, out)
    return out.getvalue()


def safetensors_bytes(state: Dict[str, torch.Tensor]) -> bytes:
    header: Dict[str, object] = {"__metadata__": {"format": "pt"}}
    values: List[bytes] = []
    at = 0
    for name, tensor in state.items():
        value = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(value)]}
        values.append(value)
        at += len(value)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(values)


def read_safetensors(file: Path) -> Dict[str, torch.Tensor]:
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.copy())
    return tensors


class Layout(NamedTuple):
    """How a trainer lays out its checkpoints.

    name: what a checkpoint is called, a file or a folder
    files: path and content of each file of a checkpoint, in the order of writing
    weights: number of the file that a monitor reads
    load: the weights of a complete checkpoint
    renamed: whether files appear under their names by a rename, else they grow there
    rotates_first: whether the oldest checkpoint goes before the new one is written
    after: files that are written over after each checkpoint
    """

    name: Callable[[int], str]
    files: Callable[[Training], List[Tuple[str, bytes]]]
    weights: int
    load: Callable[[Path, int], Dict[str, torch.Tensor]]
    renamed: bool = False
    rotates_first: bool = False
    after: Callable[[Training], List[Tuple[str, bytes]]] = lambda training: []


def _state(module: torch.nn.Module, prefix: str = "") -> Dict[str, torch.Tensor]:
    return {prefix + name: value.clone() for name, value in module.state_dict().items()}


def _diffusers_files(training: Training) -> List[Tuple[str, bytes]]:
    folder = f"checkpoint-{training.step}"
    config = json.dumps({"_class_name": "UNet2DModel", "sample_size": SIDE}).encode()
    files = []
    for place, module in (("unet_ema", training.average), ("unet", training.network)):
        files.append((f"{folder}/{place}/config.json", config))
        files.append((f"{folder}/{place}/diffusion_pytorch_model.safetensors", safetensors_bytes(_state(module))))
    files.append((f"{folder}/optimizer.bin", torch_bytes(training.optimizer.state_dict())))
    files.append((f"{folder}/scheduler.bin", torch_bytes({"last_epoch": training.step})))
    states = {"step": training.step, "random_state": random.getstate()}
    files.append((f"{folder}/random_states_0.pkl", pickle.dumps(states)))
    return files


def _lightning_bytes(training: Training) -> bytes:
    return torch_bytes({
        "epoch": training.step // 100,
        "global_step": training.step,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": _state(training.network, "model."),
        "loops": {},
        "callbacks": {},
        "optimizer_states": [training.optimizer.state_dict()],
        "lr_schedulers": [],
    })


def _lightning_name(step: int) -> str:
    return f"epoch={step // 100}-step={step}.ckpt"


def _dit_bytes(training: Training) -> bytes:
    return torch_bytes({
        "model": _state(training.network),
        "ema": _state(training.average),
        "opt": training.optimizer.state_dict(),
        "args": argparse.Namespace(model="DiT-tiny", global_batch_size=16),
    })


def _lucidrains_bytes(training: Training) -> bytes:
    average = _state(training.average, "ema_model.model.")
    return torch_bytes({
        "step": training.step,
        "model": _state(training.network, "model."),
        "opt": training.optimizer.state_dict(),
        "ema": {"initted": torch.tensor(True), "step": torch.tensor(training.step), **average},
        "scaler": None,
        "version": "2.2.5",
    })


def _unprefixed(state: Dict[str, torch.Tensor], prefix: str) -> Dict[str, torch.Tensor]:
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


LAYOUTS = {
    # A script of one's own: safetensors growing under their final names.
    "safetensors": Layout(
        name=lambda step: f"step-{step:06d}.safetensors",
        files=lambda t: [(f"step-{t.step:06d}.safetensors", safetensors_bytes(_state(t.average)))],
        weights=0,
        load=lambda folder, step: read_safetensors(folder / f"step-{step:06d}.safetensors")),
    # train_unconditional.py with --use_ema and --checkpoints_total_limit.
    "diffusers": Layout(
        name=lambda step: f"checkpoint-{step}",
        files=_diffusers_files,
        weights=1,
        load=lambda folder, step: read_safetensors(
            folder / f"checkpoint-{step}" / "unet" / "diffusion_pytorch_model.safetensors"),
        rotates_first=True),
    # ModelCheckpoint with save_last.
    "lightning": Layout(
        name=_lightning_name,
        files=lambda t: [(_lightning_name(t.step), _lightning_bytes(t))],
        weights=0,
        load=lambda folder, step: _unprefixed(torch.load(folder / _lightning_name(step))["state_dict"], "model."),
        renamed=True,
        after=lambda t: [("last.ckpt", _lightning_bytes(t))]),
    "guided-diffusion": Layout(
        name=lambda step: f"ema_0.9999_{step:06d}.pt",
        files=lambda t: [
            (f"model{t.step:06d}.pt", torch_bytes(_state(t.network))),
            (f"ema_0.9999_{t.step:06d}.pt", torch_bytes(_state(t.average))),
            (f"opt{t.step:06d}.pt", torch_bytes(t.optimizer.state_dict())),
        ],
        weights=1,
        load=lambda folder, step: torch.load(folder / f"model{step:06d}.pt")),
    "dit": Layout(
        name=lambda step: f"{step:07d}.pt",
        files=lambda t: [(f"checkpoints/{t.step:07d}.pt", _dit_bytes(t))],
        weights=0,
        load=lambda folder, step: torch.load(folder / "checkpoints" / f"{step:07d}.pt")["model"]),
    # One name for all, written over in place.
    "lucidrains": Layout(
        name=lambda step: "model-latest.pt",
        files=lambda t: [("model-latest.pt", _lucidrains_bytes(t))],
        weights=0,
        load=lambda folder, step: _unprefixed(torch.load(folder / "model-latest.pt")["model"], "model.")),
}
assert set(LAYOUTS) == set(LAYOUT_NAMES)


class Books:
    """The log: what it says so far, and what is appended."""

    def __init__(self, file: Path):
        self.entries = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        self.out = open(file, "a", encoding="utf-8")

    def write(self, action: str, **facts: object) -> None:
        entry = {"at": time.time(), "action": action, **facts}
        self.entries.append(entry)
        self.out.write(json.dumps(entry) + "\n")
        self.out.flush()
        os.fsync(self.out.fileno())


class Hands:
    """All that touches the trainer's files, with a record of what failed and what took longest."""

    def __init__(self, folder: Path, books: Books):
        self.folder = folder
        self.books = books
        self.slowest: Dict[str, float] = {}

    def touch(self, what: str, path: Path, action: Callable[[], object]) -> None:
        begin = time.monotonic()
        try:
            action()
        except OSError as e:
            self.books.write("refused", what=what, path=str(path), error=str(e))
        self.slowest[what] = max(self.slowest.get(what, 0), time.monotonic() - begin)

    def lock(self, path: Path) -> None:
        """Fails where anyone else holds a lock of either kind."""

        def action() -> None:
            with open(path, "r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

        self.touch("lock", path, action)

    def write(self, relative: str, data: bytes, pieces: int, seconds: float) -> None:
        """Grows a file under its name."""
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self.lock(path)
        with open(path, "wb") as file:
            size = max(1, -(-len(data) // pieces))
            for begin in range(0, len(data), size):

                def action() -> None:
                    file.write(data[begin : begin + size])
                    file.flush()

                self.touch("write", path, action)
                if begin + size < len(data):
                    time.sleep(seconds / pieces)
            self.touch("write", path, lambda: os.fsync(file.fileno()))

    def rename(self, relative: str, data: bytes) -> None:
        """Writes elsewhere on the same file system, and moves."""
        path = self.folder / relative
        elsewhere = self.folder.parent / (self.folder.name + "-temporary")
        elsewhere.mkdir(exist_ok=True)
        temporary = elsewhere / f"{os.getpid()}"
        temporary.write_bytes(data)
        self.touch("rename", path, lambda: os.replace(temporary, path))

    def delete(self, relative: str) -> None:
        path = self.folder / relative
        if path.exists():
            self.lock(path)
            self.touch("delete", path, path.unlink)


class Saved(NamedTuple):
    """A checkpoint in the folder, whole or not."""

    name: str
    step: int
    files: Tuple[str, ...]
    complete: bool


class Trainer:
    def __init__(self, arguments: argparse.Namespace):
        self.folder: Path = arguments.folder
        self.arguments = arguments
        self.layout = LAYOUTS[arguments.layout]
        self.books = Books(arguments.log)
        self.hands = Hands(self.folder, self.books)
        self.random = random.Random(f"{arguments.seed} {len(self.books.entries)}")
        self.training = Training(arguments.data, arguments.width, arguments.seed)
        self.saved = kept(self.books.entries)
        self.version = max((e["version"] for e in self.books.entries if "version" in e), default=0)

    def run(self) -> None:
        a = self.arguments
        self.folder.mkdir(parents=True, exist_ok=True)
        if a.resume:
            self.go_back([s for s in self.saved if s.complete][-1:])
        kinds: List[str] = []
        for number in range(1, a.saves + 1):
            if number == a.rewind_at:
                self.go_back([s for s in self.saved if s.complete][:1])
            for _ in range(a.save_every):
                self.training.update()
            if not kinds:
                kinds = a.hazards.split(",")
                self.random.shuffle(kinds)
            pause = a.pause_every and number % a.pause_every == 0
            # Whoever looks while training stands still finds a newest one that is whole and stays.
            self.save("none" if pause or number == a.saves else kinds.pop(), crash=number == a.crash_at)
            if number < a.saves:
                time.sleep(a.pace * (0.5 + self.random.random()))
            if pause:
                self.pause()
        if a.end_marker:
            self.hands.write(a.end_marker, b"", 1, 0)
            self.books.write("beside", files=[self.facts(a.end_marker)])
        self.books.write("end", step=self.training.step, slowest_seconds=self.hands.slowest)

    def go_back(self, to: List[Saved]) -> None:
        step = to[0].step if to else 0
        if to:
            self.training.restore(step, self.layout.load(self.folder, step))
        self.books.write("resume", step=step)

    def pause(self) -> None:
        """Training stands still until a line comes in."""
        self.books.write("pause", step=self.training.step)
        print("paused", flush=True)
        if not sys.stdin.readline():
            sys.exit("nobody is there to go on")

    def save(self, hazard: str, crash: bool) -> None:
        if self.layout.rotates_first:
            self.rotate(self.arguments.keep - 1)
        begun = self.version
        whole = self.write(hazard, crash)
        if hazard == "replaced":
            time.sleep(max(TICK, self.arguments.pace * self.random.random()))
            # The same step with other weights, as a restarted job arrives at it again.
            self.training.update()
            self.training.step -= 1
            self.write("none", False)
        elif hazard in ("snatched", "fleeting") and whole:
            if hazard == "snatched":
                self.snatch(self.saved[-1])
            else:
                time.sleep(self.random.random() * 0.01)
                self.remove(self.saved[-1])
        assert self.version > begun
        if not self.layout.rotates_first:
            self.rotate(self.arguments.keep)

    def write(self, hazard: str, crash: bool) -> bool:
        """Writes a checkpoint; tells whether it became whole."""
        t = self.training
        files = self.layout.files(t)
        name = self.layout.name(t.step)
        self.version += 1
        facts = {"checkpoint": name, "step": t.step, "version": self.version}
        self.books.write(
            "begin",
            hazard="crash" if crash else hazard,
            hidden=self.layout.renamed,
            files=[f for f, _ in files],
            **facts)
        saved = Saved(name, t.step, tuple(f for f, _ in files), False)
        if not self.layout.renamed:
            self.keep(saved)
        seconds = 0.5 if hazard == "slow" else 0.03
        for index, (relative, data) in enumerate(files):
            cut = index == self.layout.weights and (crash or hazard == "interrupted")
            if cut and self.layout.renamed:
                # What was written lies elsewhere; the name has not appeared, or still holds what it held.
                if crash:
                    self.die()
                self.books.write("abandon", **facts)
                return False
            if cut:
                self.hands.write(relative, data[: int(len(data) * CUT)], 4, seconds)
                if crash:
                    self.die()
                self.books.write("abandon", **facts)
                return False
            if self.layout.renamed:
                if hazard == "slow":
                    time.sleep(seconds)
                self.hands.rename(relative, data)
            else:
                self.hands.write(relative, data, 8 if index == self.layout.weights else 1, seconds)
        self.keep(saved._replace(complete=True))
        self.books.write("complete", files=[self.facts(f) for f, _ in files], **facts)
        for relative, data in self.layout.after(t):
            self.hands.rename(relative, data)
            self.books.write("beside", files=[self.facts(relative)])
        return True

    def keep(self, saved: Saved) -> None:
        self.saved = [s for s in self.saved if s.name != saved.name] + [saved]

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def facts(self, relative: str) -> Dict[str, object]:
        self.hands.lock(self.folder / relative)
        return describe(self.folder, relative)

    def snatch(self, saved: Saved) -> None:
        """Deletes it while the monitor holds it, and tells of it if the hold was still there then."""
        weights = self.folder / saved.files[self.layout.weights]
        end = time.monotonic() + self.arguments.snatch_patience
        hold = None
        while self.arguments.holds and hold is None and time.monotonic() < end:
            hold = hold_of(weights, self.arguments.holds)
        self.remove(saved)
        seen = time.time()
        if hold is not None:
            try:
                size = hold.stat().st_size
            except OSError:
                return
            self.books.write("held", checkpoint=saved.name, step=saved.step, seen_ns=int(seen * 1e9), size=size)

    def rotate(self, keep: int) -> None:
        while len(self.saved) > keep:
            self.remove(self.saved[0])

    def remove(self, old: Saved, **facts: object) -> None:
        self.saved.remove(old)
        # Before it begins: a crash in between leaves a checkpoint of which nobody can expect anything.
        self.books.write("delete", checkpoint=old.name, step=old.step, **facts)
        for relative in old.files:
            self.hands.delete(relative)
        if len(Path(old.files[0]).parts) > 1 and old.files[0].startswith(old.name):
            top = self.folder / old.name
            self.hands.touch("delete", top, lambda: shutil.rmtree(top, ignore_errors=False))


def hold_of(weights: Path, holds: Path) -> Optional[Path]:
    """The link to a file, or its copy, that the monitor has finished: its note is written last."""
    try:
        status = os.stat(weights)
        for hold in os.listdir(holds):
            held = holds / hold / "weights" / weights.name
            if (holds / hold / "note").exists() and held.exists():
                if os.path.samestat(held.stat(), status) or held.read_bytes() == weights.read_bytes():
                    return held
    except OSError:
        pass  # gone meanwhile
    return None


def describe(folder: Path, relative: str) -> Dict[str, object]:
    path = folder / relative
    data = path.read_bytes()
    status = path.stat()
    return {
        "path": relative,
        "size": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "inode": status.st_ino,
        "mode": status.st_mode,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def kept(entries: List[dict]) -> List[Saved]:
    """The checkpoints that are in the folder by the log, the one written last at the end."""
    saved: Dict[str, Saved] = {}
    for entry in entries:
        name = entry.get("checkpoint")
        files = entry.get("files", [])
        if entry["action"] == "begin" and not entry["hidden"]:
            saved.pop(name, None)
            saved[name] = Saved(name, entry["step"], tuple(files), False)
        elif entry["action"] == "complete":
            saved.pop(name, None)
            saved[name] = Saved(name, entry["step"], tuple(f["path"] for f in files), True)
        elif entry["action"] == "delete":
            del saved[name]
    return list(saved.values())


def check(folder: Path, log: Path) -> List[str]:
    """What is not as the training left it."""
    wrong: List[str] = []
    expected: Dict[str, dict] = {}
    loose = set()
    for entry in Books(log).entries:
        action = entry["action"]
        if action == "refused":
            wrong.append(f"{entry['what']} {entry['path']}: {entry['error']}")
        elif action == "begin" and not entry["hidden"]:
            for file in entry["files"]:
                expected.pop(file, None)
                loose.add(file)
        elif action in ("complete", "beside"):
            for file in entry["files"]:
                expected[file["path"]] = file
                loose.discard(file["path"])
        elif action == "delete":
            for file in [f for f in expected if belongs(f, entry["checkpoint"], entry["step"])]:
                del expected[file]
    for relative, facts in expected.items():
        path = folder / relative
        if not path.exists():
            wrong.append(f"{relative}: gone")
            continue
        now = describe(folder, relative)
        wrong += [f"{relative}: {key} is {now[key]}, and was {facts[key]}" for key in facts if now[key] != facts[key]]
        if path.stat().st_nlink != 1:
            wrong.append(f"{relative}: has {path.stat().st_nlink} links")
    for path in folder.rglob("*"):
        relative = str(path.relative_to(folder))
        if path.is_file() and relative not in expected and relative not in loose:
            wrong.append(f"{relative}: not made by the training")
    return wrong


def belongs(file: str, checkpoint: str, step: int) -> bool:
    """Whether a file is one of a checkpoint: it has its name, or its step, in its own."""
    return checkpoint in Path(file).parts or file in (f"model{step:06d}.pt", f"opt{step:06d}.pt")


def export_network(out: Path, width: int) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "main" / "python"))
    from diffuscope_export import export

    torch.manual_seed(0)
    export(
        Network(width), None, out, preconditioning="edm", sigma_data=SIGMA_DATA, shape=[1, SIDE, SIDE], quiet=True)


def main(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    if arguments.command == "network":
        export_network(arguments.out, arguments.width)
    elif arguments.command == "train":
        Trainer(arguments).run()
    else:
        for line in check(arguments.folder, arguments.log):
            print(line)


if __name__ == "__main__":
    main(ARGUMENTS)
