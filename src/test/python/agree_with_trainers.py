"""Does Diffuscope sample what the trainers' own programs sample?

    python agree_with_trainers.py --diffuscope BIN [--edm DIR] [--work DIR] [--steps N]

Trains small networks on 8x8 digits with public code, saves them as their trainers do, exports their graphs with
diffuscope_export.py, and compares endpoints noise by noise:

* diffusers: UNet2DModel with DDPM epsilon and v-prediction and with flow matching, saved as train_unconditional.py does
  (checkpoint-N/unet_ema). The reference is a Heun sampler written here, over the scheduler's own numbers in float64.
* EDM (where --edm names a checkout of NVlabs/edm): its network, loss and pickle; the reference is its own edm_sampler.

Diffuscope writes the endpoints of a reference flow to its cache. So the exported graph, with the trained weights still in it,
is given as --teacher, and its cached endpoints are compared with Python's; and the checkpoint on disk is measured
against that teacher, whose distance must be nothing: then the weights were read and put in place rightly, too.

Needs torch, diffusers and accelerate, and takes a few minutes on two cores. Exits with 1 where a difference is above
1e-3 of the endpoints' standard deviation. Not part of the build: the libraries are not to be had everywhere.
"""

import argparse
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1] / "main"
sys.path.insert(0, str(SOURCES / "python"))
import diffuscope_export  # noqa: E402

SIGMA_MIN, SIGMA_MAX, RHO, STEPS = 0.002, 80.0, 7.0, 18
SAMPLES = 64
TOLERANCE = 1e-3


def levels(low: float, high: float) -> np.ndarray:
    """Karras et al. 2022, equation 5, within the range that the network knows."""
    low, high = max(low, SIGMA_MIN), min(high, SIGMA_MAX)
    ramp = np.arange(STEPS) / (STEPS - 1)
    return np.append((high ** (1 / RHO) + ramp * (low ** (1 / RHO) - high ** (1 / RHO))) ** RHO, 0.0)


def heun(denoise, noise: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    x = noise.astype(np.float64) * sigmas[0]
    for here, there in zip(sigmas[:-1], sigmas[1:]):
        slope = (x - denoise(x, here)) / here
        euler = x + (there - here) * slope
        if there > 0:
            slope = (slope + (euler - denoise(euler, there)) / there) / 2
            euler = x + (there - here) * slope
        x = euler
    return x


def digits() -> np.ndarray:
    with np.load(SOURCES / "resources/io/diffuscope/demo/digits.npz") as file:
        images = np.round(file["images"] / 16.0 * 255).astype(np.uint8)
    return images[np.random.RandomState(0).permutation(len(images))]


def call(network, x: np.ndarray, label: float) -> np.ndarray:
    with torch.no_grad():
        out = network(torch.from_numpy(x).float(), torch.full((len(x),), float(label)))
    return (out.sample if hasattr(out, "sample") else out).double().numpy()


def train(network, loss_of, points: torch.Tensor, steps: int, ema) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(steps):
        batch = points[torch.randint(0, len(points), (64,))]
        optimizer.zero_grad()
        loss_of(batch).backward()
        optimizer.step()
        ema.step(network.parameters())
        if step % 100 == 99:
            print(f"  step {step + 1}", file=sys.stderr)


def diffusers_network(kind: str, points: torch.Tensor, steps: int, folder: Path):
    """Trains, saves as train_unconditional.py does, and returns (averaged network, scheduler, D, range of sigma)."""
    from accelerate import Accelerator
    from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, UNet2DModel
    from diffusers.training_utils import EMAModel

    network = UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(16, 32), norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8)
    ema = EMAModel(network.parameters(), decay=0.99, use_ema_warmup=True, model_cls=UNet2DModel, model_config=network.config)
    flow = kind == "flow"
    scheduler = FlowMatchEulerDiscreteScheduler() if flow else DDPMScheduler(
        num_train_timesteps=1000, prediction_type=kind, beta_schedule="squaredcos_cap_v2" if kind == "v_prediction" else "linear")

    def loss_of(batch):
        eps = torch.randn_like(batch)
        if flow:
            t = torch.sigmoid(torch.randn(len(batch)))
            mixed = (1 - t[:, None, None, None]) * batch + t[:, None, None, None] * eps
            return ((network(mixed, t * 1000).sample - (eps - batch)) ** 2).mean()
        t = torch.randint(0, 1000, (len(batch),))
        target = eps if kind == "epsilon" else scheduler.get_velocity(batch, eps, t)
        return ((network(scheduler.add_noise(batch, eps, t), t).sample - target) ** 2).mean()

    train(network, loss_of, points, steps, ema)
    accelerator = Accelerator(cpu=True)
    network = accelerator.prepare(network)

    def save_hook(models, weights, output_dir):
        ema.save_pretrained(Path(output_dir) / "unet_ema")
        for model in models:
            model.save_pretrained(Path(output_dir) / "unet")
            weights.pop()

    accelerator.register_save_state_pre_hook(save_hook)
    accelerator.save_state(str(folder / f"checkpoint-{steps}"))
    ema.copy_to(network.parameters())
    network.eval()

    if flow:
        def denoise(x, sigma):
            t = sigma / (1 + sigma)
            scaled = x / (1 + sigma)
            return scaled - t * call(network, scaled, 1000 * t)

        return network, scheduler, denoise, (0.0, np.inf)

    abar = scheduler.alphas_cumprod.double().numpy()
    own = np.sqrt((1 - abar[abar > 0]) / abar[abar > 0])

    def denoise(x, sigma):
        index = np.interp(np.log(sigma), np.log(own), np.arange(len(own)))
        scaled = x / np.sqrt(1 + sigma**2)
        out = call(network, scaled, index)
        return x - sigma * out if kind == "epsilon" else x / (1 + sigma**2) - sigma / np.sqrt(1 + sigma**2) * out

    return network, scheduler, denoise, (own[0], own[-1])


