"""Turn real studies without calcification into training sources: CT into projections, radiographs into films.

python -m training.radiograph_real OUT STUDY...

Only studies whose licence permits training, and which were looked at: whatever is in them counts as no calcium.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from pipeline.dicom.discovery import discover
from pipeline.dicom.radiograph import read_radiographs
from pipeline.dicom.volume import read_volumes
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.image import Radiograph, Volume
from pipeline.segmentation.network import GRID_MM, grid_step, interpolation, separable, to_grid
from training.radiograph_scenes import BONE, METAL, WATER, Floats

BODY_HU = -350
BONE_HU = 150
MINERAL_OFFSET_HU, MINERAL_HU = 50.0, 1400.0
"""HU of soft tissue in bone, and HU that 1 g/cm3 of mineral adds."""
LAYER_MM = 1.0
DEEPEST_MM = 330.0
"""Bodies deeper than this are not projected along that axis: no such radiograph is made."""


def projections(volume: Volume) -> dict[str, dict[str, np.ndarray]]:
    """Scenes of a volume, from the front and from the side, head up."""
    hu = _body_alone(volume.hu[::-1].astype(np.float32))
    slice_mm, row_mm, column_mm = volume.spacing_mm
    layers = int(hu.shape[0] * slice_mm / LAYER_MM)
    hu = ndimage.zoom(hu, (layers / hu.shape[0], 1, 1), order=2)
    mineral = np.where(hu > BONE_HU, np.maximum(hu - MINERAL_OFFSET_HU, 0) / MINERAL_HU, 0)
    soft = np.where(hu > BONE_HU, 1.05, np.clip(1 + hu / 1000, 0, 1.2)) * (hu > -700)
    found = {}
    for name, axis, depth_mm, across_mm in (("ap", 1, row_mm, column_mm), ("lat", 2, column_mm, row_mm)):
        if hu.shape[axis] * depth_mm > DEEPEST_MM and name == "lat":
            continue
        water, bone = (_on_grid(v.sum(axis) * depth_mm / 10, (LAYER_MM, across_mm)) for v in (soft, mineral))
        found[name] = {
            "water": _stored(water, WATER),
            "bone": _stored(bone, BONE),
            "metal": _stored(np.zeros_like(water), METAL),
            "bone_known": np.array(not _has_contrast(volume)),
        }
    return found


def film(radiograph: Radiograph) -> dict[str, np.ndarray]:
    """A radiograph on the grid."""
    step = grid_step(radiograph)
    values, valid = to_grid(radiograph.attenuation, radiograph.valid, step)
    return {"values": values.astype(np.float16), "valid": valid}


def _has_contrast(volume: Volume) -> bool:
    return getattr(volume.contrast, "value", False)


def _body_alone(hu: Floats) -> Floats:
    """Air outside the large connected bodies."""
    pieces, count = ndimage.label(ndimage.binary_opening(hu > BODY_HU, iterations=2))
    if not count:
        return hu
    sizes = ndimage.sum_labels(pieces > 0, pieces, np.arange(1, count + 1))
    body = np.isin(pieces, 1 + np.flatnonzero(sizes > 0.15 * sizes.max()))
    return np.where(ndimage.binary_dilation(body, iterations=3), hu, np.float32(-1000))


def _on_grid(path: np.ndarray, spacing_mm: tuple[float, float]) -> Floats:
    rows, columns = (
        interpolation((np.arange(int(n * s / GRID_MM)) + 0.5) * GRID_MM / s - 0.5, n)
        for n, s in zip(path.shape, spacing_mm, strict=True)
    )
    return np.maximum(separable(rows, path.astype(np.float32), columns), 0)


def _stored(path: Floats, unit: float) -> np.ndarray:
    return np.clip(np.round(path / unit), 0, 65535).astype(np.uint16)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Turn real studies without calcification into training sources.")
    parser.add_argument("out", type=Path)
    parser.add_argument("studies", type=Path, nargs="+")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    limits, silence = DicomSettings(), ClinicalContext()
    for folder in options.studies:
        for study in discover([folder], limits, options.out).studies:
            for number, series in enumerate(study.series):
                name = f"{folder.name}_{number}"
                if series.kind == "ct":
                    for volume in read_volumes(series, silence, limits)[0]:
                        for view, scene in projections(volume).items():
                            np.savez(options.out / f"ct_{name}_{view}.npz", **scene)
                else:
                    for n, radiograph in enumerate(read_radiographs(series, silence, limits)[0]):
                        np.savez(options.out / f"film_{name}_{n}.npz", **film(radiograph))


if __name__ == "__main__":
    main()
