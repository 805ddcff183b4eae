"""Label images: which element of an image belongs to which lesion."""

from pathlib import Path

import nibabel
import numpy as np
from nibabel.openers import Opener
from numpy.typing import NDArray
from PIL import Image as Picture

from pipeline.model.image import Image, Radiograph, Volume

Labels = NDArray[np.uint16]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Patient axes of DICOM (left, posterior, superior) to those of NIfTI (right, anterior, superior)."""
COMPRESSION = 1
"""gzip level; masks shrink a hundredfold at the fastest level already."""


def write_labels(image: Image, labels: Labels, folder: Path, stem: str) -> str:
    """Write `folder`/labels/`stem`.png (radiograph) or .nii.gz (CT); returns the path relative to `folder`.

    The PNG has 16 bits in stored pixel orientation; the NIfTI has axes col, row, slice and an affine to RAS mm.
    """
    target = folder / "labels"
    target.mkdir(exist_ok=True)
    match image:
        case Radiograph():
            name = f"{stem}.png"
            Picture.fromarray(labels).save(target / name)
        case Volume():
            name = f"{stem}.nii.gz"
            _write_nifti(image, labels, target / name)
    return f"labels/{name}"


def nifti_affine(volume: Volume) -> NDArray[np.float64]:
    """4x4 from (col, row, slice, 1) to RAS mm."""
    order = [2, 1, 0, 3]
    return LPS_TO_RAS @ volume.voxel_to_patient[:, order]


def _write_nifti(volume: Volume, labels: Labels, path: Path) -> None:
    image = nibabel.Nifti1Image(labels.transpose(2, 1, 0), nifti_affine(volume), dtype=np.uint16)
    image.header.set_xyzt_units("mm")
    level, Opener.default_compresslevel = Opener.default_compresslevel, COMPRESSION
    try:
        nibabel.save(image, path)
    finally:
        Opener.default_compresslevel = level
