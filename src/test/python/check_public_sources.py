#!/usr/bin/env python3
"""Exports networks from the unmodified public sources of diffusion trainers, with small sizes and random weights.

    python src/test/python/check_public_sources.py --out FOLDER [--edm DIR] [--edm2 DIR] [--dit DIR] [--sit DIR]
        [--diffusers DIR] [--lucidrains DIR]

Each DIR is a checkout of NVlabs/edm, NVlabs/edm2, facebookresearch/DiT, willisma/SiT, huggingface/diffusers and
lucidrains/denoising-diffusion-pytorch; what is not given is left out. They are never part of this repository. ``export``
itself compares each file with its network; this program adds, for each file,

* that it runs with all inputs and weights on the "meta" device of PyTorch 2, where any tensor left on the CPU is an error,
* that another network of the same class and another seed, put into it by name, gives that network's own outputs,

and leaves beside each ``NAME.pt`` the files ``NAME.safetensors`` (the other network's weights) and ``NAME.npz`` (inputs
and that network's outputs), which the main class io.diffuscope.model.ExportedTemplates, among the Java tests, compares
with what the monitor makes of the same files:

    mvn -q test-compile dependency:build-classpath -Dmdep.outputFile=target/class-path
    java -cp target/test-classes:target/classes:$(cat target/class-path) io.diffuscope.model.ExportedTemplates FOLDER
"""
import argparse
import importlib
import sys
import traceback
import types
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "main" / "python"))
import diffuscope_export as export  # noqa: E402


