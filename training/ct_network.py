"""Train the network for CT on the CPU.

python -m training.ct_network COHORT... --out FILE.pt --minutes 18
python -m training.ct_network COHORT... --real REAL --halved COHORT --half 0|1 --start FILE.pt --out HALF.pt --minutes 8
python -m training.ct_network --mean HALF0.pt HALF1.pt --out ct.onnx

COHORT are folders of simulated studies that no judgement is fitted on. REAL and what is --halved are shown by halves,
so that each study has a network that was not shown it; the mean of the halves' weights ships. Needs torch and onnx.
"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.segmentation.ct_planes import CELLS, PLANES, WINDOWS_HU
from training.ct_views import Shown, View, draw, real, simulated

WIDTHS = (24, 32, 48, 64)
"""Channels at 3, 6, 12 and 24 mm."""
BATCH = 12
RATES = (2e-3, 8e-4)
"""Learning rate from nothing, and from a start."""
LAST_RATE, WARM_UP = 0.02, 100
HALVED_SHARE = 0.42
"""Views of what is shown by halves."""
RIDING_SHARE = 0.25
CLEAN_SHARE = 0.6
"""Of the views of what is halved, those of any study; the others are of studies with calcium."""
OPSET = 17


def _block(before: int, after: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class CtNet(nn.Module):
    """A small U-Net on cells of 2 x 2 from planes [batch, channel, row, col] to log odds of calcium."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = WIDTHS
        first = 4 * len(WINDOWS_HU) * PLANES
        self.e0 = nn.Sequential(_block(first, a), _block(a, a))
        self.e1 = nn.Sequential(_block(a, b), _block(b, b))
        self.e2 = nn.Sequential(_block(b, c), _block(c, c))
        self.e3 = nn.Sequential(_block(c, d), _block(d, d))
        self.d2 = nn.Sequential(_block(c + d, c))
        self.d1 = nn.Sequential(_block(b + c, b))
        self.d0 = nn.Sequential(_block(a + b, a))
        self.o = nn.Conv2d(a, 4, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """[batch, channel, row, col] to [batch, 1, row, col]; rows and columns are multiples of 16."""
        x0 = self.e0(functional.pixel_unshuffle(planes, 2))
        x1 = self.e1(functional.max_pool2d(x0, 2))
        x2 = self.e2(functional.max_pool2d(x1, 2))
        y = self.d2(torch.cat([x2, _up(self.e3(functional.max_pool2d(x2, 2)))], 1))
        y = self.d1(torch.cat([x1, _up(y)], 1))
        y = self.d0(torch.cat([x0, _up(y)], 1))
        return functional.pixel_shuffle(self.o(y), 2)


def _up(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def export(network: nn.Module, path: Path) -> None:
    """Write an ONNX file (fp32, batch normalisation folded); it appears complete or not at all."""
    aside = path.with_suffix(".part")
    example = torch.zeros(1, len(WINDOWS_HU) * PLANES, CELLS, CELLS)
    torch.onnx.export(
        network.eval(),
        (example,),
        str(aside),
        input_names=["planes"],
        output_names=["log_odds"],
        dynamic_axes={"planes": {0: "view"}, "log_odds": {0: "view"}},
        opset_version=OPSET,
        dynamo=False,
    )
    aside.replace(path)


def mean_of(checkpoints: Sequence[Path]) -> CtNet:
    """The network whose weights are the mean of those in `checkpoints`, which have a start in common."""
    states = [torch.load(path) for path in checkpoints]
    network = CtNet()
    network.load_state_dict(
        {
            name: torch.stack([s[name].float() for s in states]).mean(0).to(value.dtype)
            for name, value in states[0].items()
        }
    )
    return network


class Supply:
    """Views of simulated studies, and of those that are shown by halves."""

    def __init__(self, cohorts: Sequence[Shown], halved: Sequence[Shown], seed: int) -> None:
        self.cohorts, self.halved = cohorts, halved
        self.rng = np.random.default_rng(seed)

    def take(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Channels, calcium and weights of `count` views."""
        views: list[View] = []
        while len(views) < count:
            pool = self._pool()
            if (view := draw(pool[self.rng.integers(len(pool))], self.rng)) is not None:
                views.append(view)
        channels = torch.from_numpy(np.stack([v.channels for v in views])).contiguous(memory_format=torch.channels_last)
        calcium = torch.from_numpy(np.stack([v.calcium for v in views])).float()
        return channels, calcium, torch.from_numpy(np.stack([v.weights for v in views]))

    def _pool(self) -> list[Shown]:
        pool = list(self.cohorts)
        if self.halved and self.rng.random() < HALVED_SHARE:
            pool = list(self.halved)
            if self.rng.random() >= CLEAN_SHARE:
                pool = [s for s in pool if (s.kinds == 2).any()] or pool
        riding = self.rng.random() < RIDING_SHARE
        return [s for s in pool if s.riding == riding] or pool


def train(network: CtNet, supply: Supply, minutes: float, rate: float) -> None:
    """Train in place, with a warm-up and a cosine over `minutes`."""
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-4)
    start, step, total = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        cosine = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / WARM_UP) * cosine
        channels, calcium, weights = supply.take(BATCH)
        odds = network.train()(channels)[:, 0]
        loss = functional.binary_cross_entropy_with_logits(odds, calcium, weights, reduction="sum") / weights.sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        step, total = step + 1, total + loss.item()
        if step % 100 == 0:
            print(f"{step} {time.monotonic() - start:.0f} s loss {total / 100:.3f}", flush=True)
            total = 0.0


def main() -> None:
    """Train, or average and export."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cohorts", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=18.0)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--halved", nargs="*", type=Path, default=[])
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--start", type=Path)
    parser.add_argument("--mean", nargs="+", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    if options.mean:
        export(mean_of(options.mean), options.out)
        return
    cohorts = [s for cohort in options.cohorts for s in simulated(cohort)]
    halved = [s for cohort in options.halved for s in simulated(cohort, options.half)]
    halved += list(real(options.real, options.half)) if options.real else []
    network = CtNet()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its overloads
    if options.start:
        network.load_state_dict(torch.load(options.start))
    supply = Supply(cohorts, halved, 1 if options.half is None else 2 + options.half)
    train(network, supply, options.minutes, RATES[options.start is not None])
    torch.save(network.state_dict(), options.out)


if __name__ == "__main__":
    main()
