"""Train the network for radiographs on the CPU.

python -m training.radiograph_train DATA... --out FOLDER --minutes 75 [--ranks 2] [--rank N] [--resume CHECKPOINT]

One process a core, each with small batches that stay in its cache; gradients are averaged. `FOLDER/radiograph.onnx`
and `FOLDER/checkpoint.pt` are renewed every few minutes, from an exponential mean of the weights.
"""

import argparse
import copy
import math
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from training.radiograph_data import Example, crops
from training.radiograph_network import RadiographNet, export
from training.radiograph_scenes import Sources

PART = 8
"""Crops of one pass: their activations fit the cache."""
PARTS = 1
POOL = 160
LEARNING_RATE = 1.3e-3
LAST_RATE = 0.02
WARM_UP = 100
MEAN_DECAY = 0.99
SAVE_S = 180.0
CLASS_WEIGHTS = (3.0, 1.0, 1.0)
"""Of calcium, bone, foreign."""


@dataclass(frozen=True)
class Job:
    """What was asked."""

    data: tuple[Path, ...]
    out: Path
    minutes: float
    ranks: int
    resume: Path | None
    seed: int
    rate: float


def batch_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted BCE plus Dice over the batch, and the Dice of each class [3]. All [batch, 3, row, col]."""
    total = weights.sum((0, 2, 3))
    bce = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    bce = (bce * weights).sum((0, 2, 3)) / total.clamp(min=1)
    seen = torch.sigmoid(logits) * weights
    true = labels * weights
    smooth = 50.0
    dice = (2 * (seen * true).sum((0, 2, 3)) + smooth) / (seen.sum((0, 2, 3)) + true.sum((0, 2, 3)) + smooth)
    factors = torch.tensor(CLASS_WEIGHTS) * (total > 0)
    return (factors * (2 * bce + 1 - dice)).sum(), dice.detach()


class Supply:
    """Crops from a pool that is renewed all the time, so that the crops of one image part ways."""

    def __init__(self, job: Job, rank: int) -> None:
        self.sources = Sources()
        self.folders = list(job.data)
        self.sources.load(self.folders)
        self.rng = np.random.default_rng([job.seed, rank, int(time.time())])
        self.pool: list[Example] = []

    def take(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Channels, labels, weights of `count` crops."""
        while len(self.pool) < POOL:
            self.pool += crops(self.sources, self.rng)
        picked = []
        for _ in range(count):
            n = random.randrange(len(self.pool))
            self.pool[n], self.pool[-1] = self.pool[-1], self.pool[n]
            picked.append(self.pool.pop())
        stacked = [np.stack([getattr(e, name) for e in picked]) for name in ("channels", "labels", "weights")]
        channels, labels, weights = (torch.from_numpy(a.astype(np.float32)) for a in stacked)
        return channels.contiguous(memory_format=torch.channels_last), labels, weights


def train(rank: int, job: Job) -> None:
    """One rank's work."""
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29511")
    distributed.init_process_group("gloo", rank=rank, world_size=job.ranks)
    network = RadiographNet().to(memory_format=torch.channels_last)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.02
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-3)
    step = 0
    if job.resume is not None:
        saved = torch.load(job.resume)
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    mean = copy.deepcopy(network)
    if job.resume is not None:
        mean.load_state_dict(saved["mean"])
    supply = Supply(job, rank)
    start = saved_at = looked_at = time.monotonic()
    share, scores = 0.0, torch.zeros(4)
    first = step
    while share < 1:
        rate = job.rate * max(LAST_RATE, 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step - first + 1) / WARM_UP)
        found = _gradients(network, supply)
        scores += 0.02 * (found - scores) if step > first else found
        now = time.monotonic()
        share = _average(network, (now - start) / (60 * job.minutes))
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        step += 1
        _follow(mean, network, min(MEAN_DECAY, 1 - 1 / (step + 1)))
        if now - looked_at > SAVE_S:
            looked_at = now
            supply.sources.load(supply.folders)
        if rank == 0 and step % 10 == 0:
            figures = " ".join(f"{float(v):.3f}" for v in scores)
            count = (len(supply.sources.scenes), len(supply.sources.projections), len(supply.sources.films))
            print(f"{(now - start) / 60:.1f} min step {step} loss and dice {figures} sources {count}", flush=True)
        if rank == 0 and (now - saved_at > SAVE_S or share >= 1):
            saved_at = now
            _save(job.out, network, mean, optimizer, step)


def _gradients(network: nn.Module, supply: Supply) -> Tensor:
    """Gradients of one step on this rank; returns the loss and the Dice of the classes."""
    network.zero_grad(set_to_none=True)
    found = torch.zeros(4)
    for _ in range(PARTS):
        channels, labels, weights = supply.take(PART)
        loss, dice = batch_loss(network(channels), labels, weights)
        (loss / PARTS).backward()
        found += torch.cat([loss.detach()[None], dice]) / PARTS
    return found


def _average(network: nn.Module, share: float) -> float:
    """Average gradients over the ranks, and with them `share`, so that all stop together."""
    gradients = [p.grad for p in network.parameters()]
    flat = torch.cat([g.contiguous().reshape(-1) for g in gradients] + [torch.tensor([share])])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view(gradient.shape))
        start += gradient.numel()
    return float(flat[-1])


@torch.no_grad()
def _follow(mean: nn.Module, network: nn.Module, decay: float) -> None:
    for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)


def _save(out: Path, network: nn.Module, mean: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    aside = out / "checkpoint.part"
    states = {"network": network.state_dict(), "mean": mean.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**states, "step": step}, aside)
    aside.replace(out / "checkpoint.pt")
    export(copy.deepcopy(mean).to(memory_format=torch.contiguous_format), out / "radiograph.onnx")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Train the network for radiographs.")
    parser.add_argument("data", type=Path, nargs="+", help="folders of scenes, projections and films (.npz)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rank", type=int, help="run this rank alone; the others are started by other calls")
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=LEARNING_RATE, help="highest learning rate")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    job = Job(
        tuple(options.data), options.out, options.minutes, options.ranks, options.resume, options.seed, options.rate
    )
    if options.rank is None:
        torch.multiprocessing.spawn(train, (job,), nprocs=job.ranks)
    else:
        train(options.rank, job)


if __name__ == "__main__":
    main()
