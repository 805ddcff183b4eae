"""What is fuzzed: each target takes bytes, and may raise the program's own errors and nothing else."""

import contextlib
import json
import os
import struct
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import imagecodecs
import numpy as np
from hostile_files import encoded, identified
from hostile_geometry import enhanced
from made_dicom import compressed, image
from pydicom import Dataset, uid
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from pipeline.batch.quiet import silence_libraries
from pipeline.dicom.assignment import assign_contexts
from pipeline.dicom.context import read_context
from pipeline.dicom.description import describe
from pipeline.dicom.files import SourceFile
from pipeline.dicom.inventory import Found
from pipeline.dicom.patient import age, sex
from pipeline.dicom.pixels import modality_values, padding_mask, read_dataset, stored_values
from pipeline.dicom.pose import radiograph_pose
from pipeline.dicom.reading import read_header
from pipeline.dicom.shutter import stated_field
from pipeline.dicom.slices import Slice, slices_of
from pipeline.dicom.spacing import radiograph_spacing
from pipeline.dicom.stack import geometry, largest_stack
from pipeline.errors import CalcinosisError
from pipeline.knowledge.settings import DicomSettings
from pipeline.knowledge.settings_loading import load_settings
from pipeline.model.context import ClinicalContext
from pipeline.worker.intake import identified as identified_by_node

ROOT = Path(__file__).parents[2]
LIMITS = DicomSettings(max_pixels=100_000, max_frames=50, max_study_bytes=10_000_000, max_file_bytes=5_000_000)
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
FILE = FOLDER / f"{os.getpid()}.dcm"
SOURCE = SourceFile(FILE, "fuzz.dcm", "1.2.3", "1.2.3")
NUMBERS = ("0", "1", "-1", "3", "0.5", "1e-300", "1e300", "NaN", "inf", "", "x", "1e5", "512", "-0", "0.7071", "2.5")
SMALL = (10, 8)

silence_libraries()


def header(data: bytes) -> None:
    """The walk over the elements, the parser, what the header describes, and its words."""
    FILE.write_bytes(data)
    describe(Found(FILE, "fuzz.dcm"), LIMITS)
    ds = read_header(FILE, LIMITS).dataset
    radiograph_spacing(ds)
    radiograph_pose(ds, ClinicalContext())
    stated_field(ds, SMALL)
    age(ds)
    sex(ds)


def pixels(data: bytes) -> None:
    """Decoding, and values in the units of the modality."""
    FILE.write_bytes(data)
    ds = read_dataset(FILE, LIMITS)
    stored = stored_values(ds)
    modality_values(ds, stored)
    padding_mask(ds, stored)


def places(data: bytes) -> None:
    """Slices of any numbers into a stack; spacing of any numbers."""
    slices: list[Slice] = []
    for number in range(min(len(data) // 12, 40)):
        ds = _plane(data[12 * number : 12 * number + 12], number)
        slices += [one for one in slices_of(ds, SOURCE) if isinstance(one, Slice)]
        radiograph_spacing(ds)
    best, others = largest_stack(slices)
    assert len(best) + len(others) == len(slices)
    if best:
        stack = geometry(best)
        assert np.all(np.isfinite(stack.voxel_to_patient))
        assert abs(float(np.linalg.det(stack.voxel_to_patient[:3, :3]))) > 0


def context(data: bytes) -> None:
    """A context.json, and the study it speaks of."""
    FILE.write_bytes(data)
    with contextlib.suppress(CalcinosisError):
        read_context(FILE)
    assign_contexts((Found(FILE, "context.json"),), {"1.2.3": (FILE,), "1.2.4": (FILE,)}, LIMITS)


def settings(data: bytes) -> None:
    """A settings file."""
    FILE.write_bytes(data)
    load_settings(FILE)


def node(data: bytes) -> None:
    """What the DICOM node reads of an instance before it keeps it: valid UIDs or a ValueError."""
    with contextlib.suppress(ValueError):
        study, instance = identified_by_node(data)
        assert study
        assert instance


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    f.__name__: f for f in (header, pixels, places, context, settings, node)
}


def run(target: str, data: bytes) -> None:
    """One execution; the program's own errors are answers."""
    with contextlib.suppress(CalcinosisError):
        TARGETS[target](data)


def seeds(target: str) -> list[bytes]:
    """Valid inputs of a target to start from."""
    match target:
        case "context":
            words = {"history": {"trauma": True}, "sex": "F", "posture": "erect", "study_instance_uid": "1.2.3"}
            bundle = {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": {"resourceType": "Patient"}}],
            }
            labs = {
                "labs": {"phosphate": {"value": 2.1, "unit": "mmol/L", "range": [0.8, None]}},
                "images": {"1.2": {}},
            }
            return [json.dumps(value).encode() for value in (words, bundle, labs, {})]
        case "settings":
            return [path.read_bytes() for path in sorted((ROOT / "configs").glob("settings.yaml"))] + [b"dicom: {}\n"]
        case "places":
            return [bytes(range(12 * n)) for n in (3, 6, 12)] + [bytes(144)]
    return _files()


def _plane(data: bytes, number: int) -> Dataset:
    """A header whose numbers are chosen by 12 bytes: now sensible, now anything."""
    ds = Dataset()
    ds.Rows = ds.Columns = 4
    ds.Modality, ds.InstanceNumber = "CT", number
    first, *rest = data
    place = float(struct.unpack("<h", bytes(rest[:2]))[0]) / 8
    turned = [_number(rest[5 + n % 3], v, first & 4) for n, v in enumerate(("1", "0", "0", "0", "1", "0"))]
    spacing = [_number(rest[8], "0.5", first & 8), _number(rest[9], "0.5", first & 16)]
    numbers = {
        "RescaleSlope": ["1"],
        "RescaleIntercept": ["-1024"],
        "ImagePositionPatient": [_number(rest[3], "0", first & 1), "0", _number(rest[4], f"{place:g}", first & 2)],
        "ImageOrientationPatient": turned,
        "PixelSpacing": spacing,
        "ImagerPixelSpacing": spacing[::-1],
        "AcquisitionNumber": [str(rest[10] % 3)],
    }
    for keyword, values in numbers.items():
        tag, raw = BaseTag(tag_for_keyword(keyword) or 0), "\\".join(values).encode()
        ds[tag] = RawDataElement(tag, dictionary_VR(tag), len(raw), raw, 0, False, True)
    return ds


def _number(chosen: int, sensible: str, odd: int) -> str:
    return NUMBERS[chosen % len(NUMBERS)] if odd else sensible


def _files() -> list[bytes]:
    """A tiny file of every way to write an image."""
    values = (np.arange(SMALL[0] * SMALL[1], dtype=np.uint16) * 37 % 4096).reshape(SMALL)

    def made() -> Dataset:
        return identified(image(values), "1.2.3.4")

    packed = made()
    packed.compress(uid.RLELossless)
    files = [encoded(made(), syntax) for syntax in (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)]
    files += [encoded(made(), uid.DeflatedExplicitVRLittleEndian), encoded(packed), encoded(enhanced("1.2.3.5", 3))]
    for syntax, frame in (
        (uid.JPEG2000Lossless, imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True)),
        (uid.JPEGLSLossless, imagecodecs.jpegls_encode(values)),
        (uid.JPEGLosslessSV1, imagecodecs.ljpeg_encode(values, bitspersample=12)),
        (uid.JPEGExtended12Bit, imagecodecs.jpeg8_encode(values, bitspersample=12, level=90)),
    ):
        files.append(encoded(compressed(made(), syntax, bytes(frame))))
    return files
