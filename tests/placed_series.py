"""CT series in many orientations, whose every voxel has a known place in the patient."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from dicom_files import header, save

SHAPE = (6, 20, 14)
SPACING_MM = (2.5, 0.7, 0.9)
STRAIGHT = ((1, 0, 0), (0, 1, 0))
FACE_DOWN = ((-1, 0, 0), (0, -1, 0))
CORONAL = ((1, 0, 0), (0, 0, -1))
FEET_FIRST = ((-1, 0, 0), (0, 1, 0))
OBLIQUE = ((0.9, 0.3, np.sqrt(1 - 0.9**2 - 0.3**2)), (-0.3162277660168379, 0.9486832980505138, 0.0))
DIRECTIONS = {"straight": STRAIGHT, "face down": FACE_DOWN, "coronal": CORONAL, "feet first": FEET_FIRST}
DIRECTIONS["oblique"] = OBLIQUE
ORIGIN = np.array([-31.5, 42.25, -107.0])


def frame(directions: tuple[tuple[float, ...], ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors of row index, column index (along a row) and slice, LPS."""
    along_row, along_column = (np.asarray(d, float) for d in directions)
    return along_column, along_row, np.cross(along_row, along_column)


def series(folder: Path, directions: tuple[tuple[float, ...], ...], *, backwards: bool) -> Path:
    """A CT whose files are named in the order of the slices, or against it."""
    normal = frame(directions)[2]
    for index in range(SHAPE[0]):
        made = header("CT", "1.2.840.99999.5", index)
        made.ImageOrientationPatient = [f"{v:.10f}" for d in directions for v in d]
        made.ImagePositionPatient = [f"{v:.8f}" for v in ORIGIN + index * SPACING_MM[0] * normal]
        made.PixelSpacing, made.SliceThickness = [SPACING_MM[1], SPACING_MM[2]], SPACING_MM[0]
        made.PatientPosition, made.FrameOfReferenceUID = "HFS", "1.2.840.99999.6"
        made.RescaleSlope, made.RescaleIntercept, made.ImageType = 1, -1024, ["ORIGINAL", "PRIMARY", "AXIAL"]
        name = SHAPE[0] - index if backwards else index
        save(made, np.full(SHAPE[1:], 1000 + index), folder / f"{name:03}.dcm")
    return folder


def place_of(name: str, voxels: Sequence[Sequence[int]]) -> np.ndarray:
    """Where voxels (slice, row, col) lie: LPS mm [voxel, axis].

    By the definition of ImagePositionPatient alone (PS3.3 C.7.6.2.1.1).
    """
    down, along, normal = frame(DIRECTIONS[name])
    steps = np.stack([normal * SPACING_MM[0], down * SPACING_MM[1], along * SPACING_MM[2]])
    return ORIGIN + np.asarray(voxels) @ steps