def edm_network(root: Path, points: torch.Tensor, steps: int, folder: Path):
    """EDM's network and loss, its pickle, and its own sampler."""
    sys.path.insert(0, str(root))
    from diffusers.training_utils import EMAModel
    from training.loss import EDMLoss
    from training.networks import EDMPrecond

    network = EDMPrecond(
        img_resolution=8, img_channels=1, model_type="SongUNet", model_channels=16, channel_mult=[1, 2], num_blocks=1,
        attn_resolutions=[4], dropout=0.0)
    ema = EMAModel(network.parameters(), decay=0.99, use_ema_warmup=True)
    loss = EDMLoss()
    train(network, lambda batch: loss(network, batch).mean(), points, steps, ema)
    ema.copy_to(network.parameters())
    network.eval().requires_grad_(False)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"network-snapshot-{steps:06d}.pkl", "wb") as file:
        pickle.dump(dict(ema=network, loss_fn=loss, augment_pipe=None, dataset_kwargs={}), file)
    (folder / "stats.jsonl").write_text("{}\n")

    source = (root / "generate.py").read_text()
    start = source.index("def edm_sampler")
    space = dict(np=np, torch=torch)
    # The file's other contents need a command line library and CUDA.
    exec(source[start : source.index("#----", start)], space)
    return network, space["edm_sampler"]


def diffuscope_endpoints(binary: str, work: Path, template: Path, checkpoints: Path, noise: Path) -> tuple[np.ndarray, float]:
    data = work / "state"
    shutil.rmtree(data, ignore_errors=True)
    newest = sorted(checkpoints.iterdir())[0]
    done = subprocess.run(
        [binary, "evaluate", str(newest), "--template", str(template), "--teacher", str(template), "--train", str(work / "train.npy"),
         "--noise", str(noise), "--data-dir", str(data), "--format", "jsonl", "--batch-size", str(SAMPLES)],
        check=True, stdout=subprocess.PIPE, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    distance = [r["value"] for r in rows if (r["signal"], r["reference"], r["statistic"]) == ("pfd", "teacher", "value")]
    assert len(distance) == 1, [(r["signal"], r["reference"], r["statistic"]) for r in rows]
    found = {}
    from safetensors.numpy import load_file

    for file in (data / "cache" / "endpoints").glob("*/block-00000.safetensors"):
        found[file.parent.name] = load_file(file)["endpoints"].astype(np.float64)
    return found, distance[0]


def compare(name: str, mine: np.ndarray, theirs: dict, distance: float) -> bool:
    """The cache holds the flow of the training set, too: the teacher's is the one that is nearer."""
    mine = mine.reshape(len(mine), -1)
    scale = mine.std()
    worst = min(float(np.abs(mine - other).max()) for other in theirs.values()) / scale
    rms = min(float(np.sqrt(((mine - other) ** 2).mean())) for other in theirs.values()) / scale
    good = worst < TOLERANCE and distance / scale < TOLERANCE
    print(f"{name:14s} endpoints differ by at most {worst:.2e} of their standard deviation (rms {rms:.2e}); "
          f"checkpoint to exported network {distance / scale:.2e}: {'agrees' if good else 'DISAGREES'}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--diffuscope", required=True)
    parser.add_argument("--edm", type=Path)
    parser.add_argument("--work", type=Path, default=Path("agreement"))
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    torch.manual_seed(0)
    work = options.work
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    images = digits()[:128]
    np.save(work / "train.npy", images)
    points = torch.from_numpy(images).float() / 127.5 - 1
    noise = np.random.RandomState(1).randn(SAMPLES, 1, 8, 8).astype(np.float32)
    np.save(work / "noise.npy", noise)
    good = True
    for kind in ("epsilon", "v_prediction", "flow"):
        folder = work / kind
        network, scheduler, denoise, (low, high) = diffusers_network(kind, points, options.steps, folder / "run")
        diffuscope_export.export_diffusers(network, scheduler, folder / "net.pt")
        theirs, distance = diffuscope_endpoints(options.diffuscope, work, folder / "net.pt", folder / "run", work / "noise.npy")
        good &= compare(kind, heun(denoise, noise, levels(low, high)), theirs, distance)
    if options.edm:
        folder = work / "edm"
        network, sampler = edm_network(options.edm, points, options.steps, folder / "run")
        diffuscope_export.export_edm(network, folder / "net.pt")
        with torch.no_grad():
            mine = sampler(network, torch.from_numpy(noise), None, num_steps=STEPS).double().numpy()
        theirs, distance = diffuscope_endpoints(options.diffuscope, work, folder / "net.pt", folder / "run", work / "noise.npy")
        good &= compare("EDM", mine, theirs, distance)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
