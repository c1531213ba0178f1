#!/usr/bin/env python3
"""Gives Diffuscope what it needs from a training program: the network's graph, once, the data, and news.

    import diffuscope_export

    diffuscope_export.export_edm(net, "net.pt")                      # EDM, EDM2: the object in network-snapshot-*.pkl
    diffuscope_export.export_diffusers(unet, scheduler, "net.pt")    # UNet2DModel, DiTTransformer2DModel, ...
    diffuscope_export.export_dit(model, "net.pt")                    # facebookresearch/DiT;  export_sit for SiT
    diffuscope_export.export(model, None, "net.pt", preconditioning="edm", sigma_data=0.5, shape=[3, 32, 32])
    diffuscope_export.export_data(dataset, "train-data")             # a Dataset, a DataLoader, anything that yields points
    diffuscope_export.announce(path, step)                           # while training: this checkpoint is written

and from a shell:

    python diffuscope_export.py diffusers RUN_FOLDER net.pt
    PYTHONPATH=edm python diffuscope_export.py edm network-snapshot-000200.pkl net.pt --trust
    python diffuscope_export.py convert CHECKPOINT weights.safetensors

One file that needs nothing but PyTorch 1.13 or newer: copy it beside the training program, or put its folder on
PYTHONPATH. It never changes the network or the data set that it is given.

**What a template is.** ``export`` writes a TorchScript file with one method, ``forward(input, noise_label[,
class_label])``, which returns the network's raw output (and, if asked for, a hidden representation), and a description
of how that output becomes a denoiser (the extra file ``diffuscope.json``). Diffuscope loads it once and puts the
weights of each checkpoint into it, by name. Therefore the weights in the template do not matter, but everything that
training changes must be a weight of the graph, and ``export`` makes sure of it before it writes the file:

1. It works on a float32 copy on the CPU, in evaluation mode.
2. Floating-point buffers that are part of the state_dict (running statistics, random Fourier frequencies) become
   parameters of the same names: only parameters can be replaced in a loaded graph.
3. Custom ``torch.autograd.Function`` classes run as plain forward computations, because TorchScript cannot save them.
4. Nothing in the graph names a device: what the trace recorded as "cpu" becomes "where the input lies", and constant
   tensors become buffers, which move with the graph. The same file runs on a CPU and on a GPU.
5. The file is read back and compared with the network, for several noise levels and batch sizes, and once more after
   all weights of both were changed at random: a weight that the trace froze into a constant shows there.

Source of the noise labels and of what the network is expected to return: Karras et al. 2022 (EDM), table 1; diffusers'
schedulers for epsilon, v and sample prediction; see the documentation of Diffuscope for one table of all.

Licence: Apache-2.0.
"""
from __future__ import annotations

import argparse
import contextlib
import copy
import ctypes
import difflib
import hashlib
import http.client
import importlib
import inspect
import json
import math
import os
import pickle
import platform
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse
import warnings
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import torch

__all__ = [
    "export",
    "export_edm",
    "export_diffusers",
    "export_dit",
    "export_sit",
    "export_data",
    "announce",
    "convert",
    "ExportError",
]

PRECONDITIONINGS = (
    "edm",
    "vp",
    "ve",
    "iddpm",
    "epsilon",
    "v_prediction",
    "sample",
    "flow_matching",
    "denoiser",
)
FLOW_DIRECTIONS = ("data_to_noise", "noise_to_data")

_TOLERANCE = 1e-4  # of the largest output: the same operations in the same order differ far less
_CONSTANT = "diffuscope_constant_%d"
_TEXT_TO_IMAGE = "text-to-image networks are not supported yet"


class ExportError(ValueError):
    """Something cannot be exported; the message says what to do."""


# ---------------------------------------------------------------------------------------------------------------------
# The network


def export(
    model: torch.nn.Module,
    example: Optional[Sequence[torch.Tensor]],
    path: Union[str, os.PathLike],
    *,
    preconditioning: str,
    sigma_data: Optional[float] = None,
    shape: Optional[Sequence[int]] = None,
    classes: Optional[int] = None,
    null_label: Optional[int] = None,
    guidance: float = 1.0,
    schedule: Any = None,
    timestep_scale: Optional[float] = None,
    round_timesteps: Optional[bool] = None,
    flow_direction: Optional[str] = None,
    sigma_min: Optional[float] = None,
    sigma_max: Optional[float] = None,
    representation: Optional[str] = None,
    one_hot: bool = False,
    forward: Optional[Callable[..., Any]] = None,
    quiet: bool = False,
) -> Dict[str, Any]:
    """Writes a network's graph for Diffuscope, after checking that it computes what the network does.

    ``model`` is the module whose weights the checkpoints hold: the network inside a LightningModule, an EMA wrapper or
    a GaussianDiffusion class, not the wrapper (a common prefix of the names, such as ``module.`` or ``model.``, is found
    by itself). It may lie on any device and be in training; it is left as it is.

    ``example`` is ``(input, noise_label)`` or ``(input, noise_label, class_label)`` as the network takes them; only its
    shapes count. ``None`` will do when ``shape`` is given.

    Arguments that say how the network was trained (all of them can be overridden later, in Diffuscope's configuration):

    preconditioning
        what the raw output F means, and which noise label the network wants, for x = x0 + sigma * eps:

        ================ ======================================= ==================================================
        ``edm``          input c_in x, label ln(sigma) / 4       D = c_skip x + c_out F (Karras et al. 2022)
        ``epsilon``      input x / sqrt(1 + sigma^2), timestep   F is the noise; needs ``schedule``
        ``v_prediction`` the same                                F is v (Salimans and Ho 2022); needs ``schedule``
        ``sample``       the same                                F is x0; needs ``schedule``
        ``flow_matching`` input x / (1 + sigma), time            F is the velocity; see ``flow_direction``
        ``vp, ve, iddpm`` those of Karras et al. 2022, table 1    for networks trained by EDM's own code
        ``denoiser``     input x, label sigma                    F is D(x; sigma): the network includes its wrapper
        ================ ======================================= ==================================================
    sigma_data
        standard deviation of the data in EDM preconditioning (0.5 in EDM's code)
    shape
        shape of one point without the batch, ``[channels, height, width]`` for images and latents
    classes, null_label, guidance
        for class-conditional networks: number of classes; the label that means "no class", where the network was trained
        with one; weight of classifier-free guidance (1: the class alone)
    schedule
        a diffusers scheduler, its config, the path of its ``scheduler_config.json``, or a dict with the same keys; the
        numbers of any other schedule as ``{"alphas_cumprod": [...]}`` or ``{"betas": [...]}``
    timestep_scale, round_timesteps
        the noise label is the timestep (or the time 0..1 in flow matching) times ``timestep_scale``;
        ``round_timesteps=True`` where the network takes whole timesteps only
    flow_direction
        ``"data_to_noise"`` (t = 1 is noise and F = eps - x0: diffusers, Stable Diffusion 3; the default) or
        ``"noise_to_data"`` (t = 1 is data and F = x0 - eps: SiT)
    sigma_min, sigma_max
        the noise levels that the network was trained on, where they do not follow from the rest

    Arguments that say how to call the network:

    one_hot
        the network takes one-hot classes ``[B, classes]`` in place of int64 labels; the null label becomes zeros
    forward
        ``forward(model, input, noise_label, class_label)`` for any other way to call it, for example
        ``lambda net, x, t, y: net(x, t.round().long())``; ``class_label`` is None without ``classes``
    representation
        name of a submodule (``"mid_block"``, ``"blocks.5"``) whose output becomes the second output of the graph;
        tokens ``[B, T, F]`` are written as ``[B, F, T, 1]``, so that they are pooled like an image

    Returns the settings that were written. Raises ``ExportError``, with what to do, if the network cannot be traced or
    the graph does not compute the same; then nothing is written.
    """
    say = _Speaker(quiet)
    network = _unwrapped(model)
    settings = _settings(
        preconditioning=preconditioning,
        sigma_data=sigma_data,
        shape=_shape(shape, example),
        classes=classes,
        null_label=null_label,
        guidance=guidance,
        schedule=schedule,
        timestep_scale=timestep_scale,
        round_timesteps=round_timesteps,
        flow_direction=flow_direction,
        sigma_min=sigma_min,
        sigma_max=sigma_max,
        representation=representation,
    )
    if forward is None:
        _refuse_text_to_image(network)
        forward = _plain_call(network, conditional=classes is not None)
    if one_hot:
        if classes is None:
            raise ExportError("one_hot needs the number of classes: export(..., classes=N, one_hot=True)")
        forward = _with_one_hot(forward, classes)
    settings["state_dict"] = list(network.state_dict().keys())
    settings["exported_with"] = _versions()

    with _undisturbed():
        say("copying the network to the CPU, in float32")
        unused = _reference_copy(network)
        reference = copy.deepcopy(unused)
        inputs = _Inputs(settings)
        _try_out(reference, forward, settings, inputs)
        say("tracing")
        traced = _trace(unused, forward, settings, inputs)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as temporary:
            torch.jit.save(traced, str(temporary), _extra_files={"diffuscope.json": json.dumps(settings, indent=1)})
            del traced
            _strip_source_lines(temporary)
            say("comparing the file with the network")
            idle = _verify(temporary, reference, unused, forward, settings, inputs)
    if idle:
        say("the graph does not use %s: right only for weights that sampling does not need" % _some(idle))
    say("%s: %s, %s" % (target, settings["preconditioning"], _listing(settings["shape"])))
    return settings


def export_edm(
    net: Any, path: Union[str, os.PathLike], *, representation: Optional[str] = None, **settings: Any
) -> Dict[str, Any]:
    """Exports a network of NVlabs' EDM or EDM2 as a denoiser: with its wrapper (EDMPrecond, VPPrecond, Precond, ...).

    ``net`` is the wrapped network, or what unpickling a ``network-snapshot-*.pkl`` gives (a dict with ``ema``):

        import pickle                       # with the repository that wrote the file on PYTHONPATH
        with open("network-snapshot-002500.pkl", "rb") as file:
            export_edm(pickle.load(file), "net.pt")

    Every network snapshot of the run fits the template afterwards. Shape, classes (one-hot there; class ``label_dim``
    stands for "no class") and the range of noise levels are the wrapper's own. Networks that compute in float16
    (``use_fp16``; EDM2 always) are exported in float32. Other keyword arguments are those of ``export``.
    """
    if isinstance(net, Mapping):
        for key in ("ema", "net"):
            if isinstance(net.get(key), torch.nn.Module):
                net = net[key]
                break
        else:
            raise ExportError("no network among %s: give the one under \"ema\"" % _listing(net))
    net = _unwrapped(net)
    missing = [name for name in ("img_channels", "img_resolution", "label_dim") if not hasattr(net, name)]
    if missing:
        raise ExportError(
            "%s is no preconditioned network of EDM (it has no %s): give net, or data['ema'] of a network snapshot; "
            "for the network inside the wrapper use export(net.model, ..., preconditioning=\"edm\")"
            % (type(net).__name__, " and ".join(missing))
        )
    accepted = inspect.signature(net.forward).parameters
    options = {"force_fp32": True} if "force_fp32" in accepted or _takes_any_keyword(accepted) else {}
    classes = int(net.label_dim) or None

    def forward(network, x, sigma, label):
        return network(x, sigma, label, **options)

    chosen: Dict[str, Any] = dict(
        shape=[int(net.img_channels)] + [int(net.img_resolution)] * 2,
        classes=classes,
        # Only a network that was trained without labels part of the time knows what no label means.
        null_label=classes if getattr(getattr(net, "model", None), "label_dropout", 0) else None,
        one_hot=classes is not None,
        sigma_min=_positive(getattr(net, "sigma_min", None)),
        sigma_max=_positive(getattr(net, "sigma_max", None)),
        sigma_data=_positive(getattr(net, "sigma_data", None)),
        forward=forward,
    )
    chosen.update(settings)
    return export(net, None, path, preconditioning="denoiser", representation=representation, **chosen)


