import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dicom.context import context_study, read_context
from pipeline.dicom.context_keys import HISTORY, LABS
from pipeline.errors import ConfigurationError
from pipeline.model.vocabulary import Posture, Region


def written(tmp_path, content, name="context.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def mistakes(tmp_path, content):
    with pytest.raises(ConfigurationError) as caught:
        read_context(written(tmp_path, content))
    return str(caught.value).splitlines()


def test_a_full_context_is_read(tmp_path):
    context = read_context(
        written(
            tmp_path,
            {
                "study_instance_uid": "1.2.3",
                "history": {"trauma": True, "trauma_weeks_ago": 6, "trauma_site": "hip", "dialysis": None},
                "labs": {"phosphate": {"value": 6.2, "unit": "mg/dL"}, "pth": None},
                "examination": {"mobile": False},
                "medication": {"warfarin": True},
                "age_years": 54,
                "sex": "F",
                "posture": "erect",
                "region": "hip",
                "images": {"1.2.3.4": {"posture": "supine"}, "1.2.3.5": {"posture": "unknown"}},
            },
        )
    )
    assert context.history == {"trauma": True, "trauma_weeks_ago": 6.0, "trauma_site": "hip"}
    assert context.labs["phosphate"].unit == "mmol/L"
    assert context.labs["phosphate"].value == pytest.approx(6.2 * 0.323)
    assert context.examination == {"mobile": False}
    assert context.medication == {"warfarin": True}
    assert (context.age_years, context.sex, context.posture, context.region) == (54, "F", Posture.ERECT, Region.HIP)
    assert context.image_postures == {"1.2.3.4": Posture.SUPINE}
    assert context.source == "context.json"


def test_an_empty_context_knows_nothing(tmp_path):
    context = read_context(written(tmp_path, {}))
    assert not context.history
    assert not context.labs
    assert context.posture is None


def test_every_mistake_is_named_with_its_key(tmp_path):
    lines = mistakes(
        tmp_path,
        {
            "histroy": {},
            "history": {"trauma": "yes", "trauma_weeks_ago": -1, "fall": True, "hyperparathyroidism_kind": "fourth"},
            "labs": {
                "phosphate": {"value": 40, "unit": "mmol/L"},
                "calcium_total": {"value": 2.4, "unit": "mol"},
                "sodium": {"value": 140, "unit": "mmol/L"},
                "pth": 3,
            },
            "age_years": 130,
            "sex": "X",
            "posture": "upright",
            "region": 7,
            "images": {"../x": {"posture": "erect"}, "1.2": {"position": "HFS"}, "1.3": "erect"},
            "study_instance_uid": "../../etc",
        },
    )
    keys = [line.split(": ")[1] for line in lines]
    assert all(line.startswith("context.json: ") for line in lines)
    assert sorted(keys) == sorted(
        [
            "histroy", "study_instance_uid", "history.trauma", "history.trauma_weeks_ago", "history.fall",
            "history.hyperparathyroidism_kind", "labs.phosphate.value", "labs.calcium_total.unit", "labs.sodium",
            "labs.pth", "age_years", "sex", "posture", "region", "images.../x", "images.1.2.position", "images.1.3",
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"age_years": NaN}', '{"age_years": 1e999}', "[" * 100_000, '{"sex": "F", "sex": "M"}']
)
def test_what_is_no_proper_json_object_is_an_error(tmp_path, content):
    assert mistakes(tmp_path, content)


def test_a_number_is_no_truth_value_and_the_reverse(tmp_path):
    assert mistakes(tmp_path, {"history": {"trauma": 1}})
    assert mistakes(tmp_path, {"age_years": True})


def test_other_bytes_and_too_many_are_errors(tmp_path):
    path = tmp_path / "context.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_context(path)
    with pytest.raises(ConfigurationError, match="max_context_bytes"):
        read_context(written(tmp_path, {"sex": "F"}), max_bytes=3)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_context(tmp_path / "absent.json")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "context.json"
    path.write_bytes(b'\xef\xbb\xbf{"sex": "F"}')
    assert read_context(path).sex == "F"


def test_a_message_never_holds_the_name_of_the_file(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        read_context(written(tmp_path, {"sex": "?\n\x1b[31m"}, name="Doe^Jane.json"))
    assert "Doe" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_the_study_of_a_context_is_told(tmp_path):
    assert context_study(written(tmp_path, {"study_instance_uid": "1.2.3"})) == "1.2.3"
    assert context_study(written(tmp_path, {})) is None


@pytest.mark.parametrize("name", LABS)
def test_every_unit_of_a_test_comes_in_the_first(tmp_path, name):
    test = LABS[name]
    middle = (test.possible.low + test.possible.high) / 2
    for unit, factor in test.units.items():
        read = read_context(written(tmp_path, {"labs": {name: {"value": middle / factor, "unit": unit}}})).labs[name]
        assert read.unit == next(iter(test.units))
        assert read.value == pytest.approx(middle)


@given(st.dictionaries(st.sampled_from(sorted(HISTORY)), st.one_of(st.none(), st.booleans(), st.floats(), st.text())))
def test_any_history_is_read_or_refused_by_name(tmp_path_factory, history):
    path = tmp_path_factory.mktemp("context") / "context.json"
    path.write_text(json.dumps({"history": history}))
    with contextlib.suppress(ConfigurationError):
        assert set(read_context(path).history) <= set(history)
