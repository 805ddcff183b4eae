import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dicom import subject_words
from pipeline.model.vocabulary import Laterality, Region


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("HIP AND THIGH", (Region.HIP, Region.THIGH)),
        ("LEFT THIGH AND K", (Region.THIGH,)),
        ("ELBOW AND FOREAR", (Region.ELBOW,)),
        ("LUMBAR SPINE AND", (Region.SPINE,)),
        ("LOWER LEG", (Region.LOWER_LEG,)),
        ("LEG", (Region.LOWER_LEG,)),
        ("UPPER LEG", (Region.THIGH,)),
        ("FOREARM", (Region.FOREARM,)),
        ("fore arm", (Region.FOREARM,)),
        ("ARM", (Region.UPPER_ARM,)),
        ("CSPINE", (Region.NECK,)),
        ("thoracic spine", (Region.SPINE,)),
        ("CT thoracic", (Region.CHEST,)),
        ("Kniegelenk links", (Region.KNEE,)),
        ("Hüfte rechts", (Region.HIP,)),
        ("épaule droite", (Region.SHOULDER,)),
        ("main gauche", (Region.HAND,)),
        ("rodilla", (Region.KNEE,)),
        ("piede sinistro", (Region.FOOT,)),
        ("ginocchio in piedi", (Region.KNEE,)),
        ("rodilla de pie", (Region.KNEE,)),
        ("KUB", (Region.ABDOMEN,)),
        ("EXTREMITY", ()),
        ("MAIN SERIES", ()),
        ("", ()),
    ],
)
def test_regions_are_named_in_several_languages(text, regions):
    assert subject_words.regions(text) == regions


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("KNEE L", Laterality.LEFT),
        ("R HIP AP", Laterality.RIGHT),
        ("genou gauche", Laterality.LEFT),
        ("Knie rechts", Laterality.RIGHT),
        ("rodilla izquierda", Laterality.LEFT),
        ("ginocchio destro", Laterality.RIGHT),
        ("KNEES BILATERAL", Laterality.BOTH),
        ("CHEST LEFT LATERAL", None),
        ("ABD LEFT LATERAL DECUBITUS", None),
        ("L SPINE", None),
        ("L4 L5", None),
        ("left and right hand", None),
        ("profil de l'épaule", None),
        ("chest", None),
    ],
)
def test_a_side_is_one_of_the_body_not_of_the_view(text, side):
    assert subject_words.side(text) == side


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("KNEE AP", "AP"),
        ("a.p.", "AP"),
        ("CHEST PA", "PA"),
        ("LL", "LAT"),
        ("Knie seitlich", "LAT"),
        ("genou profil", "LAT"),
        ("shoulder axillary", "AXIAL"),
        ("patella skyline", "AXIAL"),
        ("hand oblique", "OBL"),
        ("AP and lateral", None),
        ("ABD LEFT LATERAL DECUBITUS", None),
        ("", None),
    ],
)
def test_a_view_is_named_once_or_not_at_all(text, view):
    assert subject_words.view(text) == view


@given(st.text(max_size=60))
def test_any_text_is_read_without_error(text):
    subject_words.regions(text), subject_words.side(text), subject_words.view(text)
