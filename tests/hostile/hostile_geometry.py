"""Section C of the catalogue: geometry and the make-up of a study."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from hostile_cases import ANALYSED, EITHER, NOT_ANALYSED, REFUSED, case
from hostile_files import encoded, film, slices, spoilt, write
from made_dicom import changed, compressed
from pydicom import Dataset, uid
from pydicom.sequence import Sequence

ODD_NUMBERS = ("NaN", "inf", "-inf", "1e999", "-0.4", "0", "1e-300", "1e300", "1,5", "", "0.4.1", "１.5")
"""What stands in decimal strings."""


def _tilted(study: str, degrees: float) -> list[Dataset]:
    tilt = np.radians(degrees)
    files = slices(study, 6)
    for place, ds in enumerate(files):
        ds.ImageOrientationPatient = [1, 0, 0, 0, round(float(np.cos(tilt)), 6), round(float(-np.sin(tilt)), 6)]
        ds.ImagePositionPatient, ds.GantryDetectorTilt = [-48, -48, 3.0 * place], degrees
    return files


def _moved(study: str, places: list[float]) -> list[Dataset]:
    files = slices(study, len(places))
    for place, ds in zip(places, files, strict=True):
        ds.ImagePositionPatient = [-48, -48, place]
    return files


@case("C1", "gantry tilt of 13.5 degrees", ANALYSED, "gantry tilt")
def _tilt(folder: Path, study: str) -> None:
    write(folder, *_tilted(study, 13.5))


for _name, _places, _says in (
    ("a missing slice", [0.0, 3, 6, 12, 15, 18], "missing"),
    ("a doubled slice", [0.0, 3, 6, 6, 9, 12, 15], "same place|not part"),
    ("two stacks", [0.0, 3, 6, 9, 12, 900, 903, 906, 909], "stack|not part"),
    ("uneven spacing", [0.0, 3, 6, 9, 10.3, 13.3, 16.3, 19.3, 22.3], "stack|not part"),
):

    @case("C2", _name, ANALYSED, _says)
    def _uneven(folder: Path, study: str, places: Any = _places) -> None:
        write(folder, *_moved(study, places))


@case("C2", "all slices at one place", REFUSED, "stack|place")
def _one_place(folder: Path, study: str) -> None:
    write(folder, *_moved(study, [5.0] * 40))


@case("C2", "a thousand slices at one place", REFUSED, "stack|place", whole_only=True)
def _thousand(folder: Path, study: str) -> None:
    write(folder, *_moved(study, [5.0] * 1000))


@case("C2", "a thousand slices of as many orientations", REFUSED, "same place", whole_only=True)
def _orientations(folder: Path, study: str) -> None:
    files = slices(study, 1000)
    for n, ds in enumerate(files):
        turn = n * 0.006
        ds.ImageOrientationPatient = [round(np.cos(turn), 6), round(np.sin(turn), 6), 0, 0, 0, -1]
    write(folder, *files)


@case("C3", "slices in disorder, feet first and prone", ANALYSED)
def _disorder(folder: Path, study: str) -> None:
    files = slices(study, 6, PatientPosition="FFP")
    for n, ds in enumerate(files):
        ds.InstanceNumber = (n * 5) % 7
    write(folder, *reversed(files))


@case("C3", "rows and columns that run the other way", ANALYSED)
def _flipped(folder: Path, study: str) -> None:
    files = slices(study, 6, ImageOrientationPatient=[-1, 0, 0, 0, -1, 0])
    for place, ds in enumerate(files):
        ds.ImagePositionPatient = [44, 44, 3.0 * place]
    write(folder, *files)


@case("C4", "thickness other than spacing", ANALYSED)
def _thickness(folder: Path, study: str) -> None:
    write(folder, *slices(study, SliceThickness=3.75, SpacingBetweenSlices=-99))


for _name, _changes in {
    "only PixelSpacing": {"ImagerPixelSpacing": None, "PixelSpacing": [1.4, 1.4]},
    "both and different": {"PixelSpacing": [1.2, 1.2]},
    "none": {"ImagerPixelSpacing": None},
    "magnified": {"EstimatedRadiographicMagnificationFactor": 1.3},
    "magnified by 0": {"EstimatedRadiographicMagnificationFactor": 0},
    "distances of 0": {"DistanceSourceToDetector": 0, "DistanceSourceToPatient": 0},
    "1 by 1": {"ImagerPixelSpacing": [1, 1]},
    "of three values": {"ImagerPixelSpacing": [1.5, 1.5, 1.5]},
    "1 mm by 3 mm": {"ImagerPixelSpacing": [1, 3]},
}.items():

    @case("C5", f"spacing, {_name}", ANALYSED)
    def _spacing(folder: Path, study: str, changes: Any = _changes) -> None:
        write(folder, film(study, **changes))


for _number in ODD_NUMBERS:

    @case(
        "C5", f"spacing of {_number or 'nothing'}", ANALYSED, "not two numbers|plausible|is 0|negative|no PixelSpacing"
    )
    def _odd_spacing(folder: Path, study: str, number: str = _number) -> None:
        write(folder, spoilt(encoded(film(study)), "ImagerPixelSpacing", number))

    for _keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness"):
        if _number in ("0", "-0.4", "1e-300") and _keyword in ("ImagePositionPatient", "SliceThickness"):
            continue

        @case("C6", f"{_keyword} of {_number or 'nothing'}", EITHER)
        def _odd_geometry(folder: Path, study: str, number: str = _number, keyword: str = _keyword) -> None:
            write(folder, *(spoilt(encoded(ds), keyword, number) for ds in slices(study, 4)))


for _name, _cosines in {
    "zero": [0] * 6,
    "parallel": [1, 0, 0, 1, 0, 0],
    "skew": [1, 0, 0, 0.5, 0.866, 0],
    "long": [2, 0, 0, 0, 2, 0],
    "missing": None,
}.items():

    @case("C6", f"{_name} orientation", REFUSED, "ImageOrientationPatient")
    def _orientation(folder: Path, study: str, cosines: Any = _cosines) -> None:
        write(folder, *slices(study, ImageOrientationPatient=cosines))


@case("C6", "slices that shift sideways", REFUSED, "sideways")
def _sideways(folder: Path, study: str) -> None:
    files = slices(study, 6)
    for n, ds in enumerate(files):
        ds.ImagePositionPatient = [-48 + 30 * (-1) ** n, -48, 3.0 * n]
    write(folder, *files)


for _count in (1, 2):

    @case("C7", f"CT of {_count} slices", REFUSED, "no volume|stack")
    def _few(folder: Path, study: str, count: int = _count) -> None:
        write(folder, *slices(study, count))


@case("C7", "localizer, dose sheet, report, labels, PDF and video beside a film", ANALYSED)
def _mixed(folder: Path, study: str) -> None:
    others = [
        slices(study, 1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])[0],
        film(study, 3, SOPClassUID=uid.ComprehensiveSRStorage, Modality="SR", PixelData=None),
        film(study, 4, SOPClassUID=uid.EncapsulatedPDFStorage, Modality="DOC", PixelData=None),
        film(study, 5, SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.4.1", Modality="XC"),
        film(study, 6, SOPClassUID="1.2.3.4.5", Modality="ZZ"),
        film(study, 7, SOPClassUID=uid.SegmentationStorage, Modality="SEG"),
        film(study, 8, SOPClassUID=uid.XRayRadiationDoseSRStorage, Modality="SR", PixelData=None),
    ]
    for n, ds in enumerate(others):
        ds.SeriesInstanceUID, ds.SOPInstanceUID = f"{study}.{50 + n}", f"{study}.{50 + n}.1"
    write(folder, film(study), *others)


@case("C7", "only a report", NOT_ANALYSED)
def _report(folder: Path, study: str) -> None:
    write(folder, film(study, SOPClassUID=uid.ComprehensiveSRStorage, Modality="SR", PixelData=None))


def enhanced(study: str, count: int, **changes: Any) -> Dataset:
    ds = slices(study, 1, SOPClassUID=uid.EnhancedCTImageStorage)[0]
    frame = np.frombuffer(ds.PixelData, np.uint16)
    ds.PixelData, ds.NumberOfFrames = np.tile(frame, count).tobytes(), count
    shared, measures, scale, plane = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = ds.PixelSpacing, 3
    scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 1, -1024, "HU"
    plane.ImageOrientationPatient = ds.ImageOrientationPatient
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PixelValueTransformationSequence = Sequence([scale])
    shared.PlaneOrientationSequence = Sequence([plane])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for n in range(count):
        place, group = Dataset(), Dataset()
        place.ImagePositionPatient = [-48, -48, 3.0 * n]
        group.PlanePositionSequence = Sequence([place])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return changed(ds, **changes)


@case("C8", "enhanced CT", ANALYSED)
def _multiframe(folder: Path, study: str) -> None:
    write(folder, enhanced(study, 6))


@case("C8", "enhanced CT with fewer groups than frames", EITHER)
def _few_groups(folder: Path, study: str) -> None:
    ds = enhanced(study, 6)
    ds.PerFrameFunctionalGroupsSequence = Sequence(ds.PerFrameFunctionalGroupsSequence[:3])
    write(folder, ds)


@case("C8", "enhanced CT with more groups than frames", EITHER)
def _many_groups(folder: Path, study: str) -> None:
    write(folder, enhanced(study, 6, NumberOfFrames=4))


@case("C8", "enhanced CT of 4000 frames", ANALYSED, whole_only=True)
def _large_multiframe(folder: Path, study: str) -> None:
    write(folder, enhanced(study, 4000))


@case("C8", "CT of 5001 slices", REFUSED, "max_frames", whole_only=True)
def _many_slices(folder: Path, study: str) -> None:
    write(folder, *slices(study, 5001))


@case("C9", "two patients in a study", REFUSED, "PatientIDs")
def _patients(folder: Path, study: str) -> None:
    write(folder, film(study), film(study, 2, PatientID="OTHER"))


@case("C9", "one UID with different pixels", REFUSED, "different pixels")
def _conflict(folder: Path, study: str) -> None:
    write(folder, film(study), changed(film(study), PixelData=bytes(2 * 96 * 72)))


@case("C9", "one UID with pixels that cannot be decoded", REFUSED, "different pixels")
def _undecodable(folder: Path, study: str) -> None:
    write(folder, film(study), compressed(film(study), uid.RLELossless, b"\1\0\0\0" + b"\xff" * 900))


@case("C9", "the same file twice and compressed once", ANALYSED, "counted once")
def _copies(folder: Path, study: str) -> None:
    packed = film(study)
    packed.compress(uid.RLELossless, generate_instance_uid=False)
    write(folder, film(study), film(study), packed)


@case("C10", "erect in the description, supine in the context", ANALYSED, "header of this image stands")
def _postures(folder: Path, study: str) -> None:
    write(folder, film(study, SeriesDescription="Thigh AP erect standing", PatientOrientation=["L", "H"]))
    (folder / "context.json").write_text(json.dumps({"posture": "supine"}))


@case("C10", "no view and no position", ANALYSED)
def _no_view(folder: Path, study: str) -> None:
    write(folder, film(study, ViewPosition=None, PatientOrientation=None, BodyPartExamined=None))


for _keyword, _values in {
    "PatientAge": ("000Y", "5", "-1", "999Y", "60J", "AGE"),
    "PatientBirthDate": ("20991231", "00000000", "1923.05.17", "yesterday"),
    "PatientSex": ("O", "X", "FEMALE"),
    "ImageLaterality": ("Q", "RL", "\\"),
    "BodyPartExamined": ("WING", "THIGH\\SKULL", ""),
    "ViewPosition": ("UPSIDE", "\\\\\\"),
    "PatientOrientation": ("F\\H", "Z", "A\\B\\C", "FFFFFFFFFFFF\\L"),
    "StudyDate": ("20211345", "x"),
}.items():
    for _value in _values:

        @case("C11", f"{_keyword} {_value}", ANALYSED)
        def _words(folder: Path, study: str, keyword: str = _keyword, value: str = _value) -> None:
            write(folder, film(study, **{keyword: value}))


@case("C12", "a shutter outside the image", EITHER)
def _shutter(folder: Path, study: str) -> None:
    edges = {f"Shutter{side}Edge": n for side, n in (("LeftVertical", 900), ("RightVertical", -5))}
    edges |= {f"Shutter{side}Edge": n for side, n in (("UpperHorizontal", 2**30), ("LowerHorizontal", -(2**31)))}
    polygon = [0, 0, 2**31 - 1, 5] * 2
    write(
        folder,
        film(study, 1, ShutterShape="RECTANGULAR", **edges),
        film(
            study, 2, ShutterShape="CIRCULAR", CenterOfCircularShutter=[-(2**31), 5], RadiusOfCircularShutter=2**31 - 1
        ),
        film(study, 3, ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=polygon),
    )


@case("C12", "a modality table that lies", EITHER)
def _table(folder: Path, study: str) -> None:
    for number, descriptor in enumerate(([0, 0, 16], [4096, 0, 16], [4, 65535, 8], [2, -5, 16])):
        table = Dataset()
        table.add_new(0x00283002, "US" if min(descriptor) >= 0 else "SS", descriptor)
        table.add_new(0x00283006, "OW", bytes(8))
        ds = film(study, number + 1, ModalityLUTSequence=Sequence([table]))
        (folder / f"{number}").mkdir()
        write(folder / f"{number}", ds)
