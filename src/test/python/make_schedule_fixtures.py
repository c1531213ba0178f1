#!/usr/bin/python3
"""Makes schedules-diffusers.json: the noise levels of diffusers' own schedulers, to compare ours with.

    /usr/bin/python3 src/test/python/make_schedule_fixtures.py DIFFUSERS COMMIT

DIFFUSERS is a source tree of https://github.com/huggingface/diffusers at COMMIT. Needs PyTorch and NumPy. Only the
unmodified file of the DDPM scheduler is run, with stand-ins for what it imports from the rest of diffusers (which
would need more libraries). The result is committed; it holds every 37th timestep and the last three.
"""
import importlib.util
import inspect
import json
import re
import sys
import types
from pathlib import Path

import torch

TARGET = Path(__file__).resolve().parents[1] / "resources" / "io" / "diffuscope" / "model"
CONFIGURATIONS = [
    {},
    {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
    {"num_train_timesteps": 300, "beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.05},
    # Stable Diffusion 1 and 2.
    {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "rescale_betas_zero_snr": True,
     "prediction_type": "v_prediction", "timestep_spacing": "trailing"},
    {"beta_schedule": "linear", "rescale_betas_zero_snr": True},
    {"beta_schedule": "squaredcos_cap_v2"},
    {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 100, "clip_sample": False},
    {"trained_betas": [0.001 * (t + 1) for t in range(40)]},
]


def register_to_config(init):
    """Calls a constructor with its defaults filled in, and keeps them as `config`."""

    def wrapped(self, **given):
        names = list(inspect.signature(init).parameters.values())[1:]
        self.config = types.SimpleNamespace(**{p.name: given.get(p.name, p.default) for p in names})
        init(self, **given)

    return wrapped


def scheduler(source):
    """The class DDPMScheduler of a source tree."""
    stands = {
        "diffusers": {},
        "diffusers.schedulers": {},
        "diffusers.configuration_utils": {"ConfigMixin": object, "register_to_config": register_to_config},
        "diffusers.utils": {"BaseOutput": object},
        "diffusers.utils.torch_utils": {"randn_tensor": None},
        "diffusers.schedulers.scheduling_utils": {
            "KarrasDiffusionSchedulers": [],
            "SchedulerMixin": type("SchedulerMixin", (), {}),
        },
    }
    for name, content in stands.items():
        module = types.ModuleType(name)
        module.__path__ = []
        module.__dict__.update(content)
        sys.modules[name] = module
    file = source / "src" / "diffusers" / "schedulers" / "scheduling_ddpm.py"
    spec = importlib.util.spec_from_file_location("diffusers.schedulers.scheduling_ddpm", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.DDPMScheduler


def main():
    source, commit = Path(sys.argv[1]), sys.argv[2]
    version = re.search(r'__version__ = "([^"]+)"', (source / "src/diffusers/__init__.py").read_text()).group(1)
    ddpm = scheduler(source)
    results = []
    for configuration in CONFIGURATIONS:
        kept = ddpm(**configuration).alphas_cumprod.double()
        sigmas = ((1 - kept) / kept).sqrt()
        count = len(sigmas)
        timesteps = sorted(set(range(0, count, 37)) | {count - 3, count - 2, count - 1})
        levels = {t: float(sigmas[t]) for t in timesteps if torch.isfinite(sigmas[t])}
        results.append({"schedule": configuration, "timesteps": count, "sigmas": levels})
    content = {"diffusers": version, "commit": commit, "schedules": results}
    (TARGET / "schedules-diffusers.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
