"""From path integrals to the grey values of a stored radiograph: exposure, collimation, makers' processing."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from pipeline.segmentation.network import interpolation, separable
from training.radiograph_scenes import Canvas, Floats

ENERGIES = {
    "extremity": ((0.45, 0.345, 1.65, 50.0), (0.40, 0.262, 0.83, 25.0), (0.15, 0.228, 0.52, 14.0)),
    "trunk": ((0.30, 0.262, 0.83, 25.0), (0.45, 0.212, 0.42, 10.5), (0.25, 0.193, 0.31, 6.5)),
}
"""Weight, attenuation of water (1/cm), calcium (cm2/g) and steel (1/cm), 32 to 70 keV (NIST tables, rounded)."""
BROAD_CELLS = 8
"""Cells per cell of the grid on which scatter and broad backgrounds are taken."""


def collimation(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Open share of the beam, 0 to 1: everything, or a slightly turned rectangle."""
    if rng.random() < 0.5:
        return np.ones(shape, np.float32)
    rows, columns = (np.arange(n, dtype=np.float32) - n / 2 for n in shape)
    angle = rng.normal(0, 0.05)
    u = columns[None, :] * np.cos(angle) + rows[:, None] * np.sin(angle)
    v = rows[:, None] * np.cos(angle) - columns[None, :] * np.sin(angle)
    ends = np.where(rng.random(4) < 0.6, rng.uniform(-0.01, 0.2, 4), -0.2)
    left, right, top, bottom = (0.5 - ends) * [shape[1], shape[1], shape[0], shape[0]]
    inside = np.minimum(np.minimum(u + left, right - u), np.minimum(v + top, bottom - v))
    leak = rng.uniform(0.001, 0.02)
    return (leak + (1 - leak) * np.clip(0.5 + inside / rng.uniform(1, 5), 0, 1)).astype(np.float32)


