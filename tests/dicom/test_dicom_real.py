"""Real files of every kind and transfer syntax, where they are at hand."""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made_dicom import LIMITS

from pipeline.dicom.discovery import discover
from pipeline.dicom.pixels import modality_values, padding_mask, read_dataset, stored_values
from pipeline.errors import PixelError

REAL = Path(__file__).parents[3] / "shared" / "real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real studies beside the repository are absent")

ODD_ANALYSED = {
    "CR-MONO1-10-chest.dcm": "radiograph",
    "CT2_J2KI.dcm": "ct",
    "CT2_J2KR.dcm": "ct",
    "CT2_JLSL.dcm": "ct",
    "CT2_JLSN.dcm": "ct",
    "CT2_JPLL.dcm": "ct",
    "CT2_RLE.dcm": "ct",
    "CTImage_deflated.dcm": "ct",
    "CT_tilt_5.5deg.dcm": "ct",
    "J2K_pixelrep_mismatch.dcm": "ct",
    "bad_sequence.dcm": "ct",
    "hd_dx_image.dcm": "radiograph",
    "image_dfl.dcm": "radiograph",
    "mlut_18.dcm": "radiograph",
}
LOSSLESS_TWINS = ("CT2_J2KR.dcm", "CT2_JLSL.dcm", "CT2_JPLL.dcm", "CT2_RLE.dcm")


def accounted(discovery):
    told = [s.path for s in discovery.skipped]
    for study in discovery.studies:
        told += [s.path for s in study.skipped] + [f.name for series in study.series for f in series.files]
    return sorted(told)


def reference(path):
    """Stored values as pydicom alone decodes them, with whatever plug-ins it finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in ds.file_meta:
            ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        return ds.pixel_array


def test_every_odd_file_is_analysed_or_listed(tmp_path):
    discovery = discover([REAL / "odd"], LIMITS, tmp_path)
    assert accounted(discovery) == sorted(str(p.relative_to(REAL / "odd")) for p in (REAL / "odd").rglob("*.dcm"))
    kinds = {f.name: s.kind for study in discovery.studies for s in study.series for f in s.files}
    tilted = {name: "ct" for name in kinds if name.startswith("ct_tilt_series/")}
    assert kinds == ODD_ANALYSED | tilted
    assert len(tilted) == 10


def test_every_real_study_is_analysed_but_for_its_localizer(tmp_path):
    discovery = discover([REAL / "studies"], LIMITS, tmp_path)
    assert discovery.skipped == ()
    assert len(discovery.studies) == 42
    assert [s.path for study in discovery.studies for s in study.skipped] == ["ACRIN042_scout/IM0001.dcm"]


@pytest.mark.parametrize("name", sorted(ODD_ANALYSED))
def test_odd_pixels_are_those_of_pydicom(name):
    path = REAL / "odd" / name
    np.testing.assert_array_equal(stored_values(read_dataset(path, LIMITS)), reference(path))


@pytest.mark.parametrize("name", LOSSLESS_TWINS)
def test_one_slice_in_four_lossless_syntaxes_is_the_same(name):
    first = stored_values(read_dataset(REAL / "odd" / LOSSLESS_TWINS[0], LIMITS))
    np.testing.assert_array_equal(stored_values(read_dataset(REAL / "odd" / name, LIMITS)), first)


@pytest.mark.parametrize("case", sorted(p.name for p in (REAL / "studies").iterdir()) if REAL.is_dir() else [])
def test_real_pixels_are_those_of_pydicom(case):
    path = sorted((REAL / "studies" / case).iterdir())[-1]
    ds = read_dataset(path, LIMITS)
    stored = stored_values(ds)
    np.testing.assert_array_equal(stored, reference(path))
    assert np.isfinite(modality_values(ds, stored)).all()
    assert padding_mask(ds, stored).mean() < 0.9


def test_the_modality_table_is_that_of_pydicom():
    ds = read_dataset(REAL / "odd" / "mlut_18.dcm", LIMITS)
    stored = stored_values(ds)
    expected = pydicom.pixels.apply_modality_lut(reference(REAL / "odd" / "mlut_18.dcm"), ds)
    np.testing.assert_array_equal(modality_values(ds, stored), expected)


def test_a_slice_cut_within_its_pixels_is_refused_with_both_numbers():
    with pytest.raises(PixelError, match="8,130 bytes of pixels, 8,192 expected"):
        read_dataset(REAL / "odd" / "MR_truncated.dcm", LIMITS)