def export_diffusers(
    model: Any,
    scheduler: Any,
    path: Union[str, os.PathLike],
    *,
    shape: Optional[Sequence[int]] = None,
    preconditioning: Optional[str] = None,
    **settings: Any,
) -> Dict[str, Any]:
    """Exports a diffusers model: UNet2DModel, DiTTransformer2DModel or another one that takes no text.

    ``scheduler`` is the scheduler that the training used (or its config, or the path of ``scheduler_config.json``): its
    ``prediction_type`` says what the network predicts, its betas which noise level each timestep is; a flow-matching
    scheduler makes it ``flow_matching``, ``EDMEulerScheduler`` makes it ``edm``. A pipeline in place of the model brings
    both (``scheduler=None``). The state_dict in ``diffusion_pytorch_model.safetensors`` fits as it is.

        unet = UNet2DModel.from_pretrained("ddpm-cat/unet")
        export_diffusers(unet, DDPMScheduler.from_pretrained("ddpm-cat/scheduler"), "net.pt")

    ``shape`` is taken from the model's ``in_channels`` and ``sample_size``, ``classes`` from ``num_class_embeds`` or
    ``num_embeds_ada_norm``. Other keyword arguments are those of ``export``.
    """
    for part in ("unet", "transformer"):
        if not isinstance(model, torch.nn.Module) and isinstance(getattr(model, part, None), torch.nn.Module):
            scheduler = model.scheduler if scheduler is None else scheduler
            model = getattr(model, part)
    network = _unwrapped(model)
    _refuse_text_to_image(network)
    config = _config(getattr(network, "config", None))
    schedule = _schedule(scheduler)
    chosen = _diffusers_parameterization(schedule, preconditioning)
    chosen.update(_diffusers_classes(config))
    if shape is None:
        size = config.get("sample_size")
        if config.get("in_channels") is None or size is None:
            raise ExportError("the model's config has no sample_size: give shape=[channels, height, width]")
        sides = list(size) if isinstance(size, (list, tuple)) else [size, size]
        shape = [config["in_channels"]] + sides
    chosen.update(settings)
    return export(network, None, path, shape=shape, **chosen)


