"""Crops for training the network for radiographs, drawn anew from scenes and films at every step."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.segmentation.network import front_end, interpolation, separable
from training.radiograph_clutter import dust, metal, soft_parts, stone
from training.radiograph_exposure import collimation, mottle, noisy, processed, signals, valid_field
from training.radiograph_scenes import BONE, METAL, WATER, Canvas, Deposit, Film, Floats, Scene, Sources, placed

CROP = 192
"""Cells: 77 mm of surroundings."""
SHARES = (0.62, 0.16, 0.22)
"""Of scenes, projections, films."""
FILM_WEIGHT = 2.0
"""Films are few, and what is false on them is what matters."""
FILM_LARGEST = 2.4
"""Largest scale of films: those without spacing may show small parts as if they were large."""
VISIBLE_LOG, VISIBLE_SHARE = 0.012, 0.15
"""Visible extent: change of log signal, and its share of the deposit's strongest."""
SURE_LOG = 0.03
"""Fainter changes count neither way."""
NOTHING_LOG = 0.003
"""Less is no change at all."""
STONES = 0.25
"""Share of pasted deposits that are a few single stones."""
BODY_CM = 0.4
"""Less water is air."""
BONE_G_CM2 = 0.06
METAL_CM = 0.02
"""Least paths that count as bone and as metal."""


@dataclass(frozen=True)
class Example:
    """Front end channels [2, row, col], labels and weights of calcium, bone, foreign [3, row, col]."""

    channels: Floats
    labels: NDArray[np.bool_]
    weights: Floats


def crops(sources: Sources, rng: np.random.Generator) -> list[Example]:
    """A few crops of CROP x CROP cells of one newly drawn image."""
    kind = rng.choice(3, p=_shares(sources))
    if kind == 2:
        example = film_example(sources.films[rng.integers(len(sources.films))], sources, rng)
    else:
        pool = (sources.scenes, sources.projections)[kind]
        example = scene_example(pool[rng.integers(len(pool))], sources, rng, paste=0.35 if kind else 0.2)
    area = example.labels[0].size / CROP**2
    return [_crop(example, rng) for _ in range(int(np.clip(round(area), 1, 5)))]


def _shares(sources: Sources) -> NDArray[np.float64]:
    shares = np.array(SHARES) * [bool(sources.scenes), bool(sources.projections), bool(sources.films)]
    return shares / shares.sum()