def signals(canvas: Canvas, field_share: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Detector signal (photons a cell) with and without calcium: Beer-Lambert at three energies, scatter, blur."""
    water = canvas.water + sum((d.water for d in canvas.deposits), np.zeros_like(canvas.water))
    calcium = sum((d.calcium for d in canvas.deposits), np.zeros_like(canvas.water))
    spectrum = ENERGIES[str(rng.choice(list(ENERGIES)))]
    primary = []
    for mineral in (canvas.bone + calcium, canvas.bone):
        total = np.zeros_like(water)
        for weight, w, m, s in spectrum:
            total += np.float32(weight) * np.exp(
                -np.float32(w) * np.maximum(water, 0) - np.float32(m) * mineral - np.float32(s) * canvas.metal
            )
        primary.append(total)
    body = (canvas.water > 0.6 * np.percentile(canvas.water[::3, ::3], 80)) & (field_share > 0.5)
    typical = float(np.median(primary[0][body])) if body.any() else float(np.median(primary[0]))
    typical = max(typical, 1e-9)
    scatter, width = rng.uniform(0.12, 0.5), rng.uniform(60, 110)
    counts, blur = np.exp(rng.uniform(np.log(700), np.log(9000))), rng.uniform(0.25, 0.75)
    if rng.random() < 0.15:
        blur = rng.uniform(0.8, 1.6)
    out = []
    for beam in primary:
        haze = _broad(np.minimum(beam, 8 * typical) * field_share, width)
        signal = ndimage.gaussian_filter(beam * field_share + np.float32(scatter) * haze, blur, truncate=3)
        out.append(np.maximum(signal * np.float32(counts / typical), 1e-3))
    return out[0], out[1]


def _broad(values: Floats, sigma: float) -> Floats:
    """A Gaussian of `sigma` cells, taken on a grid of BROAD_CELLS."""
    small = values[BROAD_CELLS // 2 :: BROAD_CELLS, BROAD_CELLS // 2 :: BROAD_CELLS]
    small = ndimage.gaussian_filter(small, sigma / BROAD_CELLS, truncate=3, mode="nearest")
    ends = [
        interpolation((np.arange(n) - BROAD_CELLS // 2) / BROAD_CELLS, m)
        for n, m in zip(values.shape, small.shape, strict=True)
    ]
    return separable(ends[0], small, ends[1])


def noisy(signal: Floats, rng: np.random.Generator) -> Floats:
    """One exposure: photon and electronic noise of random strength, sometimes correlated."""
    noise = rng.standard_normal(signal.shape, dtype=np.float32) * np.sqrt(signal) * np.float32(rng.uniform(1, 1.6))
    noise += np.float32(rng.uniform(2, 10)) * rng.standard_normal(signal.shape, dtype=np.float32)
    if rng.random() < 0.5:
        noise = ndimage.gaussian_filter(noise, rng.uniform(0.3, 0.6), truncate=3)
    return np.maximum(signal + noise, 0.5)


def mottle(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Texture of log signal, 1 to 3 mm coarse, that real tissue has and simulated tissue lacks."""
    cells = int(rng.integers(2, 7))
    small = rng.standard_normal([n // cells + 2 for n in shape], dtype=np.float32) * np.float32(
        rng.uniform(0.005, 0.04)
    )
    ends = [interpolation(np.arange(n) / cells, m) for n, m in zip(shape, small.shape, strict=True)]
    return separable(ends[0], small, ends[1])


def processed(value: Floats, field_share: Floats, rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """A maker's processing of log values, larger denser; and where words were burned in."""
    plain = rng.random() < 0.3
    if rng.random() < 0.12:
        value = _unlogged(value, field_share)
    if not plain:
        value = value - np.float32(rng.choice([0, rng.uniform(0.1, 0.65)])) * _broad(value, rng.uniform(20, 50))
        if rng.random() < 0.7:
            smooth = ndimage.gaussian_filter(value, rng.uniform(1.0, 3.0), truncate=2.5)
            value = value + np.float32(rng.uniform(0.1, 1.8)) * (value - smooth)
    inside = value[field_share > 0.5]
    inside = inside[::7] if inside.size > 700 else value.ravel()[::7]
    low, high = np.percentile(inside, (rng.uniform(0, 5), rng.uniform(98.5, 100)))
    margin = rng.uniform(-0.02, 0.15)
    share = (value - np.float32(low)) / np.float32(max(high - low, 1e-6) * (1 + margin))
    if not plain:
        if rng.random() < 0.7:
            steep = np.float32(rng.uniform(2.5, 6))
            share = 1 / (1 + np.exp(-steep * (np.clip(share, -0.5, 1.5) - np.float32(rng.uniform(0.35, 0.65)))))
        else:
            share = np.clip(share, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.5)))
    share = np.clip(share, -0.3 if plain else 0, 1.6 if plain else 1)
    if rng.random() < 0.5:
        share = np.where(field_share > 0.5, share, np.float32(rng.choice([0, 1])))
    words = np.zeros(value.shape, bool)
    if rng.random() < 0.12:
        words = _words(value.shape, rng)
        share[words] = 1
    if rng.random() < 0.3:
        share = np.round(share * 255) / np.float32(255)
    return share.astype(np.float32), words


def _unlogged(value: Floats, field_share: Floats) -> Floats:
    """Grey values in proportion to the signal, as scanned films and simple detectors have them."""
    inside = value[field_share > 0.5]
    low, high = np.percentile(inside[::7], (1, 99)) if inside.size > 700 else (value.min(), value.max())
    steep = np.float32(2.0 / max(float(high - low), 1e-6))
    return -np.exp(-steep * np.clip(value - np.float32(low), -2 / steep, 4 / steep))


def _words(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    image = Image.new("L", (shape[1], shape[0]), 0)
    text = "".join(rng.choice(list("ERCTSUPINLA 0123456789.:"), rng.integers(1, 14)))
    at = (float(rng.uniform(0, 0.7) * shape[1]), float(rng.uniform(0, 0.95) * shape[0]))
    ImageDraw.Draw(image).text(at, text, fill=255, font=ImageFont.load_default(size=float(rng.uniform(9, 30))))
    return np.asarray(image) > 127


def valid_field(field_share: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The field as found by a program: mostly right, a little small or large, sometimes not found."""
    draw = rng.random()
    if draw < 0.2:
        return np.ones(field_share.shape, bool)
    inside = field_share > rng.uniform(0.1, 0.9)
    if draw < 0.5:
        inside = ndimage.binary_erosion(inside, iterations=int(rng.integers(1, 6)), border_value=1)
    return inside
