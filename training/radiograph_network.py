"""The network for radiographs: a small residual U-Net, and its export to ONNX. Needs torch."""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (16, 48, 64, 96, 128)
"""Channels at 0.8, 1.6, 3.2, 6.4 and 12.8 mm; multiples of 16 use a CPU's vectors fully."""
LARGE_GRID_CHANNELS = 48
"""Levels with at most so many channels have large grids and are decoded by one block, the others by two."""
CLASSES = 3
OPSET = 17
EXPORT_SIDE = 320


class Block(nn.Module):
    """3 x 3 convolution, batch normalisation, rectifier; added to its input where the channels agree."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.residual = channels_in == channels and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channel, row, col] to the same form."""
        y = self.norm(self.convolution(x))
        return functional.relu(y + x if self.residual else y)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels, channels) for _ in range(count)))


class RadiographNet(nn.Module):
    """Two channels of the front end to logits of calcium, bone, foreign, at the same resolution."""

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        first = channels[0]
        self.stem = nn.Sequential(nn.Conv2d(2, first, 5, 2, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        self.first = Block(first, first)
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(nn.Sequential(Block(a, b, 2), *_blocks(b, 1)) for a, b in pairs)
        self.shrink = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.up = nn.ModuleList(_blocks(a, 2 if a > LARGE_GRID_CHANNELS else 1) for a, _ in pairs)
        self.head = nn.Conv2d(first, CLASSES * 4, 3, 1, 1)
        nn.init.constant_(self.head.bias, -3.0)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 2, row, col] to logits [batch, 3, row, col]; rows and columns are multiples of 32."""
        x = self.first(self.stem(x))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for up, shrink, skip in zip(reversed(self.up), reversed(self.shrink), reversed(skips), strict=True):
            x = up(functional.interpolate(shrink(x), scale_factor=2.0, mode="nearest") + skip)
        return functional.pixel_shuffle(self.head(x), 2)


class Probabilities(nn.Module):
    """A network with its sigmoid, as it is exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 2, row, col] to probabilities [batch, 3, row, col]."""
        return torch.sigmoid(self.network(image))


def export(network: nn.Module, path: Path) -> None:
    """Write an ONNX file (fp32, batch normalisation folded); it appears complete or not at all."""
    module = Probabilities(network).eval()
    aside = path.with_suffix(".part")
    example = torch.zeros(1, 2, EXPORT_SIDE, EXPORT_SIDE)
    torch.onnx.export(
        module, (example,), str(aside), input_names=["image"], output_names=["maps"], opset_version=OPSET, dynamo=False
    )
    aside.replace(path)
