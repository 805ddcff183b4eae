import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from pipeline.dicom import anatomy
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Laterality, Region

NOTHING = ClinicalContext()


def header(**elements):
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def code(value):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = value, "SCT"
    return Sequence([item])


def region(context=NOTHING, **elements):
    return anatomy.region(header(**elements), context)[0]


def test_a_region_comes_from_its_code_before_words():
    found = region(AnatomicRegionSequence=code("29836001"), BodyPartExamined="PELVIS")
    assert found == Known(Region.HIP, "AnatomicRegionSequence")


def test_a_region_within_another_is_the_more_specific():
    assert region(BodyPartExamined="PELVIS", SeriesDescription="hip ap") == Known(Region.HIP, "SeriesDescription")
    assert region(BodyPartExamined="KNEE", SeriesDescription="popliteal fossa").value == Region.POPLITEAL


def test_neighbours_keep_what_the_first_place_says():
    assert region(BodyPartExamined="THIGH", SeriesDescription="knee").value == Region.THIGH


def test_distant_regions_contradict():
    found = region(BodyPartExamined="HAND", SeriesDescription="KNEE AP")
    assert isinstance(found, Unknown)
    assert "contradictory" in found.reason


def test_the_description_of_a_study_only_fills_silence():
    assert region(BodyPartExamined="HAND", StudyDescription="KNEE").value == Region.HAND
    assert region(StudyDescription="KNEE") == Known(Region.KNEE, "StudyDescription")


def test_the_context_fills_silence_and_a_contradiction_is_noted():
    context = ClinicalContext(region=Region.HIP)
    assert region(context) == Known(Region.HIP, "context.json")
    found, notes = anatomy.region(header(BodyPartExamined="KNEE"), context)
    assert found.value == Region.KNEE
    assert "the header stands" in notes[0]


def test_no_word_is_unknown():
    assert region(BodyPartExamined="EXTREMITY") == Unknown("region not stated")


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"ImageLaterality": "L"}, Laterality.LEFT),
        ({"Laterality": "R"}, Laterality.RIGHT),
        ({"ImageLaterality": "B"}, Laterality.BOTH),
        ({"SeriesDescription": "LEFT KNEE"}, Laterality.LEFT),
        ({"BodyPartExamined": "RIGHT PELVIS"}, Laterality.RIGHT),
        ({"ImageLaterality": "U"}, None),
        ({"ImageLaterality": "L", "SeriesDescription": "right knee"}, None),
        ({}, None),
    ],
)
def test_a_side_is_known_when_all_places_agree(elements, expected):
    found = anatomy.laterality(header(**elements))
    assert (found.value if isinstance(found, Known) else None) == expected


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"ViewPosition": "AP"}, "AP"),
        ({"ViewPosition": "LL"}, "LAT"),
        ({"ViewCodeSequence": code("399348003")}, "AP"),
        ({"ViewCodeSequence": code("399173006")}, "LAT"),
        ({"SeriesDescription": "CHEST PA"}, "PA"),
        ({"ViewPosition": "AP", "SeriesDescription": "knee lateral"}, None),
        ({"ViewPosition": "RLD"}, None),
        ({}, None),
    ],
)
def test_a_view_comes_from_codes_tags_and_words(elements, expected):
    found = anatomy.view(header(**elements))
    assert (found.value if isinstance(found, Known) else None) == expected
