import pytest
from made_dicom import changed, ct, image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pipeline.dicom.classify import CAPTURE_NOTE, classify
from pipeline.model.identity import MANUFACTURER


def capture(**changes):
    return changed(image(SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="OT"), **changes)


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [
        (uid.ComputedRadiographyImageStorage, "CR"),
        (uid.ComputedRadiographyImageStorage, "RG"),
        (uid.DigitalXRayImageStorageForPresentation, "DX"),
        (uid.DigitalXRayImageStorageForProcessing, "DX"),
    ],
)
def test_projections_are_radiographs(sop_class, modality):
    assert classify(image(SOPClassUID=sop_class, Modality=modality)).kind == "radiograph"


@pytest.mark.parametrize(
    "sop_class", [uid.CTImageStorage, uid.EnhancedCTImageStorage, uid.LegacyConvertedEnhancedCTImageStorage]
)
def test_ct_of_every_form_is_ct(sop_class):
    assert classify(ct(SOPClassUID=sop_class)).kind == "ct"


def test_a_file_older_than_sop_classes_is_told_by_its_modality():
    assert classify(image(SOPClassUID=None)).kind == "radiograph"
    assert classify(ct(SOPClassUID=None)).kind == "ct"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("LOCALIZER", "localizer"),
        ("PERFUSION", "perfusion"),
        ("MIP", "projection"),
        ("SCREEN SAVE", "screen"),
        ("PROJECTION IMAGE", "projection"),
    ],
)
def test_ct_objects_that_are_no_slice_are_named(value, word):
    found = classify(ct(ImageType=["DERIVED", "PRIMARY", value]))
    assert found.kind is None
    assert word in found.reason


def test_a_ct_rescaled_to_something_else_than_hounsfield_units_is_listed():
    assert classify(ct(RescaleType="MGML")).kind is None
    assert classify(ct(RescaleType="HU")).kind == "ct"


def test_our_own_results_are_never_taken():
    for ds in (image(Manufacturer=MANUFACTURER), capture(Manufacturer=MANUFACTURER.upper())):
        found = classify(ds)
        assert found.kind is None
        assert found.is_ours


def test_animals_are_not_analysed():
    assert "animal" in classify(image(AnatomicalOrientationType="QUADRUPED")).reason


@pytest.mark.parametrize(
    ("sop_class", "name"),
    [
        (uid.MRImageStorage, "MR Image"),
        (uid.SegmentationStorage, "Segmentation"),
        (uid.BasicTextSRStorage, "Basic Text SR"),
        (uid.GrayscaleSoftcopyPresentationStateStorage, "Grayscale Softcopy Presentation State"),
        (uid.RTStructureSetStorage, "RT Structure Set"),
        (uid.EncapsulatedPDFStorage, "Encapsulated PDF"),
        (uid.XRayAngiographicImageStorage, "X-Ray Angiographic Image"),
        (uid.DigitalMammographyXRayImageStorageForPresentation, "Digital Mammography X-Ray Image"),
        ("1.2.3.4", "SOP class 1.2.3.4"),
    ],
)
def test_other_objects_are_listed_by_name(sop_class, name):
    found = classify(image(SOPClassUID=sop_class))
    assert found.kind is None
    assert found.reason.startswith(name)


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "OT"])
def test_a_grey_single_frame_capture_is_a_radiograph_with_a_note(modality):
    found = classify(capture(Modality=modality))
    assert found.kind == "radiograph"
    assert found.notes == (CAPTURE_NOTE,)


@pytest.mark.parametrize(
    "changes",
    [
        {"Modality": "CT"},
        {"Modality": "XA"},
        {"NumberOfFrames": 2},
        {"SamplesPerPixel": 3},
        {"ConversionType": "SD"},
        {"SeriesDescription": "Dose Report"},
        {"SeriesDescription": "Befundbericht"},
        {"SeriesDescription": "Patient_Protocol"},
        {"ImageComments": "CT abdomen, slice 12"},
        {"StudyDescription": "MRI knee"},
        {"SeriesDescription": "3D volume rendering"},
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]},
        {"ImagePositionPatient": [0, 0, 0]},
        {"SOPClassUID": uid.MultiFrameTrueColorSecondaryCaptureImageStorage, "NumberOfFrames": 5},
    ],
)
def test_captures_of_reports_and_sections_are_listed(changes):
    found = classify(capture(**changes))
    assert found.kind is None
    assert "secondary capture" in found.reason


def test_a_capture_made_of_a_ct_image_is_listed():
    source = Dataset()
    source.ReferencedSOPClassUID = uid.CTImageStorage
    assert classify(capture(SourceImageSequence=Sequence([source]))).kind is None


@pytest.mark.parametrize("description", ["Hand ap", "Thorax pa, direct", "Pelvis, Protect", "Octagon view"])
def test_words_that_only_contain_a_modality_do_not_count(description):
    assert classify(capture(SeriesDescription=description)).kind == "radiograph"


def test_a_radiograph_of_several_frames_is_listed():
    assert classify(image(NumberOfFrames=3)).kind is None


def test_a_reason_never_repeats_a_header_unchecked():
    assert "<" not in classify(image(SOPClassUID="<script>", Modality="\x1b[2J")).reason
