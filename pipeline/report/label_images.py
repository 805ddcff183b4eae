"""Label images: which element of an image belongs to which lesion."""

from itertools import product
from pathlib import Path

import nibabel
import numpy as np
from nibabel.affines import apply_affine
from nibabel.openers import Opener
from numpy.typing import NDArray
from PIL import Image as Picture

from pipeline.model.image import Image, Radiograph, Volume

Labels = NDArray[np.uint16]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Patient axes of DICOM (left, posterior, superior) to those of NIfTI (right, anterior, superior)."""
MOST_STRAIGHTENED = 0.5
"""How far the second, shear-free affine may misplace a voxel, in smallest voxel sides. Rounded headers shear by less;
behind a tilted gantry it is left out, and ITK refuses the file rather than misplace it."""
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
    _add_shear_free(image)
    level, Opener.default_compresslevel = Opener.default_compresslevel, COMPRESSION
    try:
        nibabel.save(image, path)
    finally:
        Opener.default_compresslevel = level


def _add_shear_free(image: nibabel.Nifti1Image) -> None:
    """Store the nearest affine without shear as qform beside the exact one (sform): ITK reads no other.

    It is turned about the middle of the volume, where it is exact.
    """
    exact: NDArray[np.float64] = image.affine
    image.set_qform(exact, code="scanner")
    straight = image.get_qform()
    corners = np.array(list(product(*((0, n - 1) for n in image.shape))))
    middle = corners.mean(axis=0)
    straight[:3, 3] = apply_affine(exact, middle) - straight[:3, :3] @ middle
    moved = np.linalg.norm(apply_affine(exact, corners) - apply_affine(straight, corners), axis=1).max()
    if moved <= MOST_STRAIGHTENED * min(image.header.get_zooms()):
        image.set_qform(straight, code="scanner")
    else:
        image.set_qform(None, code="unknown")
