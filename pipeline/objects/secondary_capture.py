"""The report's key picture as a secondary capture, for every PACS that shows nothing else."""

import hashlib

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from pipeline.model.identity import MANUFACTURER, derived_uid
from pipeline.model.image import Image
from pipeline.objects.sources import source_headers
from pipeline.objects.stamp import stamp

SERIES_NUMBER = 903
NOTICE = "AI result, not for primary diagnosis"
BAND_PX = 34
TEXT_PX = 20


def secondary_capture(image: Image, picture: NDArray[np.uint8], statement: str) -> SCImage:
    """A picture uint8 [row, col, rgb] with a band below that bears `statement` and the notice, no patient data."""
    (header,) = source_headers(image, (0,), None)
    pixels = _with_band(picture, statement)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    made = SCImage.from_ref_dataset(
        header,
        pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_instance_uid=derived_uid("sc series", image.identity.series_instance_uid, digest),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("sc", image.identity.stem, digest),
        instance_number=1,
        manufacturer=MANUFACTURER,
        patient_orientation=tuple(header.get("PatientOrientation") or ("L", "F")),
        laterality=_side(header),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    made.SeriesDescription = "Calcific deposits: key picture (AI)"
    made.BurnedInAnnotation = "YES"
    made.Laterality = str(made.get("Laterality") or "")
    stamp(made, header)
    return made


def _side(header: Dataset) -> str | None:
    """R or L as the header has it; a series has no other side (PS3.3 C.7.3.1), though an image may show both."""
    found = str(header.get("ImageLaterality") or header.get("Laterality") or "")
    return found if found in ("R", "L") else None


def _with_band(picture: NDArray[np.uint8], statement: str) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    whole = Picture.new("RGB", (columns, rows + 2 * BAND_PX), (0, 0, 0))
    whole.paste(Picture.fromarray(picture), (0, 0))
    draw = ImageDraw.Draw(whole)
    font = ImageFont.load_default(TEXT_PX)
    for line, (text, colour) in enumerate(((statement, (255, 255, 255)), (NOTICE, (255, 190, 60)))):
        draw.text((8, rows + 5 + line * BAND_PX), text, font=_fitting(font, text, columns - 16), fill=colour)
    found: NDArray[np.uint8] = np.asarray(whole)
    return found


def _fitting(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, width: int) -> ImageFont.ImageFont:
    """The font, smaller where the text would not fit."""
    share = width / max(font.getbbox(text)[2], 1)
    return ImageFont.load_default(max(8.0, TEXT_PX * min(1.0, share)))  # type: ignore[return-value]
