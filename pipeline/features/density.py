"""Density: intensity statistics of IBSI-1 on CT, shares of tissue, and contrast on either kind of image.

Intensities are read on `core`: elements whose neighbours all belong to the half-maximum outline. Others are mixed with
what lies beside (clinical reference 2.1). Definitions: IBSI reference manual, chapter 3.3; percentiles by linear
interpolation, kurtosis in excess of the normal distribution's.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.blocks import box_of, widened
from pipeline.features.geometry import half_hull, outline
from pipeline.features.patch import Patch, Values, known
from pipeline.model.known import Known, Unknown

HEAVY_HU = 300.0
"""Dense calcium (finding `heavy_calcification`)."""
FAT_HU = (-120.0, -50.0)
FLUID_HU = (-20.0, 60.0)
"""Fat, and fluid with suspended calcium (findings `fat_component`, `fluid_collection`)."""
SOFT_HU = (-20.0, 90.0)
"""Soft tissue of a mass, muscle and fluid included."""
INNER_SHARE = 0.5
"""Depth under the outline, over the greatest depth, from which a lesion's inside is read."""
TOP_QUANTILE = 90
SAMPLE = 8_000
"""Elements of a lesion's box that are held against its hull."""
LEAST_SAMPLES = 4
"""Fewer elements have no distribution."""
TOO_SMALL = Unknown("too small for its slice: no element without partial volume")
_STATISTICS = (
    "intensity_mean",
    "intensity_variance",
    "intensity_skewness",
    "intensity_kurtosis",
    "intensity_median",
    "intensity_minimum",
    "intensity_10th_percentile",
    "intensity_90th_percentile",
    "intensity_maximum",
    "intensity_interquartile_range",
    "intensity_range",
    "intensity_mean_absolute_deviation",
    "intensity_energy",
    "intensity_root_mean_square",
)


def intensity(patch: Patch) -> Values:
    """Intensity statistics of a CT lesion, HU."""
    values = patch.density[patch.core].astype(np.float64)
    if len(values) < LEAST_SAMPLES:
        return dict.fromkeys(_STATISTICS, TOO_SMALL)
    mean, variance = float(values.mean()), float(values.var())
    low, quarter, half, three, high = np.percentile(values, [10, 25, 50, 75, 90])
    away = values - mean
    spread = variance if variance > 0 else np.nan
    return {
        "intensity_mean": known(mean),
        "intensity_variance": known(variance),
        "intensity_skewness": known(float((away**3).mean() / spread**1.5)),
        "intensity_kurtosis": known(float((away**4).mean() / spread**2 - 3)),
        "intensity_median": known(half),
        "intensity_minimum": known(values.min()),
        "intensity_10th_percentile": known(low),
        "intensity_90th_percentile": known(high),
        "intensity_maximum": known(values.max()),
        "intensity_interquartile_range": known(three - quarter),
        "intensity_range": known(np.ptp(values)),
        "intensity_mean_absolute_deviation": known(float(np.abs(away).mean())),
        "intensity_energy": known(float((values**2).sum())),
        "intensity_root_mean_square": known(float(np.sqrt((values**2).mean()))),
    }


def tissue(patch: Patch) -> Values:
    """Shares of a CT lesion: heavy calcium of its label, fat and fluid within, and the soft mass about it.

    Fluid is what is enclosed by the outline or layered with the deposit in it. `surrounding_mass_ratio` is the volume
    of the deposits with the soft tissue inside their common hull over that of the deposits.
    """
    hu = patch.density
    whole = outline(patch)
    around = widened(box_of(patch.half), 1, whole.shape)
    within = whole.copy()
    within[around] &= ~ndimage.maximum_filter(patch.half[around], size=3)
    sample, weight = _in_hull(patch)
    inner = hu[tuple(sample.T)]
    soft = (inner >= SOFT_HU[0]) & (inner <= SOFT_HU[1]) & ~patch.half[tuple(sample.T)]
    calcium = np.count_nonzero(patch.half)
    return {
        "fraction_above_300_hu": known(float(np.mean(hu[patch.visible] > HEAVY_HU))),
        "fat_fraction": known(float(np.mean((inner >= FAT_HU[0]) & (inner <= FAT_HU[1])))),
        "fluid_fraction": known(
            float(np.count_nonzero(within & (hu >= FLUID_HU[0]) & (hu <= FLUID_HU[1])) / np.count_nonzero(whole))
        ),
        "surrounding_mass_ratio": known((np.count_nonzero(soft) * weight + calcium) / calcium),
    }


def inner(patch: Patch) -> Values:
    """What fills a CT lesion: median HU, and spread beyond the noise, of the deeper half of its outline."""
    whole = outline(patch)
    box = widened(box_of(whole), 1, whole.shape)
    depth = ndimage.distance_transform_edt(whole[box], sampling=patch.scale)
    values = patch.density[box][depth > INNER_SHARE * float(depth.max())].astype(np.float64)
    if len(values) < LEAST_SAMPLES:
        return {"inner_density": TOO_SMALL, "inner_unevenness": TOO_SMALL}
    spread = float(values.var()) - patch.noise**2
    return {"inner_density": known(float(np.median(values))), "inner_unevenness": known(max(spread, 0.0) ** 0.5)}


def contrast(patch: Patch) -> Values:
    """Contrast of a lesion: mean excess over the noise, and dense excess over that of the image's bone."""
    excess = patch.density[patch.half].astype(np.float64) - patch.level
    bone = patch.around.bone_level
    return {
        "contrast_to_noise": known(float(excess.mean()) / patch.noise if patch.noise > 0 else float("nan")),
        "relative_contrast": known(float(np.percentile(excess, TOP_QUANTILE)) / bone.value)
        if isinstance(bone, Known) and bone.value > 0
        else Unknown("no bone seen"),
    }


def _in_hull(patch: Patch) -> tuple[NDArray[np.intp], float]:
    """Elements inside the convex hull of a lesion, thinned out to `SAMPLE` of its box, and how many each stands for."""
    box = box_of(patch.half)
    stride = max(1, round((np.prod([s.stop - s.start for s in box]) / SAMPLE) ** (1 / patch.half.ndim)))
    axes = [np.arange(s.start, s.stop, stride) for s in box]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, patch.half.ndim)
    hull = half_hull(patch)
    if hull is not None:
        inside = np.ones(len(index), bool)
        for plane in hull.planes:
            inside[inside] = index[inside] * np.asarray(patch.scale) @ plane[:-1] + plane[-1] <= 0
        index = index[inside]
    if hull is None or not len(index):
        return np.argwhere(patch.half), 1.0
    return index, float(stride**patch.half.ndim)
