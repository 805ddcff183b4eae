"""What a user would write instead with libraries alone, timed on the same files: CPU seconds of this process."""

import importlib.util
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from quality_baselines import ct_labels, radiograph_labels
from skimage.measure import regionprops_table

PROPERTIES = ("area", "bbox", "centroid", "inertia_tensor_eigvals", "intensity_mean", "intensity_max", "solidity")
SPACING_MM = {"ct": (1.0, 0.7, 0.7), "radiograph": (0.14, 0.14)}


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gave."""
    start = time.process_time()
    given = function()
    return time.process_time() - start, given


def decode(folder: Path) -> tuple[float, NDArray[np.float32]]:
    """U: every pixel of a folder decoded once by pydicom; and the pixels as numbers, in the order of file names."""
    seconds, planes = timed(lambda: [pydicom.dcmread(path).pixel_array for path in sorted(folder.iterdir())])
    return seconds, np.stack(planes).astype(np.float32)


def peers(kind: str, pixels: NDArray[np.float32], out: Path) -> dict[str, float]:
    """CPU seconds of segmentation, features and writing by scikit-image, MIRP (where installed) and pydicom.

    `pixels` [file, row, col] are a CT in HU plus 1024, or radiographs.
    """
    spacing = SPACING_MM[kind]
    if kind == "ct":
        labelling = [(pixels - 1024, lambda image: ct_labels(image, spacing))]
    else:
        labelling = [(image, lambda image: radiograph_labels(image, spacing)) for image in pixels]
    found = {"segment: threshold, opening, components": 0.0, "features: scikit-image regionprops": 0.0}
    labels: list[NDArray[np.integer]] = []
    for image, function in labelling:
        seconds, made = timed(lambda image=image, function=function: function(image))  # type: ignore[misc]
        found["segment: threshold, opening, components"] += seconds
        labels.append(made)
        seconds, _ = timed(lambda image=image, made=made: _regions(image, made))  # type: ignore[misc]
        found["features: scikit-image regionprops"] += seconds
    if importlib.util.find_spec("mirp") is not None:
        found["features: MIRP, of the largest lesion"] = timed(lambda: _mirp(labelling[0][0], labels[0], spacing))[0]
    found["write: labels as one object, pydicom"] = timed(lambda: _written(labels, out))[0]
    return found


def _regions(image: NDArray[np.float32], labels: NDArray[np.integer]) -> object:
    return regionprops_table(labels, image, properties=[p for p in PROPERTIES if p != "solidity" or image.ndim == 2])


def _mirp(image: NDArray[np.float32], labels: NDArray[np.integer], spacing: tuple[float, ...]) -> object:
    from mirp import extract_features

    logging.disable(logging.WARNING)
    mask = labels == int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    box = tuple(slice(int(w.min()), int(w.max()) + 1) for w in np.nonzero(mask))
    flat = 3 - image.ndim
    return extract_features(
        image=image[box][(None,) * flat], mask=mask[box][(None,) * flat].astype(int), image_modality="ct",
        image_spacing=(1.0,) * flat + spacing, base_discretisation_method="none", by_slice=flat > 0,
        base_feature_families=["morphology", "statistics"],
    )  # fmt: skip


def _written(labels: list[NDArray[np.integer]], out: Path) -> None:
    packed = np.packbits(np.concatenate([np.atleast_3d(part > 0).ravel() for part in labels]), bitorder="little")
    made = Dataset()
    made.PixelData = packed.tobytes() + b"\0" * (len(packed) % 2)
    made["PixelData"].VR = "OB"
    made.save_as(out, implicit_vr=False, little_endian=True)