def _crop(example: Example, rng: np.random.Generator) -> Example:
    """A crop, near calcium half of the time, turned and mirrored."""
    shape = example.labels.shape[1:]
    centre = [rng.integers(n) for n in shape]
    if rng.random() < 0.5 and example.labels[0].any():
        spots = np.argwhere(example.labels[0])
        centre = list(spots[rng.integers(len(spots))] + rng.integers(-70, 71, 2))
    box: list[slice] = [slice(None)]
    pads = [(0, 0)]
    for c, n in zip(centre, shape, strict=True):
        start = int(np.clip(c - CROP // 2, 0, max(n - CROP, 0)))
        box.append(slice(start, start + CROP))
        pads.append((0, max(0, CROP - n)))
    quarter, mirror = rng.integers(4), rng.random() < 0.5
    out = []
    for values in (example.channels, example.labels, example.weights):
        part = np.rot90(np.pad(values[tuple(box)], pads), quarter, (1, 2))
        out.append(np.ascontiguousarray(part[:, :, ::-1] if mirror else part))
    return Example(out[0], out[1], out[2])


def scene_example(scene: Scene, sources: Sources, rng: np.random.Generator, paste: float) -> Example:
    """One exposure of a part of a scene, with its own deposits and, with probability `paste`, others."""
    canvas = _cut(scene, rng)
    if rng.random() < paste:
        _paste(canvas, sources, rng)
    if rng.random() < 0.4:
        metal(canvas, rng)
    if rng.random() < 0.1:
        _gas(canvas, sources, rng)
    if rng.random() < 0.15:
        soft_parts(canvas, rng)
    field_share = collimation(canvas.water.shape, rng)
    with_calcium, without = signals(canvas, field_share, rng)
    change = np.log(without / with_calcium)
    log_value = -np.log(noisy(with_calcium, rng))
    if rng.random() < 0.3:
        log_value += mottle(log_value.shape, rng)
    values, text = processed(log_value, field_share, rng)
    if rng.random() < 0.12:
        values = values + dust(values.shape, rng)
    valid = valid_field(field_share, rng)
    labels, weights = _labels(canvas, change, field_share > 0.5)
    labels[2] |= text
    hidden = text | (values <= values.min()) | (values >= values.max())
    labels[0] &= ~hidden
    weights[0][hidden & (change > NOTHING_LOG)] = 0
    if not scene.bone_known:
        weights[1] = 0
    return Example(front_end(values, valid), labels, weights * valid)


def film_example(film: Film, sources: Sources, rng: np.random.Generator) -> Example:
    """A real radiograph, in 40 % with simulated deposits added to its grey values; bone and foreign are not known."""
    rows, columns, shape = _window(film.values.shape, rng, largest=FILM_LARGEST)
    values = separable(rows, film.values, columns)
    share = separable(rows, film.valid.astype(np.float32), columns)
    labels = np.zeros((3, *shape), bool)
    weights = np.zeros((3, *shape), np.float32)
    weights[0] = 1
    if rng.random() < 0.4:
        body = (values - values.min()).astype(np.float32)
        canvas = Canvas(body, np.zeros_like(values), np.zeros_like(values))
        for _ in range(rng.integers(1, 3)):
            _paste(canvas, sources, rng, least=0.0)
        change = 0.55 * sum((placed(d, shape) for d in canvas.deposits), np.zeros_like(values))
        inside = values[share > 0.5]
        spread = float(np.subtract(*np.percentile(inside, (98, 2)))) if inside.size else 1.0
        values = values + change * spread / rng.uniform(1.3, 3.2)
        found = _calcium_labels(canvas.deposits, change, share > 0.5, shape)
        labels[0], weights[0] = found
    if rng.random() < 0.6:
        values, _ = processed(values * 2.0, share, rng)
    if rng.random() < 0.3:
        values = values + rng.uniform(0.002, 0.02) * rng.standard_normal(shape, dtype=np.float32)
    return Example(front_end(values, share > 0.5), labels, FILM_WEIGHT * weights * (share > 0.5))


def _window(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    near: tuple[float, float] | None = None,
    largest: float = 1.5,
):
    """Resampling matrices (rows, columns) of a random part at a random scale up to `largest`, and its shape."""
    scale = float(np.exp(rng.uniform(np.log(0.66), np.log(largest)))) if rng.random() < 0.6 else 1.0
    out, matrices = [], []
    for axis, n in enumerate(shape):
        size = int(min(rng.integers(CROP, 520), max(n * scale, 64)))
        span = size / scale
        middle = near[axis] + rng.normal(0, 0.2) * span if near else rng.uniform(0, n)
        start = np.clip(middle - span / 2, 0, max(n - span, 0))
        matrices.append(interpolation(start + (np.arange(size) + 0.5) / scale - 0.5, n))
        out.append((size, start, scale))
    return matrices[0], matrices[1], (out[0][0], out[1][0])


def _cut(scene: Scene, rng: np.random.Generator) -> Canvas:
    """A part of a scene, resampled; its deposits vary in strength and sometimes go."""
    near = None
    if scene.deposits and rng.random() < 0.7:
        deposit = scene.deposits[rng.integers(len(scene.deposits))]
        spots = np.argwhere(deposit.calcium > 0.2 * deposit.calcium.max())
        near = tuple(float(v) for v in spots[rng.integers(len(spots))] + deposit.at)
    rows, columns, _ = _window(scene.water.shape, rng, near)
    water, bone, metal = (
        separable(rows, a.astype(np.float32) * np.float32(unit), columns)
        for a, unit in ((scene.water, WATER), (scene.bone, BONE), (scene.metal, METAL))
    )
    canvas = Canvas(water, bone, metal)
    for deposit in scene.deposits:
        if rng.random() < 0.12:
            continue
        top, left = deposit.at
        high, wide = deposit.calcium.shape
        part = (rows[:, top : top + high], columns[:, left : left + wide])
        strength = np.float32(np.exp(rng.normal(0, 0.45)))
        calcium = separable(part[0], deposit.calcium, part[1]) * strength
        if (calcium > 1e-5).any():
            canvas.deposits.append(Deposit(calcium, separable(part[0], deposit.water, part[1]), (0, 0)))
    return canvas


def _paste(canvas: Canvas, sources: Sources, rng: np.random.Generator, least: float = BODY_CM) -> None:
    """Put a deposit of another scene, turned and resized, or stones somewhere into the body (`least` of water)."""
    donors = [s for s in (sources.scenes[rng.integers(len(sources.scenes))] for _ in range(6)) if s.deposits]
    body = np.argwhere(canvas.water[::4, ::4] > max(least, 0.25 * np.percentile(canvas.water[::4, ::4], 90))) * 4
    if not donors or not len(body):
        return
    if rng.random() < STONES:
        canvas.deposits += [stone(canvas.water.shape, body, rng) for _ in range(rng.integers(1, 5))]
        return
    deposit = donors[0].deposits[rng.integers(len(donors[0].deposits))]
    scale = float(np.exp(rng.uniform(np.log(0.5), np.log(1.5))))
    quarter, mirror = rng.integers(4), rng.random() < 0.5
    resized = []
    for values in (deposit.calcium, deposit.water):
        sizes = [max(2, round(n * scale)) for n in values.shape]
        ends = [interpolation((np.arange(m) + 0.5) * n / m - 0.5, n) for m, n in zip(sizes, values.shape, strict=True)]
        turned = np.rot90(separable(ends[0], values, ends[1]), quarter)
        resized.append(turned[:, ::-1] if mirror else turned)
    strength = np.float32(np.exp(rng.normal(0, 0.5)))
    middle = body[rng.integers(len(body))]
    at = tuple(int(m - n // 2) for m, n in zip(middle, resized[0].shape, strict=True))
    calcium = placed(Deposit(resized[0] * strength, resized[0], at), canvas.water.shape)
    if (calcium > 1e-5).any():
        water = placed(Deposit(resized[1], resized[1], at), canvas.water.shape)
        canvas.deposits.append(Deposit(calcium, water, (0, 0)))


def _gas(canvas: Canvas, sources: Sources, rng: np.random.Generator) -> None:
    """Take water away in the shape of some deposits, as bowel gas does; nothing is labelled."""
    gas = Canvas(canvas.water, canvas.bone, canvas.metal)
    for _ in range(rng.integers(1, 4)):
        _paste(gas, sources, rng)
    for deposit in gas.deposits:
        shape = ndimage.gaussian_filter(deposit.calcium, rng.uniform(1, 4), truncate=2.5)
        canvas.water -= np.float32(rng.uniform(0.5, 3)) * np.minimum(shape / max(float(shape.max()), 1e-6) * 2, 1)


def _labels(canvas: Canvas, change: Floats, open_field: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Floats]:
    """Labels and weights [3, row, col] of calcium, bone, foreign."""
    shape = change.shape
    labels, weights = np.zeros((3, *shape), bool), np.ones((3, *shape), np.float32)
    metal = canvas.metal > METAL_CM
    labels[0], weights[0] = _calcium_labels(canvas.deposits, change, open_field, shape)
    weights[0][metal & (change > NOTHING_LOG)] = 0
    labels[0] &= ~metal
    labels[1] = canvas.bone > BONE_G_CM2
    weights[1][(canvas.bone > BONE_G_CM2 / 3) & ~labels[1]] = 0
    weights[1][metal] = 0
    labels[2] = metal
    weights[2][(canvas.metal > METAL_CM / 4) & ~metal] = 0
    weights *= np.where(open_field, np.float32(1), np.float32(0.3))
    labels &= open_field
    return labels, weights


def _calcium_labels(
    deposits: list[Deposit], change: Floats, open_field: NDArray[np.bool_], shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], Floats]:
    """Where a deposit is surely visible, and weights that are 0 where it is faint."""
    label, weight = np.zeros(shape, bool), np.ones(shape, np.float32)
    total = sum((placed(d, shape) for d in deposits), np.full(shape, 1e-9, np.float32))
    for deposit in deposits:
        calcium = placed(deposit, shape)
        own = change * np.minimum(calcium / total, 1)
        there = own[calcium > 1e-4]
        if not there.size:
            continue
        limit = max(VISIBLE_LOG, VISIBLE_SHARE * float(np.percentile(there, 98)))
        label |= (own >= max(limit, SURE_LOG)) & open_field
    weight[(change > NOTHING_LOG) & ~label] = 0
    return label, weight
