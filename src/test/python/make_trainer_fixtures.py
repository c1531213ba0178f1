"""Checkpoint trees written by the real libraries, for RealTrainersTest.

    python make_trainer_fixtures.py OUT

Needs torch, safetensors, accelerate, lightning and diffusers (pip; no GPU). OUT gets one folder a trainer, as the
trainer's own code leaves it, and beside it `NAME-expected.safetensors` with the weights that Diffuscope must find
(written by the safetensors library from the live network), and `versions.json`. The networks are as small as their
libraries allow; optimizer states are kept, because they are what must not be read. Lightning records the absolute path of OUT: write to a
neutral one, and copy.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import accelerate
import diffusers
import lightning
import safetensors
import torch
from accelerate import Accelerator
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel
from lightning.pytorch.callbacks import ModelCheckpoint
from safetensors.torch import save_file


def expected(out: Path, name: str, state: dict) -> None:
    save_file({k: v.detach().clone().contiguous() for k, v in state.items()}, out / f"{name}-expected.safetensors")


def small_unet() -> UNet2DModel:
    return UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(4, 8), norm_num_groups=2,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"))


def train(model, optimizer, loss_of, steps: int, after=lambda: None) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
        after()


def diffusers_training(out: Path) -> None:
    """As examples/unconditional_image_generation/train_unconditional.py saves with --use_ema and --checkpointing_steps."""
    root = out / "diffusers"
    accelerator = Accelerator(cpu=True)
    model = small_unet()
    ema = EMAModel(model.parameters(), decay=0.9, use_ema_warmup=True, model_cls=UNet2DModel, model_config=model.config)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    model, optimizer = accelerator.prepare(model, optimizer)

    def save_hook(models, weights, output_dir):
        ema.save_pretrained(os.path.join(output_dir, "unet_ema"))
        for m in models:
            m.save_pretrained(os.path.join(output_dir, "unet"))
            weights.pop()

    accelerator.register_save_state_pre_hook(save_hook)

    def loss_of(network):
        x = torch.randn(4, 1, 8, 8)
        return ((network(x, torch.randint(0, 1000, (4,))).sample - x) ** 2).mean()

    for step in (2, 4):
        train(model, optimizer, loss_of, 2, lambda: ema.step(model.parameters()))
        accelerator.save_state(str(root / f"checkpoint-{step}"))
    expected(out, "diffusers-raw", model.state_dict())
    ema.copy_to(model.parameters())
    expected(out, "diffusers", model.state_dict())

    pipeline = DDPMPipeline(unet=model, scheduler=DDPMScheduler(num_train_timesteps=1000))
    pipeline.save_pretrained(out / "pipeline")
    model.save_pretrained(out / "sharded", max_shard_size="12KB")


def accelerate_training(out: Path) -> None:
    """accelerate's own numbering, checkpoints/checkpoint_{i}."""
    config = accelerate.utils.ProjectConfiguration(project_dir=str(out / "accelerate"), automatic_checkpoint_naming=True)
    accelerator = Accelerator(cpu=True, project_config=config)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.SiLU(), torch.nn.Linear(4, 3))
    optimizer = torch.optim.Adam(model.parameters())
    model, optimizer = accelerator.prepare(model, optimizer)
    for _ in range(2):
        train(model, optimizer, lambda m: m(torch.randn(5, 3)).square().mean(), 2)
        accelerator.save_state()
    expected(out, "accelerate", accelerator.unwrap_model(model).state_dict())


class Module(lightning.LightningModule):
    def __init__(self, width: int = 4):
        super().__init__()
        self.save_hyperparameters()
        self.model = torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.SiLU(), torch.nn.Linear(width, 3))

    def training_step(self, batch, index):
        return self.model(batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())


def lightning_training(out: Path) -> None:
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 3)), batch_size=4)
    module = Module()
    saving = ModelCheckpoint(dirpath=out / "lightning" / "checkpoints", save_top_k=-1, save_last=True)
    lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, callbacks=[saving], enable_progress_bar=False,
        enable_model_summary=False).fit(module, data)
    expected(out, "lightning", module.model.state_dict())


def main() -> None:
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    torch.manual_seed(0)
    diffusers_training(out)
    accelerate_training(out)
    lightning_training(out)
    versions = {m.__name__: m.__version__ for m in (torch, safetensors, accelerate, lightning, diffusers)}
    (out / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