def randomize(network, seed):
    """All weights at random: fresh networks have zeros at the end, behind which nothing could be seen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                scale = 0.1 if value.dim() < 2 else max(value[0].numel(), 1) ** -0.5
                value.add_(torch.randn(value.shape, generator=generator).to(value) * scale)
            if value.is_floating_point() and value.dim() < 2:
                value.abs_()
    return network


def modules_of(folder, *names):
    """Imports modules from a checkout; two checkouts may have modules of the same names."""
    for name in [n for n in sys.modules if n.split(".")[0] in ("training", "torch_utils", "dnnlib", "models", "download")]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(str(folder))


def check(out, name, make, exporter, call, classes=None):
    """make(seed) -> network, exporter(network, path), call(network, x, t, y) -> the raw output."""
    path = out / (name + ".pt")
    network = randomize(make(1), 1)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    training = network.training
    settings = exporter(network, path)
    assert network.training == training, "the network's mode changed"
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key + " of the caller's network changed"
    shape = settings["shape"]

    if int(torch.__version__.split(".")[0]) >= 2:  # 1.13 has no convolution there.
        meta = torch.jit.load(str(path), map_location="meta")
        inputs = [torch.zeros([2] + shape, device="meta"), torch.zeros(2, device="meta")]
        if classes:
            inputs.append(torch.zeros(2, dtype=torch.int64, device="meta"))
        output = meta(*inputs)
        output = output[0] if isinstance(output, tuple) else output
        assert output.device.type == "meta" and list(output.shape) == [2] + shape, output

    other = randomize(make(2), 2).eval()
    loaded = torch.jit.load(str(path))
    state = {k: v for k, v in other.state_dict().items() if v.is_floating_point()}
    parameters = dict(loaded.named_parameters())
    assert set(parameters) == {"network." + k for k in state}, set(parameters) ^ {"network." + k for k in state}
    with torch.no_grad():
        for key, value in state.items():
            parameters["network." + key].copy_(value)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn([4] + shape, generator=generator)
    t = torch.tensor({"denoiser": [0.02, 0.5, 3.0, 40.0], "flow_matching": [0.1, 0.4, 0.8, 1.0]}.get(
        settings["preconditioning"], [0.0, 10.0, 400.0, 998.0]))  # fmt: skip
    t = t * settings.get("timestep_scale", 1.0)
    y = torch.tensor([0, 1, classes - 1, classes if settings.get("null_label") else 0]) if classes else None
    with torch.no_grad():
        expected = call(other, x, t, y)
        found = loaded(x, t, y) if classes else loaded(x, t)
    found = found[0] if isinstance(found, tuple) else found
    error = float((found - expected).abs().max() / expected.abs().max())
    assert error < 1e-5, error
    export._write_safetensors(out / (name + ".safetensors"), other.state_dict(), {"format": "pt"})
    arrays = dict(input=x.numpy(), noise_label=t.numpy(), output=expected.numpy())
    if classes:
        arrays["class_label"] = y.numpy()
    np.savez(str(out / (name + ".npz")), **arrays)
    print("%-28s %8.2g  %5d kB  %s" % (name, error, path.stat().st_size // 1024, settings["preconditioning"]), flush=True)


def one_hot(y, classes):
    return None if y is None else torch.nn.functional.one_hot(y, classes + 1)[:, :classes].float()


def edm(folder):
    (networks,) = modules_of(folder, "training.networks")
    small = dict(img_resolution=16, img_channels=3, model_channels=32, channel_mult=[1, 2], num_blocks=1, attn_resolutions=[8])

    def case(wrapper, classes, **options):
        return dict(
            make=lambda seed: torch.manual_seed(seed) and getattr(networks, wrapper)(label_dim=classes, **small, **options),
            exporter=lambda net, path: export.export_edm(net, path, representation="model.dec.8x8_in1"),
            call=lambda net, x, t, y: net(x, t, one_hot(y, classes)),
            classes=classes or None,
        )

    ncsnpp = dict(embedding_type="fourier", encoder_type="residual", decoder_type="standard", resample_filter=[1, 3, 3, 1])
    return {
        "edm-ddpmpp": case("EDMPrecond", 0, model_type="SongUNet"),
        "edm-ncsnpp-classes-fp16": case("EDMPrecond", 10, model_type="SongUNet", use_fp16=True, **ncsnpp),
        "edm-adm-classes": case("EDMPrecond", 10, model_type="DhariwalUNet"),
        "edm-vp": case("VPPrecond", 0, model_type="SongUNet"),
        "edm-ve-ncsnpp": case("VEPrecond", 0, model_type="SongUNet", **ncsnpp),
        "edm-iddpm": case("iDDPMPrecond", 0, model_type="DhariwalUNet"),
    }


def edm2(folder):
    (networks,) = modules_of(folder, "training.networks_edm2")

    def case(classes, use_fp16):
        return dict(
            make=lambda seed: torch.manual_seed(seed)
            and networks.Precond(
                img_resolution=16, img_channels=4, label_dim=classes, use_fp16=use_fp16, model_channels=32,
                channel_mult=[1, 2], num_blocks=1, attn_resolutions=[8], channels_per_head=32,
            ),  # fmt: skip
            exporter=lambda net, path: export.export_edm({"ema": net}, path),
            call=lambda net, x, t, y: net(x, t, one_hot(y, classes)),
            classes=classes or None,
        )

    return {"edm2-classes-fp16": case(10, True), "edm2": case(0, False)}


def dit(folder):
    (models,) = modules_of(folder, "models")
    return {
        "dit": dict(
            make=lambda seed: torch.manual_seed(seed)
            and models.DiT(input_size=8, hidden_size=48, depth=2, num_heads=4, num_classes=10),
            exporter=lambda net, path: export.export_dit(net, path, representation="blocks.0"),
            call=lambda net, x, t, y: net(x, t, y)[:, :4],
            classes=10,
        )
    }


def sit(folder):
    (models,) = modules_of(folder, "models")
    return {
        "sit": dict(
            make=lambda seed: torch.manual_seed(seed)
            and models.SiT(input_size=8, hidden_size=48, depth=2, num_heads=4, num_classes=10),
            exporter=export.export_sit,
            call=lambda net, x, t, y: net(x, t, y),
            classes=10,
        )
    }


def lucidrains(folder):
    sys.path.insert(0, str(folder))
    for name, attributes in (("ema_pytorch", ["EMA"]), ("pytorch_fid", []), ("pytorch_fid.inception", ["InceptionV3"]),
                             ("pytorch_fid.fid_score", ["calculate_frechet_distance"])):  # fmt: skip
        # Only its Trainer, which is not used here, needs these.
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
            for attribute in attributes:
                setattr(sys.modules[name], attribute, None)
    library = importlib.import_module("denoising_diffusion_pytorch.denoising_diffusion_pytorch")
    diffusions = {}

    def make(seed):
        torch.manual_seed(seed)
        unet = library.Unet(dim=16, dim_mults=(1, 2), flash_attn=False)
        diffusions[id(unet)] = library.GaussianDiffusion(unet, image_size=16, timesteps=100)
        return unet

    def exporter(unet, path):
        diffusion = diffusions[id(unet)]
        return export.export(
            unet, None, path, shape=[3, 16, 16], preconditioning="v_prediction" if diffusion.objective == "pred_v" else "?",
            schedule={"alphas_cumprod": diffusion.alphas_cumprod.tolist()},
        )  # fmt: skip

    return {"lucidrains": dict(make=make, exporter=exporter, call=lambda net, x, t, y: net(x, t))}


def diffusers(folder):
    sys.path.insert(0, str(Path(folder) / "src"))
    library = importlib.import_module("diffusers")
    sizes = dict(
        sample_size=16, block_out_channels=(32, 64), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip

    def unet(scheduler, classes=None, **options):
        return dict(
            make=lambda seed: torch.manual_seed(seed)
            and library.UNet2DModel(in_channels=3, out_channels=3, num_class_embeds=classes, **sizes, **options),
            exporter=lambda net, path: export.export_diffusers(net, scheduler, path, representation="mid_block"),
            call=lambda net, x, t, y: net(x, t, y).sample,
            classes=classes,
        )

    def transformer(**options):
        return dict(
            make=lambda seed: torch.manual_seed(seed)
            and library.DiTTransformer2DModel(
                num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=8, num_layers=2, sample_size=8,
                patch_size=2, num_embeds_ada_norm=10,
            ),  # fmt: skip
            exporter=lambda net, path: export.export_diffusers(net, library.DDIMScheduler(), path),
            call=lambda net, x, t, y: net(x, timestep=t, class_labels=y).sample[:, :4],
            classes=10,
        )

    text = library.UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(32, 64), layers_per_block=1, norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
    )  # fmt: skip
    try:
        export.export_diffusers(text, library.DDPMScheduler(), "never.pt")
    except export.ExportError as e:
        print("text-to-image is refused:", e)
    else:
        raise AssertionError("a text-to-image network was exported")
    return {
        "diffusers-epsilon": unet(library.DDPMScheduler(beta_schedule="squaredcos_cap_v2")),
        "diffusers-v-classes": unet(library.DDPMScheduler(prediction_type="v_prediction"), classes=10),
        "diffusers-flow": unet(library.FlowMatchEulerDiscreteScheduler()),
        "diffusers-edm": unet(library.EDMEulerScheduler()),
        "diffusers-transformer": transformer(),
    }


SOURCES = {"edm": edm, "edm2": edm2, "dit": dit, "sit": sit, "diffusers": diffusers, "lucidrains": lucidrains}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    for name in SOURCES:
        parser.add_argument("--" + name, metavar="DIR")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print("torch", torch.__version__)
    failed = []
    for source, cases in SOURCES.items():
        folder = getattr(arguments, source)
        if folder is None:
            continue
        for name, options in cases(folder).items():
            try:
                check(arguments.out, name, **options)
            except Exception:
                traceback.print_exc()
                failed.append(name)
    print("failed: " + ", ".join(failed) if failed else "all exported and compared")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
