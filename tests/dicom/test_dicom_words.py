import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dicom import words


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("KNEE AP STANDING", words.UPRIGHT_ONLY),
        ("Knie a.p. stehend", words.UPRIGHT_ONLY),
        ("Hüfte im Stehen", words.UPRIGHT_ONLY),
        ("genou en charge", words.UPRIGHT_ONLY),
        ("rodilla de pie", words.UPRIGHT_ONLY),
        ("ginocchio sotto carico", words.UPRIGHT_ONLY),
        ("Feet WEIGHT-BEARING", words.UPRIGHT_ONLY),
        ("FOOT WB", words.UPRIGHT_ONLY),
        ("Chest PA UPRIGHT", words.ERECT),
        ("abdomen_erect", words.ERECT),
        ("hip supine", words.SUPINE),
        ("Abdomen in Rückenlage", words.SUPINE),
        ("abdomen décubitus dorsal", words.SUPINE),
        ("decúbito supino", words.SUPINE),
        ("Bauchlage", words.PRONE),
        ("decubitus ventral", words.PRONE),
        ("Becken liegend", words.LYING),
        ("bassin couché", words.LYING),
        ("Left lateral decubitus", words.LEFT_DOWN),
        ("ABD LT DECUB", words.LEFT_DOWN),
        ("LLD", words.LEFT_DOWN),
        ("decubito lateral izquierdo", words.LEFT_DOWN),
        ("Rechtsseitenlage", words.RIGHT_DOWN),
        ("right lat decub", words.RIGHT_DOWN),
        ("lateral decubitus", words.ON_A_SIDE),
        ("HIP X-TABLE LAT", words.CROSS_TABLE),
        ("hip shoot-through", words.CROSS_TABLE),
        ("Knee HBL", words.HORIZONTAL_BEAM),
        ("chest semi-erect", words.SEMI_ERECT),
        ("Thorax im Sitzen", words.SITTING),
        ("not erect", words.NOT_ERECT),
    ],
)
def test_a_word_is_understood_in_its_language(text, meaning):
    assert words.postures(text) == {meaning}


@pytest.mark.parametrize(
    "text",
    [
        "knee non weight-bearing",
        "NWB",
        "ohne Belastung, unbelastet",
        "nicht stehend",
        "unable to stand",
        "genou sans charge",
        "rodilla sin carga",
        "not lying",
        "standard knee",
        "LEFT LATERAL",
        "",
    ],
)
def test_what_is_denied_or_only_similar_says_nothing(text):
    assert words.postures(text) == frozenset()


def test_two_postures_in_one_text_are_both_found():
    assert words.postures("abdomen erect and supine") == {words.ERECT, words.SUPINE}


def test_plain_text_has_no_accents_case_signs_or_articles():
    assert words.plain("Épaule de l'Été, Hüfte_R  ap") == "epaule de ete hufte r ap"


@given(st.text(max_size=60))
def test_any_text_is_read_without_error(text):
    assert isinstance(words.postures(text), frozenset)


@given(st.sampled_from(["erect", "supine", "prone"]), st.sampled_from([str.upper, str.lower, str.title]))
def test_case_does_not_matter(word, change):
    assert words.postures(change(word)) == words.postures(word)
