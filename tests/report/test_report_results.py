"""results.json obeys its published schema, whatever happened to the study."""

import csv
import io
import json
from importlib.resources import files

import jsonschema
import pytest
from builders import analysis, lesion_at, radiograph, volume

from pipeline.model.known import Unknown
from pipeline.model.result import Software
from pipeline.report.files import summary_csv
from pipeline.report.result_json import analysis_as_json, failure_as_json
from pipeline.report.worklist import summary_row


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((files("pipeline.report") / "results.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_an_analysed_radiograph_obeys_the_schema(validator: jsonschema.Draft202012Validator) -> None:
    results = analysis_as_json(analysis(), ("labels/1.2.3.1.png",))
    validator.validate(json.loads(json.dumps(results)))
    assert results["study"]["status"] == "analysed"
    assert results["lesions"][0]["bbox"] == [[20, 10], [39, 29]]
    assert results["lesions"][0]["centroid"] == [29.5, 19.5]


def test_a_ct_obeys_the_schema(validator: jsonschema.Draft202012Validator) -> None:
    results = analysis_as_json(analysis(image=volume()), ("labels/1.2.3.nii.gz",))
    validator.validate(json.loads(json.dumps(results)))
    assert results["images"][0]["sop_instance_uid"] is None
    assert results["images"][0]["spacing_mm"] == [2.0, 1.0, 1.0]


def test_an_unknown_spacing_is_null_with_its_reason(validator: jsonschema.Draft202012Validator) -> None:
    image = radiograph(spacing_mm=Unknown("PixelSpacing absent"), gravity=Unknown("runs along the beam"))
    row = analysis_as_json(analysis(image=image), (None,))["images"][0]
    assert row["spacing_mm"] is None
    assert row["spacing_source"] == "unknown: PixelSpacing absent"
    assert row["gravity"] is None


def test_a_study_without_images_obeys_the_schema(validator: jsonschema.Draft202012Validator) -> None:
    empty = analysis(images=(), segmentations=(), lesions=(), findings=())
    results = analysis_as_json(empty, ())
    validator.validate(results)
    assert results["study"]["status"] == "nothing_to_analyse"
    assert results["differential"] == results["recommendations"] == []


def test_a_failure_obeys_the_schema_and_says_why(validator: jsonschema.Draft202012Validator) -> None:
    results = failure_as_json("1.2.3", "ran out of memory", Software("0.1.0", "0" * 64, "1" * 64, "seed"), ())
    validator.validate(results)
    assert results["study"]["reason"] == "ran out of memory"


def test_what_could_not_be_assessed_stands_once_with_what_would_help() -> None:
    rows = analysis_as_json(analysis(), (None,))["not_assessable"]
    assert rows == [{"finding": "bone_demineralization", "reason": "not measured", "would_help": "CT"}]


def test_lesions_belong_to_the_image_they_lie_on() -> None:
    first, second = radiograph(), radiograph()
    box = (slice(5, 9), slice(5, 9))
    lesions = (lesion_at(box, first.shape), lesion_at(box, first.shape, number=2, image=1))
    whole = analysis(images=(first, second), segmentations=analysis().segmentations * 2, lesions=lesions)
    rows = analysis_as_json(whole, (None, None))["images"]
    assert [row["lesions"] for row in rows] == [[1], [2]]


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "a\nb"])
def test_no_cell_of_the_summary_is_a_formula_or_a_line_break(cell: str) -> None:
    row = {**summary_row(analysis_as_json(analysis(), (None,)), "x"), "reason": cell}
    table = list(csv.DictReader(io.StringIO(summary_csv([row]))))
    assert len(table) == 1
    assert not table[0]["reason"].startswith(("=", "+", "-", "@"))


def test_negative_numbers_stay_numbers() -> None:
    row = {**summary_row(analysis_as_json(analysis(), (None,)), "x"), "seconds": -1.5}
    assert "-1.5" in summary_csv([row])
    assert "'-1.5" not in summary_csv([row])