def export_dit(model: torch.nn.Module, path: Union[str, os.PathLike], **settings: Any) -> Dict[str, Any]:
    """Exports a network of facebookresearch/DiT: latents, classes with a null label, epsilon on 1000 linear timesteps.

        model = DiT_models["DiT-XL/2"](input_size=32, num_classes=1000)
        export_dit(model, "net.pt")

    The checkpoints (``results/*/checkpoints/*.pt``) hold the averaged weights under ``ema``. Only the first half of the
    2 C output channels, the noise, is written; the variances play no part in the probability flow.
    """
    chosen = _dit_settings(model)
    chosen.update(
        preconditioning="epsilon",
        schedule={"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02, "num_train_timesteps": 1000},
    )
    chosen.update(settings)
    return export(model, None, path, **chosen)


def export_sit(model: torch.nn.Module, path: Union[str, os.PathLike], **settings: Any) -> Dict[str, Any]:
    """Exports a network of willisma/SiT that was trained with its defaults: linear path, velocity prediction.

    There t = 1 is data (``flow_direction="noise_to_data"``). Networks trained with another path or prediction are not
    supported.
    """
    chosen = _dit_settings(model)
    chosen.update(preconditioning="flow_matching", flow_direction="noise_to_data", timestep_scale=1.0)
    chosen.update(settings)
    return export(model, None, path, **chosen)


def _dit_settings(model: torch.nn.Module) -> Dict[str, Any]:
    network = _unwrapped(model)
    try:
        embedder = network.y_embedder
        side = math.isqrt(network.x_embedder.num_patches) * int(network.patch_size)
        rows = embedder.embedding_table.weight.shape[0]
        classes = int(embedder.num_classes)
        channels = int(network.in_channels)
    except AttributeError as e:
        raise ExportError(
            "%s is no DiT or SiT of the original code (%s): use export_diffusers for diffusers' DiTTransformer2DModel, "
            "or export" % (type(network).__name__, e)
        ) from e
    return dict(shape=[channels, side, side], classes=classes, null_label=classes if rows > classes else None)


_NOISE_KEYS = ("beta_schedule", "trained_betas", "betas", "alphas_cumprod", "sigmas")


def _diffusers_parameterization(schedule: Optional[Dict[str, Any]], given: Optional[str]) -> Dict[str, Any]:
    if schedule is None:
        if given is None:
            raise ExportError(
                "how was the model trained? Give the training's scheduler, or preconditioning= with what it needs"
            )
        return {"preconditioning": given}
    name = str(schedule.get("_class_name", ""))
    prediction = schedule.get("prediction_type", "epsilon")
    if name.startswith("FlowMatch") or prediction == "flow_prediction":
        implied: Dict[str, Any] = {
            "preconditioning": "flow_matching",
            "timestep_scale": float(schedule.get("num_train_timesteps", 1000)),
            "schedule": schedule,
        }
    elif name.startswith("EDM"):
        if prediction != "epsilon":
            raise ExportError(
                "%s with prediction_type %s is not supported: only epsilon, which is the preconditioning of the EDM paper"
                % (name, prediction)
            )
        implied = {"preconditioning": "edm", "sigma_data": float(schedule.get("sigma_data", 0.5))}
    elif name and not name.startswith(("DDPM", "DDIM")) and all(schedule.get(key) is None for key in _NOISE_KEYS):
        raise ExportError(
            "%s has no betas, so what its network was trained on is not known: give preconditioning= (ve, edm, denoiser) "
            "and no scheduler" % name
        )
    elif prediction in ("epsilon", "v_prediction", "sample"):
        implied = {"preconditioning": prediction, "schedule": schedule}
    else:
        raise ExportError(
            "prediction_type %r of %s is not supported; epsilon, v_prediction, sample and flow matching are"
            % (prediction, name or "the scheduler")
        )
    if given is not None and given != implied["preconditioning"]:
        raise ExportError(
            "preconditioning=%r contradicts the scheduler, which means %r: remove it, or give scheduler=None and schedule="
            % (given, implied["preconditioning"])
        )
    return implied


def _diffusers_classes(config: Dict[str, Any]) -> Dict[str, Any]:
    if config.get("num_embeds_ada_norm") is not None:
        # Its label embedding has one row more, for dropped labels.
        count = int(config["num_embeds_ada_norm"])
        return {"classes": count, "null_label": count}
    if config.get("num_class_embeds") is not None:
        return {"classes": int(config["num_class_embeds"])}
    if config.get("class_embed_type") is not None:
        raise ExportError(
            "class_embed_type %r takes vectors for classes: export a wrapper by export(..., forward=...) that makes them "
            "from int64 labels" % config["class_embed_type"]
        )
    return {}


def _refuse_text_to_image(network: torch.nn.Module) -> None:
    parameters = inspect.signature(network.forward).parameters
    text = parameters.get("encoder_hidden_states")
    if text is None:
        return
    config = _config(getattr(network, "config", None))
    keys = ("cross_attention_dim", "joint_attention_dim", "caption_channels", "text_embed_dim", "encoder_hid_dim")
    if text.default is inspect.Parameter.empty or any(config.get(key) is not None for key in keys):
        raise ExportError(
            "%s is conditioned on encoder_hidden_states: %s; only unconditional and class-conditional networks can be "
            "exported" % (type(network).__name__, _TEXT_TO_IMAGE)
        )


_NOISE_NAMES = ("noise_labels", "noise_label", "timestep", "timesteps", "sigma", "sigmas", "time", "times", "t", "noise")
_CLASS_NAMES = ("class_labels", "class_label", "labels", "label", "classes", "y", "c")


def _plain_call(network: torch.nn.Module, conditional: bool) -> Callable[..., Any]:
    """Calls by the names that networks give their inputs, else by position."""
    names = [
        parameter
        for parameter in inspect.signature(network.forward).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    known = [parameter.name for parameter in names[1:]]
    noise = next((name for name in known if name in _NOISE_NAMES), None)
    label = next((name for name in known if name in _CLASS_NAMES and name != noise), None)
    required = [parameter.name for parameter in names[1:] if parameter.default is parameter.empty]
    left = [name for name in required if name not in (noise, label)]
    if noise is None and left:
        noise = left.pop(0)
    if conditional and label is None and left:
        label = left.pop(0)
    if left:
        raise ExportError(
            "%s.forward also wants %s: give forward=lambda net, x, t, y: net(x, t, ...) with what belongs there"
            % (type(network).__name__, _listing(left))
        )
    if conditional and label is None:
        raise ExportError(
            "%s.forward takes %s: which of them is the class? Give forward=lambda net, x, t, y: net(x, t, ...=y)"
            % (type(network).__name__, _listing(parameter.name for parameter in names))
        )

    def call(network, x, noise_label, class_label):
        keywords = {}
        positional = [x]
        if noise is None:
            positional.append(noise_label)
        else:
            keywords[noise] = noise_label
        if class_label is not None or label in required:
            keywords[label] = class_label
        return network(*positional, **keywords)

    return call


def _with_one_hot(forward: Callable[..., Any], classes: int) -> Callable[..., Any]:
    def call(network, x, noise_label, class_label):
        every = torch.arange(classes, device=class_label.device)
        return forward(network, x, noise_label, (class_label.unsqueeze(1) == every.unsqueeze(0)).to(torch.float32))

    return call


def _takes_any_keyword(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


def _positive(value: Any) -> Optional[float]:
    return float(value) if value is not None and 0 < float(value) < math.inf else None


def _config(config: Any) -> Dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    return dict(vars(config))


def _schedule(scheduler: Any) -> Optional[Dict[str, Any]]:
    """The schedule as plain values, whatever it was given as."""
    if scheduler is None:
        return None
    if isinstance(scheduler, (str, os.PathLike)):
        file = Path(scheduler)
        if file.is_dir():
            file = file / "scheduler_config.json"
        try:
            return dict(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as e:
            raise ExportError("the schedule %s cannot be read (%s): give a scheduler_config.json" % (file, e)) from e
    if isinstance(scheduler, Mapping):
        plain = {str(key): _jsonable(value) for key, value in scheduler.items()}
    else:
        config = _config(getattr(scheduler, "config", None))
        if not config:
            raise ExportError(
                "%s is no scheduler: give a diffusers scheduler, its config, the path of scheduler_config.json, or "
                "{\"alphas_cumprod\": [...]}" % type(scheduler).__name__
            )
        plain = {str(key): _jsonable(value) for key, value in config.items()}
        plain.setdefault("_class_name", type(scheduler).__name__)
    return {key: value for key, value in plain.items() if value is not None}


def _jsonable(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _shape(shape: Optional[Sequence[int]], example: Optional[Sequence[torch.Tensor]]) -> List[int]:
    found = None
    if example is not None:
        if len(example) not in (2, 3) or example[0].dim() < 2:
            raise ExportError("example must be (input, noise_label[, class_label]), each with a batch in front")
        found = [int(size) for size in example[0].shape[1:]]
    if shape is None and found is None:
        raise ExportError("give example=(input, noise_label), or shape=[channels, height, width]")
    given = found if shape is None else [int(size) for size in shape]
    if found is not None and found != given:
        raise ExportError("shape is %s, but the example has %s after its batch" % (given, found))
    return given


def _settings(**values: Any) -> Dict[str, Any]:
    """What goes into diffuscope.json, checked."""
    preconditioning = values["preconditioning"]
    if preconditioning not in PRECONDITIONINGS:
        raise ExportError("preconditioning %r is not known; known are %s" % (preconditioning, _listing(PRECONDITIONINGS)))
    direction = values["flow_direction"]
    if direction is not None and direction not in FLOW_DIRECTIONS:
        raise ExportError("flow_direction %r is not known; known are %s" % (direction, _listing(FLOW_DIRECTIONS)))
    if direction is not None and preconditioning != "flow_matching":
        raise ExportError("flow_direction belongs to preconditioning=\"flow_matching\"")
    values["schedule"] = _schedule(values["schedule"])
    if preconditioning in ("epsilon", "v_prediction", "sample") and values["schedule"] is None:
        raise ExportError(
            "preconditioning=%r needs schedule=: the training's diffusers scheduler, its scheduler_config.json, or "
            "{\"alphas_cumprod\": [...]}" % preconditioning
        )
    classes, null_label = values["classes"], values["null_label"]
    if classes is None and null_label is not None:
        raise ExportError("null_label is given without classes")
    if values["guidance"] != 1 and null_label is None:
        raise ExportError("guidance needs classes= and null_label=, the label that means \"no class\"")
    if values["guidance"] == 1:
        values["guidance"] = None
    return {key: _jsonable(value) for key, value in values.items() if value is not None}


def _versions() -> Dict[str, str]:
    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    for name in ("diffusers", "timm", "lightning", "pytorch_lightning"):
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            versions[name] = str(version)
    return versions


# --- The copies that are worked on


_WRAPPERS = ("DataParallel", "DistributedDataParallel")


def _unwrapped(model: Any) -> torch.nn.Module:
    if isinstance(model, torch.jit.ScriptModule):
        raise ExportError("the network is TorchScript already: export the Python module that it was made from")
    if not isinstance(model, torch.nn.Module):
        raise ExportError(
            "%s is no network: give the torch.nn.Module whose weights the checkpoints hold" % type(model).__name__
        )
    while True:
        if type(model).__name__ in _WRAPPERS:
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            return model


def _tensors_of(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    for value in vars(module).values():
        if isinstance(value, torch.Tensor):
            yield value


def _on_cpu(tensor: torch.Tensor) -> torch.Tensor:
    plain = tensor.detach()
    if type(plain).__name__ == "DTensor":
        raise ExportError("the weights are distributed over several processes: export the network before it is sharded")
    if plain.is_complex():
        raise ExportError("the network has complex weights, which are not supported")
    return plain.to("cpu", torch.float32 if plain.is_floating_point() else plain.dtype, copy=True)


def _reference_copy(network: torch.nn.Module) -> torch.nn.Module:
    """A copy in float32 on the CPU, in evaluation mode; the network itself is only read."""
    known: Dict[int, Any] = {}
    for tensor in list(network.parameters()):
        known[id(tensor)] = torch.nn.Parameter(_on_cpu(tensor), requires_grad=False)
    for tensor in list(network.buffers()) + [t for module in network.modules() for t in _tensors_of(module)]:
        known.setdefault(id(tensor), _on_cpu(tensor))
    # deepcopy never asks the originals for more than their identity, so no GPU memory is taken.
    try:
        copied = copy.deepcopy(network, known)
    except (RuntimeError, TypeError, pickle.PicklingError) as e:
        raise ExportError(
            "the network cannot be copied (%s): give the bare network, without the trainer around it" % _first_line(e)
        ) from e
    copied = copied.to("cpu").float().eval()
    for module in copied.modules():
        _settle(module)
    return copied


def _settle(module: torch.nn.Module) -> None:
    """Puts what is no weight, and says where or in which precision to compute, on the CPU and in float32."""
    for name, value in list(vars(module).items()):
        if isinstance(value, torch.device):
            setattr(module, name, torch.device("cpu"))
        elif isinstance(value, str) and name == "device":
            setattr(module, name, "cpu")
        elif value in (torch.float16, torch.bfloat16) if isinstance(value, torch.dtype) else False:
            setattr(module, name, torch.float32)
        elif name == "use_fp16" and value is True:
            module.use_fp16 = False
        elif name == "gradient_checkpointing" and value is True:
            module.gradient_checkpointing = False
        elif isinstance(value, torch.Tensor):
            # Not part of the state_dict, but must move with the graph.
            delattr(module, name)
            module.register_buffer(name, value.detach().cpu(), persistent=False)


def _with_buffers_as_parameters(reference: torch.nn.Module) -> torch.nn.Module:
    copied = copy.deepcopy(reference)
    for module in copied.modules():
        lasting = set(module._buffers) - module._non_persistent_buffers_set
        for name in sorted(lasting):
            buffer = module._buffers[name]
            if buffer is not None and buffer.is_floating_point():
                del module._buffers[name]
                module.register_parameter(name, torch.nn.Parameter(buffer.clone(), requires_grad=False))
    return copied


# --- Calling it


class _Inputs:
    """Inputs at several noise levels, always the same, whatever the state of the global generator."""

    def __init__(self, settings: Dict[str, Any]):
        self._shape = list(settings["shape"])
        self._classes = settings.get("classes")
        self._null_label = settings.get("null_label")
        self._levels = _noise_labels(settings)
        self._scales = settings["preconditioning"] == "denoiser"

    def of(self, batch: int, seed: int) -> Tuple[torch.Tensor, ...]:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn([batch] + self._shape, generator=generator)
        labels = torch.tensor([self._levels[(i + seed) % len(self._levels)] for i in range(batch)])
        if self._scales:
            x = x * labels.clamp(max=100.0).reshape([batch] + [1] * len(self._shape))
        if self._classes is None:
            return x, labels
        classes = torch.randint(0, self._classes, [batch], generator=generator)
        if self._null_label is not None and batch > 1:
            classes[-1] = self._null_label
        return x, labels, classes


def _noise_labels(settings: Dict[str, Any]) -> List[float]:
    kind = settings["preconditioning"]
    low, high = settings.get("sigma_min", 0.002), settings.get("sigma_max", 80.0)
    sigmas = [low, math.sqrt(low * high), high, low ** 0.75 * high ** 0.25]
    if kind == "denoiser":
        return sigmas
    if kind == "edm":
        return [math.log(sigma) / 4 for sigma in sigmas]
    if kind == "ve":
        return [math.log(sigma / 2) for sigma in sigmas]
    if kind == "flow_matching":
        return [t * settings.get("timestep_scale", 1.0) for t in (0.01, 0.4, 0.98, 0.7)]
    steps = _timesteps(settings.get("schedule") or {})
    whole = settings.get("round_timesteps", kind == "iddpm")
    scale = settings.get("timestep_scale", 999.0 / (steps - 1) if kind == "vp" else 1.0)
    part = [0.0, 0.4, 1.0, 0.6666]
    return [scale * (round(p * (steps - 1)) if whole else p * (steps - 1)) for p in part]


def _timesteps(schedule: Dict[str, Any]) -> int:
    for key in ("alphas_cumprod", "betas", "trained_betas", "sigmas"):
        if isinstance(schedule.get(key), list):
            return len(schedule[key])
    return int(schedule.get("num_train_timesteps", 1000))


def _output(raw: Any, channels: int, x: torch.Tensor) -> torch.Tensor:
    """The output among whatever a network returns, without the variances that some append as channels."""
    if isinstance(raw, Mapping):
        raw = raw["sample"] if "sample" in raw else next(iter(raw.values()))
    elif not isinstance(raw, torch.Tensor) and isinstance(getattr(raw, "sample", None), torch.Tensor):
        raw = raw.sample
    if isinstance(raw, (tuple, list)):
        raw = raw[0]
    if not isinstance(raw, torch.Tensor):
        raise ExportError(
            "the network returns %s, not a tensor: give forward=lambda net, x, t, y: ... that returns the output"
            % type(raw).__name__
        )
    if raw.dim() > 1 and raw.shape[1] == 2 * channels and raw.dim() == x.dim():
        raw = raw[:, :channels]
    return raw


def _representation(value: Any, batch: int, name: str) -> torch.Tensor:
    if isinstance(value, (tuple, list)):
        value = value[0]
    if not isinstance(value, torch.Tensor) or value.dim() < 2 or int(value.shape[0]) != batch:
        raise ExportError(
            "the output of %s is no representation of each input (%s): choose another submodule"
            % (name, list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__)
        )
    if value.dim() == 3:
        return value.transpose(1, 2).unsqueeze(3)
    if value.dim() > 4:
        return value.flatten(3)
    return value


class _Watch:
    """Keeps the output of a submodule while the network runs."""

    def __init__(self, network: torch.nn.Module, name: Optional[str]):
        self.name = name
        self.value: Any = None
        self._handle = None
        if name is not None:
            modules = dict(network.named_modules())
            if name not in modules or not name:
                near = difflib.get_close_matches(name, [n for n in modules if n], n=5, cutoff=0.3)
                raise ExportError("the network has no submodule %r; near are %s" % (name, _listing(near)))
            self._handle = modules[name].register_forward_hook(self._keep)

    def _keep(self, module, arguments, output):
        self.value = output

    def taken(self, batch: int) -> torch.Tensor:
        if self.value is None:
            raise ExportError("submodule %r is not used when the network runs: choose another one" % self.name)
        value, self.value = self.value, None
        return _representation(value, batch, str(self.name))

    def remove(self) -> None:
        if self._handle is not None:
            self._handle.remove()


def _call(network, forward, settings, watch, x, noise_label, class_label=None):
    channels = settings["shape"][0]
    output = _output(forward(network, x, noise_label, class_label), channels, x)
    return (output, watch.taken(int(x.shape[0]))) if watch.name is not None else output


def _run(network, forward, settings, inputs: Sequence[torch.Tensor]) -> List[torch.Tensor]:
    """What the network itself returns, nothing patched."""
    watch = _Watch(network, settings.get("representation"))
    try:
        with torch.no_grad():
            return _as_list(_call(network, forward, settings, watch, *[i.clone() for i in inputs]))
    finally:
        watch.remove()


def _as_list(outputs: Any) -> List[torch.Tensor]:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _try_out(network, forward, settings, inputs: _Inputs) -> None:
    example = inputs.of(3, seed=0)
    try:
        torch.manual_seed(1)
        first = _run(network, forward, settings, example)
        torch.manual_seed(2)
        second = _run(network, forward, settings, example)
    except ExportError:
        raise
    except Exception as e:
        raise ExportError(
            "the network cannot be called with (%s) in float32 on the CPU: %s; give forward=lambda net, x, t, y: ... if it "
            "is called in another way" % (_described(example), _first_line(e))
        ) from e
    if list(first[0].shape) != list(example[0].shape):
        raise ExportError(
            "the network returns %s for an input of %s: give forward=lambda net, x, t, y: ... that returns the part with "
            "the input's shape" % (list(first[0].shape), list(example[0].shape))
        )
    if not torch.isfinite(first[0]).all():
        raise ExportError("the network returns values that are not finite: export it with other weights")
    if _difference(first, second) > 0:
        raise ExportError(
            "the network gives other outputs each time, even in evaluation mode: does it draw random numbers in forward?"
        )


def _described(inputs: Sequence[torch.Tensor]) -> str:
    return ", ".join("%s %s" % (str(i.dtype).replace("torch.", ""), list(i.shape)) for i in inputs)


def _difference(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> float:
    """The largest difference, relative to the largest value; infinite where shapes differ."""
    worst = 0.0
    for one, other in zip(found, expected):
        if one.shape != other.shape:
            return math.inf
        if other.numel():
            scale = max(float(other.abs().max()), 1e-12)
            worst = max(worst, float((one.double() - other.double()).abs().max()) / scale)
    return math.inf if math.isnan(worst) else worst


# --- Tracing


def _trace(unused, forward, settings, inputs: _Inputs) -> torch.jit.ScriptModule:
    traced = _trace_once(_with_buffers_as_parameters(unused), {}, forward, settings, inputs)
    constants = _constants_by_content(traced.graph)
    if constants:
        # A buffer can only be declared before tracing, and what must become one is only known after it.
        buffers = {_CONSTANT % i: value for i, value in enumerate(constants.values())}
        names = dict(zip(constants, buffers))
        # From another copy: the first may keep something that it computed while it was traced.
        traced = _trace_once(_with_buffers_as_parameters(unused), buffers, forward, settings, inputs)
        _read_constants_from_buffers(traced.graph, names)
    torch._C._jit_pass_lint(traced.graph)
    return traced


def _trace_once(network, buffers: Dict[str, torch.Tensor], forward, settings, inputs: _Inputs) -> torch.jit.ScriptModule:
    watch = _Watch(network, settings.get("representation"))
    template = _template(network, forward, settings, watch)
    for name, value in buffers.items():
        template.register_buffer(name, value)
    try:
        with warnings.catch_warnings(), torch.no_grad(), _plain_autograd_functions(network), _numbers_for_convolutions():
            # What a trace would freeze is found by comparing, which is better than a warning.
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(template, inputs.of(3, seed=0), check_trace=False)
    except ExportError:
        raise
    except Exception as e:
        raise ExportError(
            "torch.jit.trace fails (%s): a forward= that avoids that part of the network may help" % _first_line(e)
        ) from e
    finally:
        watch.remove()
    graph = traced.graph
    torch._C._jit_pass_inline(graph)
    _refuse_python_operations(graph)
    _follow_the_input(graph)
    _restore_numbers(graph)
    return traced


def _template(network, forward, settings, watch: _Watch) -> torch.nn.Module:
    """The module that is traced; the names of its inputs and of its class end up in the file.

    What it uses comes from the scope around it: TorchScript looks at every attribute of a module.
    """

    def run(template, x, noise_label, class_label=None):
        with _without_submodule_methods():
            return _call(template.network, forward, settings, watch, x, noise_label, class_label)

    if settings.get("classes") is not None:

        class Template(torch.nn.Module):
            def forward(self, input, noise_label, class_label):
                return run(self, input, noise_label, class_label)

    else:

        class Template(torch.nn.Module):
            def forward(self, input, noise_label):
                return run(self, input, noise_label)

    template = Template()
    template.network = network
    return template.eval()


def _strip_source_lines(archive: Path) -> None:
    """Removes the lines of Python that each operation came from: half of the file, with the paths of this machine."""
    with _replacing(archive) as stripped:
        with zipfile.ZipFile(str(archive)) as source, zipfile.ZipFile(str(stripped), "w") as target:
            for entry in source.infolist():
                if entry.filename.endswith(".debug_pkl"):
                    continue
                kept = zipfile.ZipInfo(entry.filename)
                kept.compress_type = entry.compress_type
                kept.file_size = entry.file_size
                # PyTorch begins each entry at a multiple of 64 bytes: its header is 30 bytes, its name and this field.
                kept.extra = _padding(target.fp.tell() + 30 + len(entry.filename.encode("utf-8")))
                with source.open(entry) as data, target.open(kept, "w") as copied:
                    shutil.copyfileobj(data, copied, 1 << 20)


def _padding(begin: int) -> bytes:
    size = -(begin + 4) % 64
    return b"FB" + size.to_bytes(2, "little") + b"Z" * size


@contextlib.contextmanager
def _without_submodule_methods() -> Iterator[None]:
    """Records one flat graph. Where this internal switch is missing, inlining has nearly the same effect."""
    module = torch.jit._trace
    before = getattr(module, "_trace_module_map", None)
    module._trace_module_map = None
    try:
        yield
    finally:
        module._trace_module_map = before


class _PlainContext:
    """Stands in for the ctx of an autograd function when there will be no backward pass."""

    saved_tensors: Tuple[torch.Tensor, ...] = ()
    needs_input_grad: Tuple[bool, ...] = (False,) * 64

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors

    def save_for_forward(self, *tensors):
        pass

    def mark_dirty(self, *tensors):
        pass

    def mark_non_differentiable(self, *tensors):
        pass

    def set_materialize_grads(self, value):
        pass


def _plain_apply(function: type, *arguments: Any, **keywords: Any) -> Any:
    plain_setup = getattr(torch.autograd.Function, "setup_context", None)
    if plain_setup is not None and function.setup_context is not plain_setup:
        return function.forward(*arguments, **keywords)
    return function.forward(_PlainContext(), *arguments, **keywords)


@contextlib.contextmanager
def _plain_autograd_functions(network: torch.nn.Module) -> Iterator[None]:
    """Lets every torch.autograd.Function run its forward in the open, where the trace sees its operations.

    Covers ``Function.apply(...)`` and the usual ``name = Function.apply`` in the files that the network's classes come
    from.
    """
    base = torch.autograd.Function
    own = base.__dict__.get("apply")
    replaced: List[Tuple[Any, str, Any]] = []
    base.apply = classmethod(_plain_apply)
    try:
        for name in {type(module).__module__ for module in network.modules()}:
            for key, value in list(vars(sys.modules.get(name, object())).items() if name in sys.modules else ()):
                function = getattr(value, "__self__", None)
                if getattr(value, "__name__", "") == "apply" and isinstance(function, type) and issubclass(function, base):
                    replaced.append((sys.modules[name], key, value))
                    setattr(sys.modules[name], key, lambda *a, _function=function, **k: _plain_apply(_function, *a, **k))
        yield
    finally:
        for module, key, value in replaced:
            setattr(module, key, value)
        if own is None:
            del base.apply
        else:
            base.apply = own


@contextlib.contextmanager
def _numbers_for_convolutions() -> Iterator[None]:
    """Makes numbers of paddings that were computed from a weight's shape, which a trace hands out as tensors.

    PyTorch 1.13 refuses those. A weight's shape never changes.
    """
    functional = torch.nn.functional
    names = [kind + size for kind in ("conv", "conv_transpose") for size in ("1d", "2d", "3d")]
    originals = {name: getattr(functional, name) for name in names}

    def plain(value):
        return int(value) if isinstance(value, torch.Tensor) and value.dim() == 0 else value

    def with_numbers(function):
        return lambda *a, **k: function(*a[:3], *[plain(v) for v in a[3:]], **{n: plain(v) for n, v in k.items()})

    try:
        for name, function in originals.items():
            setattr(functional, name, with_numbers(function))
        yield
    finally:
        for name, function in originals.items():
            setattr(functional, name, function)


def _nodes(block: Any) -> Iterator[Any]:
    for node in list(block.nodes()):
        # Before it is handed out: the receiver may destroy it.
        inner_blocks = list(node.blocks())
        yield node
        for inner in inner_blocks:
            yield from _nodes(inner)


def _refuse_python_operations(graph: Any) -> None:
    for node in _nodes(graph):
        if node.kind().startswith("^") or node.kind() == "prim::PythonOp":
            raise ExportError(
                "the network calls the autograd function %s in a way that cannot be saved: call it as Function.apply(...), "
                "or give forward= with plain operations" % node.kind().lstrip("^")
            )


def _follow_the_input(graph: Any) -> None:
    """Replaces each recorded device by that of the input, so that a graph traced on a CPU runs on a GPU."""
    constants = [
        node
        for node in _nodes(graph)
        if node.kind() == "prim::Constant" and node.output().type().kind() == "DeviceObjType"
    ]
    if not constants:
        return
    device = graph.create("prim::device", [list(graph.inputs())[1]], 1)
    device.output().setType(torch._C.DeviceObjType.get())
    graph.prependNode(device)
    for node in constants:
        node.output().replaceAllUsesWith(device.output())
        node.destroy()


def _restore_numbers(graph: Any) -> None:
    """Makes numbers of the tensors that a trace makes of Python's numbers.

    In ``x * 0.5`` the trace keeps a float64 tensor that counts as a number for the type of the result. The file does
    not keep that distinction, so that an integer x would give float64 where the network gives float32.
    """
    for node in _nodes(graph):
        if node.kind() in ("aten::lift_fresh", "aten::detach") and _constant_tensor(node.input()) is not None:
            node.output().replaceAllUsesWith(node.input())
            node.destroy()
    for node in _nodes(graph):
        value = _constant_tensor(node.input()) if node.kind() in _TO_NUMBERS else None
        if value is not None and value.numel() == 1 and math.isfinite(value.item()):
            whole = node.kind() in ("aten::Int", "aten::IntImplicit")
            number = _number(graph, node, int(value.item()) if whole else value.item())
            node.output().replaceAllUsesWith(number.output())
            node.destroy()
    for node in [n for n in _nodes(graph) if n.kind() == "prim::Constant"]:
        value = _constant_tensor(node.output())
        if value is None:
            continue
        if value.dim() != 0 or value.dtype not in (torch.float64, torch.int64) or not math.isfinite(value.item()):
            continue
        number = _number(graph, node, value.item())
        for use in list(node.output().uses()):
            use.user.replaceInput(use.offset, number.output())
            if use.user.schema() == "(no schema)":
                # The operation has no form that takes a number there.
                use.user.replaceInput(use.offset, node.output())
        for left in (node, number):
            if not left.output().uses():
                left.destroy()


def _number(graph: Any, place: Any, value: Any) -> Any:
    """A constant number before some node."""
    node = graph.create("prim::Constant", 1)
    if isinstance(value, int):
        node.i_("value", int(value))
        node.output().setType(torch._C.BoolType.get() if isinstance(value, bool) else torch._C.IntType.get())
    else:
        node.f_("value", value)
        node.output().setType(torch._C.FloatType.get())
    node.insertBefore(place)
    return node


def _constant_tensor(value: Any) -> Optional[torch.Tensor]:
    node = value.node()
    if node.kind() == "prim::Constant" and node.hasAttribute("value") and node.kindOf("value") == "t":
        return node.t("value")
    return None


_TO_NUMBERS = ("aten::Int", "aten::Float", "aten::Bool", "aten::IntImplicit", "aten::FloatImplicit", "aten::ScalarImplicit")


def _tensor_constants(graph: Any) -> Iterator[Tuple[Tuple[Any, ...], Any]]:
    """The constant tensors of a graph, each with what tells its content from others."""
    for node in _nodes(graph):
        value = _constant_tensor(node.output()) if node.kind() == "prim::Constant" else None
        if value is not None:
            value = value.detach().contiguous()
            yield (str(value.dtype), tuple(value.shape), _sha256(value)), node


def _constants_by_content(graph: Any) -> Dict[Tuple[Any, ...], torch.Tensor]:
    return {key: node.t("value").detach().clone().contiguous() for key, node in _tensor_constants(graph)}


def _read_constants_from_buffers(graph: Any, names: Dict[Tuple[Any, ...], str]) -> None:
    """Constants stay where they are when a graph moves to another device; buffers move with it."""
    this = next(iter(graph.inputs()))
    readers: Dict[Tuple[Any, ...], Any] = {}
    for key, constant in list(_tensor_constants(graph)):
        if key not in names:
            raise ExportError("the network computes with other constants each time it runs, which a graph cannot hold")
        if key not in readers:
            reader = graph.create("prim::GetAttr", [this], 1)
            reader.s_("name", names[key])
            reader.output().setType(torch._C.TensorType.get())
            graph.prependNode(reader)
            readers[key] = reader
        constant.output().replaceAllUsesWith(readers[key].output())
        constant.destroy()


# --- Comparing


def _verify(file: Path, reference, unused, forward, settings, inputs: _Inputs) -> List[str]:
    """Reads the file as Diffuscope will, and compares it with the network; returns the weights that it does not use.

    ``unused`` is a copy of the network that has not run yet, so that it keeps nothing computed from earlier weights.
    """
    loaded = torch.jit.load(str(file), map_location="cpu")
    graph = loaded.graph
    if any(n.kind() == "prim::Constant" and n.output().type().kind() == "DeviceObjType" for n in _nodes(graph)):
        raise ExportError("the graph still names a device; this version of PyTorch is not supported, please report it")
    _verify_names(loaded, reference)
    for batch in (1, 2, 5):
        example = inputs.of(batch, seed=batch)
        difference = _compare(loaded, reference, forward, settings, example)
        if difference > _TOLERANCE:
            raise ExportError(
                "the graph gives other outputs than the network (relative difference %.2g, batch of %d): something in "
                "forward depends on values or on the batch in a way that a trace cannot record (an if on a tensor, "
                ".item(), a cache, a number of samples kept from an earlier call); give forward= without it"
                % (difference, batch)
            )
    state = _perturbed(unused)
    unused.load_state_dict(state)
    with torch.no_grad():
        for name, parameter in loaded.named_parameters():
            parameter.copy_(state[name[len("network.") :]])
    difference = _compare(loaded, unused, forward, settings, inputs.of(2, seed=9))
    if difference > _TOLERANCE:
        raise ExportError(
            "the graph does not follow its weights (relative difference %.2g after changing all of them): forward keeps "
            "some of them, or something computed from them, from an earlier call; of such a graph every checkpoint would "
            "give the same outputs; give forward= without it, or clear that cache in eval()" % difference
        )
    used = _attributes_read(graph)
    return [name[len("network.") :] for name, _ in loaded.named_parameters() if name not in used]


def _verify_names(loaded: torch.jit.ScriptModule, reference: torch.nn.Module) -> None:
    wanted: Dict[str, int] = {
        "network." + name: value.data_ptr()
        for name, value in reference.state_dict().items()
        if value.is_floating_point()
    }
    found = {name for name, _ in loaded.named_parameters()}
    # A weight under two names is one parameter.
    missing = [name for name in wanted if name not in found and wanted[name] not in {wanted.get(f) for f in found}]
    if missing or not found <= set(wanted):
        raise ExportError(
            "the graph's weights have other names than the state_dict: %s" % _some(missing + sorted(found - set(wanted)))
        )


def _attributes_read(graph: Any) -> set:
    """Dotted names of what the graph reads of its module."""
    names: Dict[str, str] = {next(iter(graph.inputs())).debugName(): ""}
    read = set()
    for node in _nodes(graph):
        if node.kind() == "prim::GetAttr" and node.input().debugName() in names:
            above = names[node.input().debugName()]
            name = above + "." + node.s("name") if above else node.s("name")
            names[node.output().debugName()] = name
            if node.output().uses():
                read.add(name)
    return read


def _compare(loaded, reference, forward, settings, example: Sequence[torch.Tensor]) -> float:
    expected = _run(reference, forward, settings, example)
    try:
        with torch.no_grad(), torch.jit.optimized_execution(False):
            found = _as_list(loaded(*[i.clone() for i in example]))
    except RuntimeError as e:
        raise ExportError(
            "the graph fails for a batch of %d (%s): forward keeps a batch size as a number; give forward= that takes it "
            "from the input's shape" % (int(example[0].shape[0]), _last_line(e))
        ) from e
    return _difference(found, expected)


def _perturbed(network: torch.nn.Module) -> Dict[str, torch.Tensor]:
    """Other values for everything in the state_dict, positive additions to vectors: a variance must stay one."""
    generator = torch.Generator().manual_seed(7)
    changed: Dict[str, torch.Tensor] = {}
    alias: Dict[int, torch.Tensor] = {}
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            changed[name] = value
        elif value.data_ptr() in alias and alias[value.data_ptr()].shape == value.shape:
            changed[name] = alias[value.data_ptr()]
        elif value.dim() < 2:
            changed[name] = value + 0.2 * torch.rand(value.shape, generator=generator)
        else:
            fan_in = max(value[0].numel(), 1)
            changed[name] = value + 0.3 * torch.randn(value.shape, generator=generator) / math.sqrt(fan_in)
        if value.is_floating_point() and value.numel():
            alias[value.data_ptr()] = changed[name]
    return changed


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Leaves the caller's generator, devices and switches as they were, and shuts out those that would matter."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(torch.autocast("cpu", dtype=torch.bfloat16, enabled=False))
        if int(torch.__version__.split(".")[0]) >= 2:
            stack.enter_context(torch.device("cpu"))
        before = torch.get_default_dtype()
        stack.callback(torch.set_default_dtype, before)
        torch.set_default_dtype(torch.float32)
        switches = getattr(torch.backends, "mha", None)
        if switches is not None:
            # Its fused operations are for inference with these very weights.
            stack.callback(switches.set_fastpath_enabled, switches.get_fastpath_enabled())
            switches.set_fastpath_enabled(False)
        dynamo = sys.modules.get("torch._dynamo")
        if dynamo is not None and hasattr(dynamo.config, "disable"):
            stack.callback(setattr, dynamo.config, "disable", dynamo.config.disable)
            dynamo.config.disable = True
        yield


# ---------------------------------------------------------------------------------------------------------------------
# The data


def export_data(
    data: Any,
    path: Union[str, os.PathLike],
    labels: Any = None,
    limit: Optional[int] = None,
    transform: Optional[Callable[[Any], Any]] = None,
    *,
    shard_size: Optional[int] = None,
    dtype: Optional[str] = None,
    key: Optional[str] = None,
    label_key: Optional[str] = None,
    batched: Optional[bool] = None,
    allow_random: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
) -> Dict[str, Any]:
    """Writes the points that a training program sees, as it sees them, to a folder that Diffuscope reads.

        export_data(ImageFolder("images/train", transform=transform), "train-data")
        export_data(ImageFolder("images/holdout", transform=transform), "holdout-data")

    Diffuscope compares samples with these points, so they must be in the network's own space: latents for a latent
    model, floats as the network is trained on, or uint8 images, which stand for ``x / 127.5 - 1``.

    ``data`` is a Dataset with a length (ImageFolder, an LMDB reader, a list, an array), an iterable one (WebDataset), or
    a DataLoader. A loader of a Dataset with a length is replaced by one in the data set's order with the same workers
    and ``collate_fn``; one of an iterable data set is read as it is. Items may be a point, ``(point, label, ...)``, or a
    dict with ``image``, ``pixel_values``, ``latent``, ... and ``label``, ... (else name them: ``key``, ``label_key``). A
    point may be a PIL image (becomes uint8 ``[channels, height, width]``), a uint8 array with channels last or first, or
    a float array with channels first. All points must have one shape and type.

    **Random augmentation is turned off**: random transforms of torchvision that the data set holds, and that have a
    probability ``p``, run with p = 0 while the data are read. Those without one (RandomCrop, ColorJitter, ...) are
    refused: give the data set a fixed transform (CenterCrop). Whatever augments in another way is found by reading some
    points twice. ``allow_random=True`` writes the points as they come; then copies of training images are harder to see.

    labels
        None: the class of each item where it has one; True: the same, but required; False: none; or a sequence by
        index, or a function of the index
    limit
        number of points at most: spread evenly over a data set with a length, which is often sorted by class; else the
        first ones
    transform
        applied to each point after the data set's own transform: an encoder to latents, a resize
    shard_size, dtype
        points in one file (default: about 256 MiB); "float16" halves the size of floats
    batched
        whether ``data`` yields batches; by default DataLoaders do
    overwrite
        replace an export that is there already

    **The folder**: ``index.json`` (format "diffuscope-data", version 1: count, shape, dtype "U8", "F16" or "F32", labels
    true or false, transform, content_hash, shards with file and count) and ``data-00000-of-00004.safetensors``, ..., each
    with ``points [n, ...shape]``, ``labels [n]`` (int64, where there are any) and ``ids [n]`` (int64: the index in the data
    set, or the running number). The index is written last and by renaming: a folder without it is not finished.

    **content_hash** is the SHA-256, in hexadecimal, of the UTF-8 text
    ``points N\\nshape D1,D2,...\\ndtype T\\nvalues H\\n`` with the number of points, their shape, their type as in
    ``dtype``, and H, the SHA-256 in hexadecimal of the bytes of all points in order (little-endian, C order). It is the
    same for any shard size, and labels and ids play no part in it.

    Returns what is in ``index.json``.
    """
    if sys.byteorder != "little":
        raise ExportError("export_data needs a little-endian machine")
    if dtype not in (None, "float16", "float32"):
        raise ExportError("dtype must be \"float16\" or \"float32\", not %r" % dtype)
    if limit is not None and limit < 1:
        raise ExportError("limit must be at least 1, not %s" % limit)
    folder = Path(path)
    _prepare_folder(folder, overwrite)
    reader = _PointReader(data, labels, limit, transform, key, label_key, batched)
    with _augmentation_off(data, allow_random) as note:
        if not allow_random:
            reader.refuse_changing_points()
        writer = _ShardWriter(folder, shard_size, dtype)
        progress = _Progress("exporting points", reader.count, quiet)
        try:
            for identity, point, label in reader:
                writer.add(identity, point, label)
                progress.to(writer.count)
            index = writer.finish(_transform_text(note, transform))
        except BaseException:
            writer.abandon()
            raise
        progress.done()
    _warn_about_range(writer, quiet)
    return index


_POINT_KEYS = (
    "pixel_values", "image", "images", "latent", "latents", "input", "x", "data",
    "jpg", "jpeg", "png", "webp", "npy", "pth",
)  # fmt: skip
_LABEL_KEYS = ("label", "labels", "class_label", "class_labels", "cls", "class", "target", "y", "fine_label")


class _PointReader:
    """Iterates (id, point, label or None), whatever the data set is like."""

    def __init__(self, data, labels, limit, transform, key, label_key, batched):
        self._data = data
        self._labels = labels
        self._limit = limit
        self._transform = transform
        self._key = key
        self._label_key = label_key
        dataset = getattr(data, "dataset", None) if _is_loader(data) else data
        self._indexed = dataset if _has_length(dataset) and hasattr(dataset, "__getitem__") else None
        # With batch_size=None a loader hands out single items.
        self._batched = _is_loader(data) and data.batch_sampler is not None if batched is None else batched
        if self._batched and not _is_loader(data):
            self._indexed = None
        self.count = limit
        if self._indexed is not None:
            self.count = min(len(self._indexed), limit or len(self._indexed))
            if self.count == 0:
                raise ExportError("the data set is empty")
        elif not hasattr(data, "__iter__"):
            raise ExportError("%s is no data set: it has neither a length with indices nor __iter__" % type(data).__name__)

    def _indices(self) -> List[int]:
        size = len(self._indexed)
        return [i * size // self.count for i in range(self.count)]

    def __iter__(self) -> Iterator[Tuple[int, torch.Tensor, Optional[int]]]:
        if self._indexed is None:
            numbered: Iterable[Tuple[int, Any]] = enumerate(self._items(self._data))
        else:
            numbered = zip(self._indices(), self._by_index(self._indices()))
        for done, (identity, item) in enumerate(numbered):
            if self._limit is not None and done >= self._limit:
                return
            yield (identity,) + self._parsed(identity, item)

    def _by_index(self, indices: List[int]) -> Iterator[Any]:
        if not self._batched:
            for i in indices:
                yield self._indexed[i]
            return
        from torch.utils.data import DataLoader

        loader = DataLoader(
            self._indexed,
            batch_size=self._data.batch_size or 64,
            sampler=indices,
            num_workers=self._data.num_workers,
            collate_fn=self._data.collate_fn,
        )
        yield from self._items(loader)

    def _items(self, source: Any) -> Iterator[Any]:
        for item in source:
            if self._batched:
                yield from _unbatched(item)
            else:
                yield item

    def refuse_changing_points(self) -> None:
        """Reads some points twice."""
        if self._indexed is not None:
            several = sorted({i * self.count // 32 for i in range(32)})
            indices = [self._indices()[i] for i in several]
            first = [self._parsed(i, item)[0] for i, item in zip(indices, self._by_index(indices))]
            second = [self._parsed(i, item)[0] for i, item in zip(indices, self._by_index(indices))]
        else:
            if iter(self._data) is self._data:
                return  # Can be read only once.
            first, second = self._beginning(), self._beginning()
        same = len(first) == len(second) and all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(first, second))
        if not same:
            raise ExportError(
                "reading the data twice gives different points: turn off random augmentation%s in the data set, or export "
                "as it is with allow_random=True" % ("" if self._indexed is not None else " and shuffling")
            )

    def _beginning(self) -> List[torch.Tensor]:
        points = []
        for number, item in enumerate(self._items(self._data)):
            if number == min(16, self._limit or 16):
                break
            points.append(self._parsed(number, item)[0])
        return points

    def _parsed(self, identity: int, item: Any) -> Tuple[torch.Tensor, Optional[int]]:
        point, label = self._split(item)
        try:
            tensor = _point(self._transform(point) if self._transform else point)
        except ExportError as e:
            raise ExportError("point %d: %s" % (identity, e)) from e
        return tensor, self._label(identity, label)

    def _split(self, item: Any) -> Tuple[Any, Any]:
        if isinstance(item, Mapping):
            return self._chosen(item, self._key, _POINT_KEYS, "point", "key", True), self._chosen(
                item, self._label_key, _LABEL_KEYS, "label", "label_key", self._labels is True
            )
        if isinstance(item, (tuple, list)):
            if not item:
                raise ExportError("the data set yields empty tuples")
            return item[0], item[1] if len(item) > 1 else None
        return item, None

    def _chosen(self, item, name, known, what, option, required):
        if name is not None:
            if name not in item:
                raise ExportError("items have no %r; they have %s" % (name, _listing(item)))
            return item[name]
        found = next((k for k in known if k in item), None)
        if found is None and required:
            raise ExportError("which entry is the %s? Items have %s: give %s=" % (what, _listing(item), option))
        return None if found is None else item[found]

    def _label(self, identity: int, found: Any) -> Optional[int]:
        if self._labels is False:
            return None
        if self._labels is None or self._labels is True:
            label = _class_of(found)
            if label is None and self._labels is True:
                raise ExportError("point %d has no class: its label is %s" % (identity, _brief(found)))
            return label
        given = self._labels(identity) if callable(self._labels) else self._labels[identity]
        label = _class_of(given)
        if label is None:
            raise ExportError("the label given for point %d is no class: %s" % (identity, _brief(given)))
        return label


def _is_loader(data: Any) -> bool:
    return isinstance(data, torch.utils.data.DataLoader)


def _has_length(data: Any) -> bool:
    try:
        len(data)
        return True
    except (TypeError, NotImplementedError):
        return False


def _unbatched(batch: Any) -> List[Any]:
    """The items of a collated batch."""
    if isinstance(batch, Mapping):
        columns = {k: v for k, v in batch.items() if _has_length(v)}
        size = _batch_size(columns.values())
        return [{k: v[i] for k, v in columns.items() if len(v) == size} for i in range(size)]
    if isinstance(batch, (tuple, list)):
        if batch and not all(_has_length(column) and not isinstance(column, str) for column in batch):
            raise ExportError("batches are no tuples of columns: give a collate_fn that stacks, or the data set itself")
        size = _batch_size(batch)
        return [tuple(column[i] for column in batch if len(column) == size) for i in range(size)]
    return [batch[i] for i in range(len(batch))]


def _batch_size(columns: Iterable[Any]) -> int:
    for column in columns:
        return len(column)
    raise ExportError("the loader yields empty batches")


def _class_of(value: Any) -> Optional[int]:
    """The class, from a number or a one-hot vector; None for anything else."""
    if hasattr(value, "tolist") and not isinstance(value, (int, float)):
        value = value.tolist()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (list, tuple)):
        if len(value) == 1 and isinstance(value[0], int):
            return int(value[0])
        numbers = all(isinstance(v, (int, float)) for v in value)
        if len(value) > 1 and numbers and sorted(set(value)) == [0, 1] and sum(value) == 1:
            return list(value).index(1)
        return None
    return value if isinstance(value, int) and value >= 0 else None


def _point(value: Any) -> torch.Tensor:
    """A point as a tensor in uint8 or float32, channels first, on the CPU."""
    if hasattr(value, "getbands") and hasattr(value, "tobytes"):
        return _from_pil(value)
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        from_array = False
    elif hasattr(value, "__array_interface__"):
        try:
            tensor = torch.from_numpy(value.copy())
        except TypeError as e:
            raise ExportError("values of type %s: give transform= that makes floats or uint8" % value.dtype) from e
        from_array = True
    else:
        raise ExportError("%s is no image or array: give transform= (or key=) that finds it" % type(value).__name__)
    if tensor.dtype == torch.uint8:
        if from_array and tensor.dim() == 2:
            tensor = tensor.unsqueeze(0)
        elif from_array and _channels_last(tensor):
            tensor = tensor.permute(2, 0, 1)
    elif not tensor.is_floating_point():
        raise ExportError("values of type %s: give transform= that makes floats or uint8" % tensor.dtype)
    elif _channels_last(tensor) and tensor.shape[0] == tensor.shape[1] and tensor.shape[0] > 4:
        raise ExportError(
            "its shape %s looks like channels last: give transform= that puts them first" % list(tensor.shape)
        )
    if tensor.dim() == 0:
        raise ExportError("a single number is no point")
    if tensor.dtype not in (torch.uint8, torch.float32):
        tensor = tensor.to(torch.float32)
    if tensor.dtype == torch.float32 and not torch.isfinite(tensor).all():
        raise ExportError("has values that are not finite")
    return tensor.contiguous()


def _channels_last(tensor: torch.Tensor) -> bool:
    return tensor.dim() == 3 and tensor.shape[2] in (1, 3, 4) and tensor.shape[0] not in (1, 3, 4)


def _from_pil(image: Any) -> torch.Tensor:
    if image.mode in ("P", "1", "CMYK", "YCbCr", "HSV", "LAB"):
        image = image.convert("RGB")
    if image.mode not in ("L", "RGB"):
        raise ExportError(
            "an image of mode %s: give transform=lambda image: image.convert(\"RGB\"), or what the training does with it"
            % image.mode
        )
    width, height = image.size
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return flat.reshape(height, width, len(image.getbands())).permute(2, 0, 1).contiguous()


# --- Augmentation


_RANDOM_NAMES = (
    "ColorJitter", "AutoAugment", "RandAugment", "TrivialAugmentWide", "AugMix", "ElasticTransform", "GaussianBlur",
    "GaussianNoise", "CutMix", "MixUp",
)  # fmt: skip
_HARMLESS_NAMES = ("RandomApply", "RandomOrder", "RandomChoice")  # judged by what they hold, and by reading twice


class _Transforms:
    """The transforms that a data set holds, found through wrappers, Compose lists and closures."""

    def __init__(self, data: Any):
        self.found: List[Any] = []
        self._seen: set = set()
        self._search(data, 0)

    def _search(self, thing: Any, depth: int) -> None:
        if thing is None or id(thing) in self._seen or depth > 12 or isinstance(thing, (str, bytes, int, float, torch.Tensor)):
            return
        self._seen.add(id(thing))
        if isinstance(thing, (list, tuple)):
            for part in thing[:64]:
                self._search(part, depth + 1)
            return
        module = type(thing).__module__
        if module.startswith(("torchvision.transforms", "albumentations", "kornia")):
            self.found.append(thing)
        if inspect.isfunction(thing) or inspect.ismethod(thing):
            function = getattr(thing, "__func__", thing)
            for cell in function.__closure__ or ():
                with contextlib.suppress(ValueError):
                    self._search(cell.cell_contents, depth + 1)
            self._search(getattr(thing, "__self__", None), depth + 1)
            return
        for name in ("dataset", "datasets", "transform", "transforms", "target_transform", "transform_fn", "augment",
                     "augmentation", "augmentations", "preprocess", "func", "args", "pipeline", "source", "f", "image_transform",
                     "_format_kwargs"):  # fmt: skip
            with contextlib.suppress(Exception):
                part = getattr(thing, name, None)
                self._search(list(part.values()) if isinstance(part, Mapping) else part, depth + 1)

    def random(self) -> List[Any]:
        return [t for t in self.found if type(t).__name__.startswith("Random") or type(t).__name__ in _RANDOM_NAMES]


@contextlib.contextmanager
def _augmentation_off(data: Any, allow_random: bool) -> Iterator[str]:
    """Sets p = 0 where there is one, for as long as this is open; says what transforms there are."""
    transforms = _Transforms(data)
    stopped: List[Tuple[Any, Any]] = []
    refused: List[str] = []
    text = _top_level(transforms)
    if not allow_random:
        for transform in transforms.random():
            p, kind = getattr(transform, "p", None), type(transform).__name__
            shapes = isinstance(p, (int, float)) and p >= 1 and ("Crop" in kind or "Resize" in kind)
            if isinstance(p, (int, float)) and not shapes:
                stopped.append((transform, transform.p))
            elif type(transform).__name__ not in _HARMLESS_NAMES:
                refused.append(type(transform).__name__)
    if refused:
        raise ExportError(
            "the data set's transform is random and cannot be turned off: %s; give the data set a fixed one for the export "
            "(CenterCrop in place of RandomCrop, no jitter), or export as it is with allow_random=True"
            % _listing(sorted(set(refused)))
        )
    for transform, _ in stopped:
        transform.p = 0.0
    try:
        yield text + "".join("; off: %s" % type(transform).__name__ for transform, _ in stopped)
    finally:
        for transform, p in stopped:
            transform.p = p


def _top_level(transforms: _Transforms) -> str:
    return re.sub(r"\s+", " ", repr(transforms.found[0])) if transforms.found else "none"


def _transform_text(note: str, transform: Optional[Callable[[Any], Any]]) -> str:
    if transform is None:
        return note
    return "%s; then %s" % (note, getattr(transform, "__qualname__", None) or re.sub(r"\s+", " ", repr(transform)))


# --- The folder


_SHARD_BYTES = 1 << 28
_SHARD_FILE = re.compile(r"data-\d{5,}-of-\d{5,}\.safetensors|data-\d{5,}\.partial|index\.json\.partial")


def _prepare_folder(folder: Path, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise ExportError("%s is a file; give the folder to write to" % folder)
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.json"
    if index.exists() and not overwrite:
        raise ExportError("%s holds an export already: give overwrite=True, or another folder" % folder)
    # First, so that a reader never sees an index beside shards of another export.
    index.unlink() if index.exists() else None
    for file in folder.iterdir():
        if _SHARD_FILE.fullmatch(file.name):
            file.unlink()


class _ShardWriter:
    """Collects points and writes them in files of about equal size; nothing is final before ``finish``."""

    def __init__(self, folder: Path, shard_size: Optional[int], dtype: Optional[str]):
        self._folder = folder
        self._size = shard_size
        self._float_type = torch.float16 if dtype == "float16" else torch.float32
        self._shape: Optional[List[int]] = None
        self._type = torch.float32
        self._labelled = False
        self._points: List[torch.Tensor] = []
        self._labels: List[int] = []
        self._ids: List[int] = []
        self._shards: List[Tuple[Path, int]] = []
        self._digest = hashlib.sha256()
        self.count = 0
        self.low, self.high = math.inf, -math.inf

    def add(self, identity: int, point: torch.Tensor, label: Optional[int]) -> None:
        if self._shape is None:
            self._begin(point, label)
        if list(point.shape) != self._shape or (point.dtype == torch.uint8) != (self._type == torch.uint8):
            raise ExportError(
                "point %d is %s %s, others are %s %s: all points need one shape and type; add a Resize and a CenterCrop to "
                "the data set's transform" % (identity, point.dtype, list(point.shape), self._type, self._shape)
            )
        if (label is not None) != self._labelled:
            raise ExportError("some points have a class and some do not (point %d): give labels=False, or all" % identity)
        stored = point.to(self._type)
        if not torch.isfinite(stored).all() if stored.is_floating_point() else False:
            raise ExportError("point %d does not fit into float16: give dtype=\"float32\"" % identity)
        # A copy: some data sets hand out the same memory each time.
        self._points.append(stored.clone())
        self._ids.append(identity)
        if label is not None:
            self._labels.append(label)
        self.low, self.high = min(self.low, float(stored.min())), max(self.high, float(stored.max()))
        self.count += 1
        if len(self._points) >= self._size:
            self._write()

    def _begin(self, point: torch.Tensor, label: Optional[int]) -> None:
        if point.numel() == 0:
            raise ExportError("points have no values: their shape is %s" % list(point.shape))
        self._shape = list(point.shape)
        self._type = torch.uint8 if point.dtype == torch.uint8 else self._float_type
        self._labelled = label is not None
        if self._size is None:
            self._size = max(1, _SHARD_BYTES // (point.numel() * torch.empty(0, dtype=self._type).element_size()))

    @property
    def is_uint8(self) -> bool:
        return self._type == torch.uint8

    def _write(self) -> None:
        points = torch.stack(self._points)
        with _bytes_of(points) as view:
            self._digest.update(view)
        tensors = {"points": points, "ids": torch.tensor(self._ids, dtype=torch.int64)}
        if self._labelled:
            tensors["labels"] = torch.tensor(self._labels, dtype=torch.int64)
        file = self._folder / ("data-%05d.partial" % len(self._shards))
        _write_safetensors(file, tensors, {"format": "diffuscope-data"})
        self._shards.append((file, len(self._points)))
        self._points, self._labels, self._ids = [], [], []

    def finish(self, transform: str) -> Dict[str, Any]:
        if self._points:
            self._write()
        if self._shape is None:
            raise ExportError("the data set yields no points")
        shards = []
        for i, (file, count) in enumerate(self._shards):
            final = self._folder / ("data-%05d-of-%05d.safetensors" % (i, len(self._shards)))
            os.replace(str(file), str(final))
            shards.append({"file": final.name, "count": count})
        name = _SAFETENSORS_TYPES[self._type]
        summary = "points %d\nshape %s\ndtype %s\nvalues %s\n" % (
            self.count,
            ",".join(str(size) for size in self._shape),
            name,
            self._digest.hexdigest(),
        )
        index = {
            "format": "diffuscope-data",
            "version": 1,
            "count": self.count,
            "shape": self._shape,
            "dtype": name,
            "labels": self._labelled,
            "transform": transform,
            "content_hash": hashlib.sha256(summary.encode("utf-8")).hexdigest(),
            "exported_with": _versions(),
            "shards": shards,
        }
        _synchronize(self._folder)
        temporary = self._folder / "index.json.partial"
        with open(str(temporary), "w", encoding="utf-8") as file:
            json.dump(index, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(str(temporary), str(self._folder / "index.json"))
        _synchronize(self._folder)
        return index

    def abandon(self) -> None:
        for file, _ in self._shards:
            with contextlib.suppress(OSError):
                file.unlink()


def _warn_about_range(writer: _ShardWriter, quiet: bool) -> None:
    if not quiet and not writer.is_uint8 and writer.low >= 0 and 0.5 < writer.high <= 1:
        _Speaker(False)(
            "all values lie between 0 and 1: if the network is trained on [-1, 1], the data set's transform lacks a "
            "Normalize([0.5], [0.5])"
        )


# ---------------------------------------------------------------------------------------------------------------------
# Weights in another format


_NO_WEIGHTS = re.compile(
    r"opt|optims?|optimi[sz]ers?|(optim|optimizer)_states?|lr_schedulers?|schedulers?|scaler|grad_scaler|callbacks|loops"
    r"|rng_states?|amp_scaling_state|loss_fn|data_loader|datamodule.*"
)


def convert(
    checkpoint: Union[str, os.PathLike],
    target: Union[str, os.PathLike],
    *,
    key: Optional[str] = None,
    trust: bool = False,
    quiet: bool = False,
) -> List[str]:
    """Writes the tensors of a checkpoint that ``torch.load`` reads as a plain ``.safetensors`` file.

    For formats that Diffuscope does not read itself. Nested dictionaries get dotted names (``ema.conv_in.weight``), and a
    pickled module its state_dict; optimizers, schedulers and the like are left out. ``key="ema"`` writes only what is
    below it, without that prefix.

    ``trust=True`` runs whatever code the file names while it is read, as ``torch.load(weights_only=False)`` and
    ``pickle.load`` do: only for files from people you trust. Returns the names that were written.
    """
    source = Path(checkpoint)
    if not source.exists():
        raise ExportError("%s: no such file" % source)
    tensors: Dict[str, torch.Tensor] = {}
    left_out: List[str] = []
    _flatten(_load(source, trust), "", tensors, left_out, set())
    if key is not None:
        below = {n[len(key) + 1 :]: t for n, t in tensors.items() if n.startswith(key + ".")}
        if not below:
            raise ExportError("%s has nothing below %r; there is %s" % (source, key, _listing(_roots(tensors))))
        tensors = below
    if not tensors:
        raise ExportError("%s holds no tensors%s" % (source, " but those of " + _listing(left_out) if left_out else ""))
    strange = sorted({str(t.dtype) for t in tensors.values() if t.dtype not in _SAFETENSORS_TYPES})
    if strange:
        raise ExportError("%s holds tensors of type %s, which safetensors has no name for" % (source, _listing(strange)))
    with _replacing(Path(target)) as temporary:
        _write_safetensors(temporary, tensors, {"format": "pt"})
    _Speaker(quiet)(
        "%s: %d tensors, below %s%s"
        % (target, len(tensors), _listing(_roots(tensors)), "; left out: " + _listing(left_out) if left_out else "")
    )
    return list(tensors)


def _load(source: Path, trust: bool) -> Any:
    if source.is_dir():
        raise ExportError("%s is a directory; give the file with the weights" % source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if trust:
                try:
                    return torch.load(str(source), map_location="cpu", weights_only=False)
                except (pickle.UnpicklingError, RuntimeError, AttributeError) as e:
                    with open(str(source), "rb") as file:
                        try:
                            return pickle.load(file)
                        except (pickle.UnpicklingError, EOFError, IndexError):
                            raise e
            return torch.load(str(source), map_location="cpu", weights_only=True)
    except ModuleNotFoundError as e:
        raise ExportError(
            "%s needs Python module %s to be read: put the code that wrote it on PYTHONPATH" % (source, e.name)
        ) from e
    except pickle.UnpicklingError as e:
        hint = (
            "it holds objects of the training program; if you trust the people it comes from, run the same with --trust "
            "(trust=True), which runs their code"
        )
        raise ExportError("%s cannot be read as plain weights (%s): %s" % (source, _first_line(e), hint)) from e
    except (RuntimeError, EOFError, ValueError, OSError, AttributeError, ImportError) as e:
        raise ExportError("%s cannot be read by torch.load (%s)" % (source, _first_line(e))) from e


def _flatten(node: Any, prefix: str, tensors: Dict[str, torch.Tensor], left_out: List[str], above: set) -> None:
    if isinstance(node, torch.Tensor):
        tensors[prefix or "tensor"] = node
        return
    if isinstance(node, torch.nn.Module):
        node = node.state_dict()
    if id(node) in above:
        return
    if isinstance(node, Mapping):
        parts: Iterable[Tuple[str, Any]] = [(str(k), v) for k, v in node.items()]
    elif isinstance(node, (list, tuple)):
        parts = [(str(i), v) for i, v in enumerate(node)]
    else:
        return
    for name, value in parts:
        if _NO_WEIGHTS.fullmatch(name) and not isinstance(value, torch.Tensor):
            if isinstance(value, (Mapping, list, tuple)):
                left_out.append(prefix + "." + name if prefix else name)
            continue
        _flatten(value, prefix + "." + name if prefix else name, tensors, left_out, above | {id(node)})


def _roots(tensors: Mapping[str, torch.Tensor]) -> List[str]:
    return list(dict.fromkeys(name.split(".")[0] for name in tensors))


# ---------------------------------------------------------------------------------------------------------------------
# Announcing checkpoints


_DEFAULT_URL = "http://127.0.0.1:9464"
_SHORTEST_WAIT, _LONGEST_WAIT = 30.0, 600.0  # seconds without a try after a failure that took time
_LONGEST_ANSWER = 65536  # bytes
_MOST_UNDER_WAY = 8  # announcements that wait for an answer in the background


def announce(
    path: Union[str, os.PathLike],
    step: Optional[int] = None,
    *,
    run: Optional[str] = None,
    url: Optional[str] = None,
    token: Optional[str] = None,
    timeout: float = 2.0,
) -> Optional[bool]:
    """Tells a running ``diffuscope watch`` that a checkpoint is written, so that it is evaluated at once.

    Call it from every process, after everything that belongs to the checkpoint is written and closed::

        torch.save(state, path)
        diffuscope_export.announce(path, step)

    It returns True where Diffuscope has taken the checkpoint or knew it, False where it has not, and None where the
    announcement was sent and no answer came in time: then it is not known whether it was taken. It never raises an
    exception and never holds up the training for longer than ``timeout`` seconds: why it failed is said once on stderr
    for each cause.

    After None the next ones are announced as before; to announce the same one again does no harm, since it is evaluated
    once. After a failure to reach Diffuscope at all it does not try again for 30 seconds, then for twice as long each
    time, up to ten minutes. What was not announced is found by the directory that Diffuscope watches, if it watches
    one.

    Only the first process of a distributed training posts: rank 0 of torch.distributed where it is initialized, else
    the one whose environment has RANK=0, or without RANK SLURM_PROCID=0; the others return False.

    path
        the file or folder of the checkpoint; a relative one is made absolute here. The monitor must see it under the
        same path. Text such as ``s3://bucket/key`` is sent as it is.
    step
        counts in place of the number in the name; ``None`` leaves that to the name.
    run
        the id of the run: the argument, else the environment variable DIFFUSCOPE_RUN, else the name of the folder that
        holds the checkpoint (of the folder above, where it is called ``checkpoints``), with ``-`` in place of all but
        letters, digits, ``.``, ``_`` and ``-``. That is what ``diffuscope watch FOLDER`` calls its run.
    url
        where Diffuscope serves: the argument, else DIFFUSCOPE_URL, else http://127.0.0.1:9464. Asked directly, without
        proxies, and redirects are not followed, because the token would go along.
    token
        the argument, else DIFFUSCOPE_TOKEN, else the content of the file named by DIFFUSCOPE_TOKEN_FILE.
    """
    try:
        return _ANNOUNCER.announce(path, step, run, url, token, timeout)
    except Exception as e:  # whatever it is, it is no reason to end a training
        _ANNOUNCER.complain(("unexpected", type(e)), "the checkpoint was not announced (%s)" % _first_line(e))
        return False


class _NotAnnounced(Exception):
    """The cause, to be said once, and its sentence."""

    def __init__(self, cause: Any, sentence: str):
        super().__init__(sentence)
        self.cause = cause


class _Unknown(_NotAnnounced):
    """It was sent, and nobody knows whether it was taken."""


class _Announcer:
    """What announcements of one process share: what was said already, and until when a monitor is left alone."""

    def __init__(self) -> None:
        self._said: set = set()
        self._quiet_until: Dict[str, float] = {}
        self._wait: Dict[str, float] = {}
        self._under_way: Dict[str, List[threading.Thread]] = {}

    def announce(self, path: Any, step: Any, run: Any, url: Any, token: Any, timeout: float) -> Optional[bool]:
        if _rank() != 0:
            return False
        try:
            address, secret, body = self._request(path, step, run, url, token)
            monitor = "/".join(address.split("/")[:3])
            if time.monotonic() < self._quiet_until.get(monitor, -math.inf):
                return False
            status, text = self._post(monitor, address, secret, body, float(timeout))
            self._judge(monitor, status, text)
        except _Unknown as e:
            self.complain(e.cause, str(e))
            return None
        except _NotAnnounced as e:
            self.complain(e.cause, str(e))
            return False
        return True

    def complain(self, cause: Any, sentence: str) -> None:
        with contextlib.suppress(Exception):
            if cause not in self._said and sys.stderr is not None:
                self._said.add(cause)
                print("diffuscope_export: %s; this is said once" % sentence, file=sys.stderr, flush=True)

    @staticmethod
    def _request(path: Any, step: Any, run: Any, url: Any, token: Any) -> Tuple[str, str, bytes]:
        place = os.fsdecode(path)
        place = place.rstrip("/") if re.match(r"[a-z][a-z0-9]+://", place) else os.path.abspath(place)
        base = str(url or os.environ.get("DIFFUSCOPE_URL") or _DEFAULT_URL).rstrip("/")
        parts = urllib.parse.urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise _NotAnnounced(
                "url", "the address of Diffuscope (DIFFUSCOPE_URL) must be like %s, with nothing behind it" % _DEFAULT_URL
            )
        name = str(run or os.environ.get("DIFFUSCOPE_RUN") or _run_of(place))
        body: Dict[str, Any] = {"path": place}
        if step is not None:
            body["step"] = int(step)
        address = "%s/api/v1/runs/%s/checkpoints" % (base, urllib.parse.quote(name, safe=""))
        return address, _token(token), json.dumps(body).encode("ascii")

    def _post(self, monitor: str, address: str, token: str, body: bytes, timeout: float) -> Tuple[int, str]:
        """The status and the text of the answer. Time-outs of sockets count anew with each byte, and looking a name up
        has none: a thread bounds all of it."""
        before = [thread for thread in self._under_way.get(monitor, []) if thread.is_alive()]
        self._under_way[monitor] = before
        if len(before) >= _MOST_UNDER_WAY:
            raise self._not_reached(monitor, "%d announcements are still without an answer" % len(before))
        post = _Post(address, token, body, timeout)
        thread = threading.Thread(target=post.run, name="diffuscope-announce", daemon=True)
        before.append(thread)
        thread.start()
        thread.join(max(timeout, 0.0))
        answer = post.answer
        failed = answer is None or isinstance(answer, Exception)
        why = "no answer within %g s" % timeout if answer is None else _first_line(answer) if failed else ""
        if failed and not post.sent:
            raise self._not_reached(monitor, why)
        self._wait.pop(monitor, None)
        if failed:
            raise _Unknown(
                (monitor, "unknown"),
                "Diffuscope at %s did not answer (%s): whether the checkpoint was taken is not known; the next ones are"
                " announced as before" % (monitor, why),
            )
        return answer

    def _not_reached(self, monitor: str, why: str) -> _NotAnnounced:
        wait = min(2 * self._wait.get(monitor, _SHORTEST_WAIT / 2), _LONGEST_WAIT)
        self._wait[monitor] = wait
        self._quiet_until[monitor] = time.monotonic() + wait
        return _NotAnnounced(
            (monitor, "no answer"),
            "Diffuscope at %s cannot be reached (%s): the checkpoint was not announced, and for %g s none is"
            % (monitor, why, wait),
        )

    @staticmethod
    def _judge(monitor: str, status: int, text: str) -> None:
        if status == 202:
            return
        try:
            sentence = str(json.loads(text)["error"])[:1000]
        except (ValueError, KeyError, TypeError):
            sentence = "a redirect, which is not followed" if 300 <= status < 400 else "is that Diffuscope?"
        raise _NotAnnounced(
            (monitor, status),
            "Diffuscope at %s did not take the checkpoint (HTTP %d): %s" % (monitor, status, _one_line(sentence)),
        )


_ANNOUNCER = _Announcer()


class _Post:
    """One request. This client knows no proxies and follows no redirects."""

    def __init__(self, address: str, token: str, body: bytes, timeout: float) -> None:
        self._address, self._body, self._timeout = urllib.parse.urlsplit(address), body, max(timeout, 0.001)
        self._headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json", "Connection": "close"}
        self.sent = False  # whether the monitor may have all of it
        self.answer: Any = None  # status and text, or an exception; None while there is neither

    def run(self) -> None:
        try:
            https = self._address.scheme == "https"
            kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
            connection = kind(self._address.hostname, self._address.port, timeout=self._timeout)
            try:
                connection.connect()
                self.sent = True
                connection.request("POST", self._address.path, self._body, self._headers)
                response = connection.getresponse()
                self.answer = response.status, response.read(_LONGEST_ANSWER).decode("utf-8", "replace")
            finally:
                connection.close()
        except Exception as e:
            self.answer = e


def _token(given: Any) -> str:
    token = given or os.environ.get("DIFFUSCOPE_TOKEN")
    file = os.environ.get("DIFFUSCOPE_TOKEN_FILE")
    if not token and file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as e:
            raise _NotAnnounced("token file", "DIFFUSCOPE_TOKEN_FILE cannot be read (%s)" % _first_line(e)) from e
    if not token or not re.fullmatch(r"[\x21-\x7e]+", str(token)):
        raise _NotAnnounced(
            "token", "announcing a checkpoint needs the token of Diffuscope: set DIFFUSCOPE_TOKEN or DIFFUSCOPE_TOKEN_FILE"
        )
    return str(token)


def _run_of(place: str) -> str:
    """The id that ``diffuscope watch`` gives to the folder of a checkpoint."""
    above = place.split("/")[:-1] if "://" in place else Path(place).parent.parts[1:]
    folders = [name for name in above if name]
    if len(folders) > 1 and folders[-1] == "checkpoints":
        folders.pop()
    return re.sub(r"[^A-Za-z0-9._-]", "-", folders[-1])[:100] if folders else "run"


def _rank() -> int:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    for name in ("RANK", "SLURM_PROCID"):
        with contextlib.suppress(KeyError, ValueError):
            return int(os.environ[name])
    return 0


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


# ---------------------------------------------------------------------------------------------------------------------
# Small tools


_SAFETENSORS_TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def _write_safetensors(file: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Writes the format of the safetensors library: header length, header in JSON, then the tensors' bytes."""
    # The widest first, so that each one is aligned to its own width.
    ordered = sorted(tensors.items(), key=lambda entry: -entry[1].element_size())
    header: Dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _SAFETENSORS_TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(str(file), "wb") as out:
        out.write(len(text).to_bytes(8, "little"))
        out.write(text)
        for _, tensor in ordered:
            with _bytes_of(tensor) as view:
                out.write(view)
        out.flush()
        os.fsync(out.fileno())


@contextlib.contextmanager
def _bytes_of(tensor: torch.Tensor) -> Iterator[memoryview]:
    """The bytes of a tensor in C order, without a copy where it lies like that, and without NumPy."""
    plain = tensor.detach().cpu().contiguous()
    if plain.is_conj() or plain.is_neg():
        plain = plain.resolve_conj().resolve_neg()
    size = plain.numel() * plain.element_size()
    if size == 0:
        yield memoryview(b"")
        return
    memory = (ctypes.c_char * size).from_address(plain.data_ptr())
    yield memoryview(memory).cast("B")
    del memory, plain


def _sha256(tensor: torch.Tensor) -> str:
    with _bytes_of(tensor) as view:
        return hashlib.sha256(view).hexdigest()


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its place when all went well."""
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=str(target.parent or "."))
    os.close(descriptor)
    try:
        yield Path(name)
        # mkstemp lets only its owner read: a monitor may run as somebody else.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, str(target))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _synchronize(folder: Path) -> None:
    """Makes renames in a folder last, where the file system lets one ask for it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(str(folder), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Speaker:
    """Says on stderr what is going on: some steps take minutes with large networks."""

    def __init__(self, quiet: bool):
        self._quiet = quiet

    def __call__(self, text: str) -> None:
        if not self._quiet:
            print("diffuscope_export: " + text, file=sys.stderr, flush=True)


class _Progress:
    """A line on stderr for what takes longer than a second: in place on a terminal, else every ten seconds."""

    def __init__(self, what: str, total: Optional[int], quiet: bool):
        self._what, self._total, self._quiet = what, total, quiet
        self._start = time.monotonic()
        self._next = self._start + 1
        self._in_place = sys.stderr.isatty()
        self._count = 0
        self._shown = False

    def to(self, count: int) -> None:
        self._count = count
        now = time.monotonic()
        if now >= self._next and not self._quiet:
            self._next = now + (0.2 if self._in_place else 10)
            self._show(now, "\r" if self._in_place else "", "" if self._in_place else "\n")

    def done(self) -> None:
        if self._shown:
            self._show(time.monotonic(), "\r" if self._in_place else "", "\n")

    def _show(self, now: float, begin: str, end: str) -> None:
        rate = self._count / max(now - self._start, 1e-9)
        text = "%s: %d" % (self._what, self._count)
        if self._total:
            left = (self._total - self._count) / max(rate, 1e-9)
            text += " of %d (%.0f %%), %.0f a second, about %.0f s left" % (
                self._total, 100 * self._count / self._total, rate, left
            )  # fmt: skip
        else:
            text += ", %.0f a second" % rate
        print("%sdiffuscope_export: %s   " % (begin, text), end=end, file=sys.stderr, flush=True)
        self._shown = True


def _listing(items: Iterable[Any]) -> str:
    return ", ".join(str(item) for item in items) or "nothing"


def _some(items: Sequence[Any]) -> str:
    return _listing(items[:8]) + (" and %d more" % (len(items) - 8) if len(items) > 8 else "")


def _brief(value: Any) -> str:
    text = re.sub(r"\s+", " ", repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "%s: %s" % (type(error).__name__, lines[0][:300]) if lines else type(error).__name__


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


# ---------------------------------------------------------------------------------------------------------------------
# The command


def _export_edm_file(arguments: argparse.Namespace) -> None:
    if not arguments.trust:
        raise ExportError(
            "%s is a pickle: reading it runs the code inside; if you trust the people it comes from, add --trust"
            % arguments.pickle
        )
    try:
        with open(arguments.pickle, "rb") as file:
            data = pickle.load(file)
    except ModuleNotFoundError as e:
        raise ExportError(
            "no Python module %s: put the repository that wrote the file on PYTHONPATH, for example PYTHONPATH=edm2" % e.name
        ) from e
    except OSError as e:
        raise ExportError("%s cannot be read (%s)" % (arguments.pickle, e)) from e
    export_edm(data, arguments.target, representation=arguments.representation)


def _export_diffusers_folder(arguments: argparse.Namespace) -> None:
    folder = Path(arguments.folder)
    candidates = [folder] + [folder / n for n in ("unet", "transformer", "unet_ema", "transformer_ema")]
    model_folder = next((c for c in candidates if (c / "config.json").is_file()), None)
    if model_folder is None:
        raise ExportError(
            "%s holds no model of diffusers: give the folder with unet/ or transformer/, or with config.json" % folder
        )
    scheduler = arguments.scheduler
    if scheduler is None and arguments.preconditioning is None:
        places = [folder / "scheduler", folder.parent / "scheduler", folder, folder.parent.parent / "scheduler"]
        scheduler = next((p for p in places if (p / "scheduler_config.json").is_file()), None)
        if scheduler is None:
            raise ExportError("no scheduler_config.json near %s: give --scheduler FILE" % folder)
    try:
        diffusers = importlib.import_module("diffusers")
    except ImportError as e:
        raise ExportError("diffusers cannot be imported (%s): run this where the training runs" % _first_line(e)) from e
    name = json.loads((model_folder / "config.json").read_text(encoding="utf-8")).get("_class_name", "UNet2DModel")
    if not hasattr(diffusers, name):
        raise ExportError("diffusers %s has no class %s" % (diffusers.__version__, name))
    model = getattr(diffusers, name).from_pretrained(str(model_folder))
    export_diffusers(
        model,
        scheduler,
        arguments.target,
        preconditioning=arguments.preconditioning,
        representation=arguments.representation,
    )


def _convert_file(arguments: argparse.Namespace) -> None:
    convert(arguments.checkpoint, arguments.target, key=arguments.key, trust=arguments.trust)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="diffuscope_export.py",
        description="Gives Diffuscope what it needs from a training program. What has no command here is a call from "
        "Python: export(...) for any network, export_dit(...), export_data(...); see the text at the top of the file.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True

    trust = dict(action="store_true", help="run the code that the file names while it is read")
    edm = commands.add_parser("edm", help="template of a network-snapshot-*.pkl of EDM or EDM2 (their code on PYTHONPATH)")
    edm.add_argument("pickle", metavar="SNAPSHOT.pkl")
    edm.add_argument("target", metavar="OUT.pt")
    edm.add_argument("--representation", metavar="MODULE", help="submodule whose output is returned as well")
    edm.add_argument("--trust", **trust)
    edm.set_defaults(run=_export_edm_file)

    folder = commands.add_parser("diffusers", help="template of a model saved by diffusers' save_pretrained")
    folder.add_argument("folder", metavar="FOLDER", help="a pipeline, a checkpoint-N, or a folder with config.json")
    folder.add_argument("target", metavar="OUT.pt")
    folder.add_argument("--scheduler", metavar="FILE", help="scheduler_config.json of the training")
    folder.add_argument("--preconditioning", choices=PRECONDITIONINGS, help="in place of a scheduler")
    folder.add_argument("--representation", metavar="MODULE", help="submodule whose output is returned as well")
    folder.set_defaults(run=_export_diffusers_folder)

    weights = commands.add_parser("convert", help="tensors of any checkpoint that torch.load reads, as safetensors")
    weights.add_argument("checkpoint", metavar="CHECKPOINT")
    weights.add_argument("target", metavar="OUT.safetensors")
    weights.add_argument("--key", metavar="KEY", help="only what lies below it, for example ema")
    weights.add_argument("--trust", **trust)
    weights.set_defaults(run=_convert_file)
    return parser


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs a command; returns 0, or 3 with one sentence on stderr if an input cannot be used."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except ExportError as e:
        print("diffuscope_export: error: %s" % e, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
