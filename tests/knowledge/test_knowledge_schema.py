"""The published schemas accept the files that come with the program and refuse broken ones."""

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.knowledge.places import configs
from pipeline.knowledge.schema import schemas

FILES = {
    "entities": "knowledge/entities.yaml",
    "findings": "knowledge/findings.yaml",
    "assertions": "knowledge/assertions.yaml",
    "likelihoods": "knowledge/likelihoods.yaml",
    "rules": "findings.yaml",
    "advice": "advice.yaml",
    "profile": "profiles/seed.yaml",
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_comes_with_the_program_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])
    content = yaml.safe_load((configs() / FILES[name]).read_text())
    assert [e.message for e in Draft202012Validator(schemas()[name]).iter_errors(content)] == []


def test_an_unknown_key_is_refused() -> None:
    broken = {
        "findings": {"x": {"label": "x", "description": "x", "level": "lesion", "origin": "founding", "colour": 1}}
    }
    assert not Draft202012Validator(schemas()["findings"]).is_valid(broken)
