"""The published schemas accept the files that come with the program and refuse broken ones."""

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.knowledge.loading import check_file
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


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_schema_that_editors_read_is_the_published_one_and_each_file_names_it(name: str) -> None:
    written = configs() / "schemas" / f"{name}.json"
    assert json.loads(written.read_text()) == json.loads(json.dumps(schemas()[name]))
    file = configs() / FILES[name]
    first, _, where = file.read_text().splitlines()[0].partition("$schema=")
    assert first == "# yaml-language-server: "
    assert (file.parent / where).resolve() == written.resolve()


def test_the_example_of_a_site_profile_is_accepted() -> None:
    example = configs() / "examples" / "example-site.yaml"
    assert check_file(example) == ()
    assert list(Draft202012Validator(schemas()["profile"]).iter_errors(yaml.safe_load(example.read_text()))) == []
