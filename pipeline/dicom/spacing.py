"""Millimetres per pixel of a radiograph, with where they come from; anything doubtful is unknown rather than wrong."""

from pydicom import Dataset

from pipeline.dicom.headers import number, numbers, raw, text
from pipeline.model.known import Known, Maybe, Unknown

PLAUSIBLE_MM = (0.01, 3.0)
"""Pixel sizes of radiographs: from magnified mammography to thumbnails of a whole trunk, mm."""
HABIT_MM = 1.0
"""A pixel of exactly 1 mm by 1 mm on a radiograph is what software writes that knows nothing."""
SAME = 1e-3
"""Relative difference below which PixelSpacing is a copy of ImagerPixelSpacing and not a calibration."""
PLAUSIBLE_MAGNIFICATION = (1.0, 3.0)
"""Detector size over size in the patient; above 2 only in magnification views of small parts."""
MAGNIFICATIONS_AGREE = 0.1
"""Relative difference of two statements of magnification that is worth a note."""

Spacing = tuple[float, float]
_CALIBRATED = ("GEOMETRY", "FIDUCIAL")
_DETECTOR_PLANE = "sizes are those at the detector, 5 to 20 % too large: no magnification stated"


def radiograph_spacing(ds: Dataset) -> tuple[Maybe[Spacing], tuple[str, ...]]:
    """(row, col) spacing in mm, and notes.

    PixelSpacing when it is calibrated (PixelSpacingCalibrationType, or another value than ImagerPixelSpacing), else
    ImagerPixelSpacing over the magnification (EstimatedRadiographicMagnificationFactor, or DistanceSourceToDetector
    over DistanceSourceToPatient), else what is there, noted, else Unknown. Zero, negative, not finite and 1 by 1 are no
    spacing. Source: DICOM PS3.3 section 10.7.1.
    """
    pixel, pixel_fault = _pair(ds, "PixelSpacing")
    imager, imager_fault = _pair(ds, "ImagerPixelSpacing")
    if pixel is not None and (imager is None or not _same(pixel, imager)):
        if imager is not None or text(ds, "PixelSpacingCalibrationType").upper() in _CALIBRATED:
            return Known(pixel, f"PixelSpacing ({_calibration(ds)})"), ()
        if text(ds, "Modality").upper() == "CT":
            return Known(pixel, "PixelSpacing"), ()
        return Known(pixel, "PixelSpacing"), ("PixelSpacing without calibration: sizes may be 5 to 20 % too large",)
    if pixel is not None and text(ds, "PixelSpacingCalibrationType").upper() in _CALIBRATED:
        return Known(pixel, f"PixelSpacing ({_calibration(ds)})"), ()
    if imager is not None:
        return _at_patient(ds, imager)
    film, _ = _pair(ds, "NominalScannedPixelSpacing")
    if film is not None:
        return Known(film, "NominalScannedPixelSpacing"), (f"digitised film: {_DETECTOR_PLANE}",)
    return Unknown(imager_fault or pixel_fault or "no PixelSpacing and no ImagerPixelSpacing"), ()


def _at_patient(ds: Dataset, imager: Spacing) -> tuple[Maybe[Spacing], tuple[str, ...]]:
    """Detector spacing brought to the patient by the magnification, where one is stated."""
    stated, measured = _stated_magnification(ds), _measured_magnification(ds)
    magnification = stated or measured
    if magnification is None:
        return Known(imager, "ImagerPixelSpacing"), (_DETECTOR_PLANE,)
    notes: tuple[str, ...] = ()
    if stated and measured and abs(stated / measured - 1) > MAGNIFICATIONS_AGREE:
        notes = (f"magnification {stated:.3g} stated, {measured:.3g} by distances: the stated one is used",)
    at_patient = (imager[0] / magnification, imager[1] / magnification)
    return Known(at_patient, "ImagerPixelSpacing/magnification"), notes


def _stated_magnification(ds: Dataset) -> float | None:
    return _plausible(number(ds, "EstimatedRadiographicMagnificationFactor"))


def _measured_magnification(ds: Dataset) -> float | None:
    to_detector, to_patient = number(ds, "DistanceSourceToDetector"), number(ds, "DistanceSourceToPatient")
    if not to_detector or not to_patient or to_patient < 0:
        return None
    return _plausible(to_detector / to_patient)


def _plausible(magnification: float | None) -> float | None:
    low, high = PLAUSIBLE_MAGNIFICATION
    return magnification if magnification is not None and low <= magnification <= high else None


def _pair(ds: Dataset, keyword: str) -> tuple[Spacing | None, str]:
    """The two values of a spacing in mm, or None with the reason."""
    if raw(ds, keyword) is None:
        return None, "" if keyword not in ds or not text(ds, keyword) else f"{keyword} is not two numbers"
    values = numbers(ds, keyword)
    if len(values) != 2:
        return None, f"{keyword} is not two numbers"
    low, high = PLAUSIBLE_MM
    if min(values) <= 0:
        return None, f"{keyword} is {'0' if min(values) == 0 else 'negative'}"
    if values == (HABIT_MM, HABIT_MM):
        return None, f"{keyword} 1\\1 says nothing on a radiograph"
    if min(values) < low or max(values) > high:
        return None, f"{keyword} {values[0]:.3g} × {values[1]:.3g} mm is not plausible"
    return (values[0], values[1]), ""


def _same(a: Spacing, b: Spacing) -> bool:
    return all(abs(x / y - 1) < SAME for x, y in zip(a, b, strict=True))


def _calibration(ds: Dataset) -> str:
    kind = text(ds, "PixelSpacingCalibrationType").upper()
    return f"calibrated: {kind}" if kind in _CALIBRATED else "calibrated: differs from ImagerPixelSpacing"
