"""What else lies on a radiograph: metal, folds and lumps of soft tissue, dust; and single stones to paste."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from training.radiograph_scenes import Canvas, Deposit, Floats

CELL_CM = 0.04


def metal(canvas: Canvas, rng: np.random.Generator) -> None:
    """Add wires, clips, letters, rings, screws, electrodes with their leads and buttons to the metal."""
    shape = canvas.water.shape
    image = Image.new("L", (shape[1], shape[0]), 0)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 5)):
        _piece(pen, (float(rng.uniform(0, shape[0])), float(rng.uniform(0, shape[1]))), rng)
    thickness = np.float32(np.exp(rng.uniform(np.log(0.01), np.log(0.4))))
    canvas.metal += ndimage.gaussian_filter(np.asarray(image, np.float32) / 255, rng.uniform(0.3, 0.8)) * thickness


def _piece(pen: ImageDraw.ImageDraw, at: tuple[float, float], rng: np.random.Generator) -> None:
    y, x = at
    angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(4, 30)
    dx, dy = np.cos(angle) * size, np.sin(angle) * size
    match rng.integers(7):
        case 0:
            _wire(pen, at, (dy, dx), rng)
        case 1:
            pen.line([x, y, x + dx * 0.5, y + dy * 0.5], fill=255, width=int(rng.integers(2, 5)))
            pen.line([x - dy * 0.15, y + dx * 0.15, x + dx * 0.5, y + dy * 0.5], fill=255, width=2)
        case 2:
            letter = str(rng.choice(list("LRAPEKSM123457")))
            pen.text((x, y), letter, fill=255, font=ImageFont.load_default(size=float(rng.uniform(14, 50))))
        case 3:
            pen.ellipse([x, y, x + size, y + size], outline=255, width=int(rng.integers(1, 5)))
        case 4:
            pen.line([x, y, x + dx * 2, y + dy * 2], fill=255, width=int(rng.integers(4, 12)))
        case 5:
            radius = rng.uniform(5, 16)
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=int(rng.uniform(15, 120)))
            inner = radius * rng.uniform(0.2, 0.6)
            pen.ellipse([x - inner, y - inner, x + inner, y + inner], fill=int(rng.uniform(80, 255)))
            _wire(pen, at, (dy, dx), rng)
        case _:
            radius = rng.uniform(8, 18)
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=int(rng.uniform(60, 255)))
            for turn in np.arange(rng.choice([2, 4])) * np.pi / 2 * (1 + (rng.random() < 0.5)):
                hole, r = (x + 0.3 * radius * np.cos(turn), y + 0.3 * radius * np.sin(turn)), radius * 0.13
                pen.ellipse([hole[0] - r, hole[1] - r, hole[0] + r, hole[1] + r], fill=0)


def _wire(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], step: tuple[float, float], rng: np.random.Generator
) -> None:
    bow = rng.normal(0, 1, 2) * float(np.hypot(*step)) * 3
    t = np.linspace(0, 1, 30)
    xs = at[1] + step[1] * 6 * t + bow[0] * t * (1 - t)
    ys = at[0] + step[0] * 6 * t + bow[1] * t * (1 - t)
    pen.line(list(zip(xs, ys, strict=True)), fill=int(rng.uniform(40, 255)), width=int(rng.integers(1, 6)))


def soft_parts(canvas: Canvas, rng: np.random.Generator) -> None:
    """Add lumps of soft tissue with sharp outlines (nodules, nipples, breasts, lobes), and folds; no label."""
    shape = canvas.water.shape
    rows, columns = (np.arange(n, dtype=np.float32) for n in shape)
    for _ in range(rng.integers(1, 4)):
        angle = rng.uniform(0, np.pi)
        middle = [rng.uniform(0, n) for n in shape]
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        u = (columns[None, :] - middle[1]) * c + (rows[:, None] - middle[0]) * s
        v = (rows[:, None] - middle[0]) * c - (columns[None, :] - middle[1]) * s
        wide = np.exp(rng.uniform(np.log(6), np.log(110)))
        high = wide * rng.uniform(0.5, 1.0)
        if rng.random() < 0.3:
            step = 1 / (1 + np.exp(-np.clip(v / rng.uniform(0.5, 3), -30, 30))) * np.exp(-np.maximum(v, 0) / wide)
            canvas.water += np.float32(rng.uniform(0.2, 1.5)) * step.astype(np.float32)
        else:
            chord = np.sqrt(np.maximum(1 - (u / wide) ** 2 - (v / high) ** 2, 0))
            canvas.water += (2 * CELL_CM * high * rng.uniform(0.3, 1.0) * chord).astype(np.float32)


def dust(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Specks of dust on a scanned film or plate, about one cell wide, light or dark; no label."""
    out = np.zeros(shape, np.float32)
    count = int(rng.integers(3, 40))
    at = tuple(rng.integers(0, n, count) for n in shape)
    out[at] = rng.choice([1.0, 1.0, -1.0]) * rng.uniform(0.1, 1.0, count)
    out = ndimage.gaussian_filter(out, float(rng.uniform(0.25, 0.5)), truncate=3)
    return out.astype(np.float32)


def stone(shape: tuple[int, ...], body: np.ndarray, rng: np.random.Generator) -> Deposit:
    """A round or oval stone of 1.5 to 7 mm somewhere in `body` (row, col of cells), solid or with a clear centre."""
    radius = np.exp(rng.uniform(np.log(1.9), np.log(9)))
    stretch = rng.uniform(0.65, 1.0)
    angle = rng.uniform(0, np.pi)
    n = int(np.ceil(radius)) + 2
    y, x = np.mgrid[-n : n + 1, -n : n + 1] + rng.uniform(-0.5, 0.5)
    u = (x * np.cos(angle) + y * np.sin(angle)) / radius
    v = (y * np.cos(angle) - x * np.sin(angle)) / (radius * stretch)
    chord = np.sqrt(np.maximum(1 - u * u - v * v, 0))
    if rng.random() < 0.5:
        hollow = rng.uniform(0.3, 0.8)
        chord = chord - rng.uniform(0.5, 1.0) * hollow * np.sqrt(np.maximum(1 - (u * u + v * v) / hollow**2, 0))
    density = rng.uniform(0.3, 1.2)
    part = ndimage.gaussian_filter((2 * CELL_CM * radius * stretch * density * chord).astype(np.float32), 0.4)
    middle = body[rng.integers(len(body))]
    top = [int(np.clip(m - n, 0, max(size - 2 * n - 1, 0))) for m, size in zip(middle, shape, strict=True)]
    out = np.zeros(shape, np.float32)
    box = tuple(slice(a, a + 2 * n + 1) for a in top)
    out[box] = np.maximum(part, 0)[: out[box].shape[0], : out[box].shape[1]]
    return Deposit(out, np.zeros(shape, np.float32), (0, 0))
