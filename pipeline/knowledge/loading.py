"""configs/ becomes `Knowledge`; every mistake of all files is told at once."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigurationError
from pipeline.knowledge import records as r
from pipeline.knowledge.advice_reading import read_advice
from pipeline.knowledge.codes import read_codes
from pipeline.knowledge.learned_reading import read_heed, with_learned
from pipeline.knowledge.places import configs, profile_path
from pipeline.knowledge.profile_reading import Vocabulary, read_profile
from pipeline.knowledge.reading import Mistakes, Table, read_yaml
from pipeline.knowledge.rule_reading import read_rules, refitted
from pipeline.knowledge.rules import LaboratoryKind, Rule
from pipeline.knowledge.settings_loading import read_settings
from pipeline.knowledge.vocabulary_reading import read_assertions, read_entities, read_findings, read_likelihoods

FILES: Mapping[str, str] = {
    "entities": "knowledge/entities.yaml",
    "findings": "knowledge/findings.yaml",
    "assertions": "knowledge/assertions.yaml",
    "likelihoods": "knowledge/likelihoods.yaml",
    "rules": "findings.yaml",
    "advice": "advice.yaml",
}
"""The files of configs/ beside profiles and settings."""
LEARNED = "learned_curves.json"
"""What measured rules have learned; written by training/finding_curves.py and training/finding_heed.py."""
SIGNS: Mapping[str, str] = {
    "entities": "entities",
    "findings": "findings",
    "assertions": "assertions",
    "likelihoods": "likelihoods",
    "measured": "rules",
    "examinations": "advice",
}
"""A key at the top of a file that tells what it is."""
SECTIONS = ("dicom", "segmentation", "batch", "report", "worker")
"""A file with one of these keys at the top holds settings."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that the program knows, in one profile. `digest` is the SHA-256 of everything that can change an answer.

    `heed`: by what the weights of a measured finding's presence and of its absence are multiplied; 1 where not named.
    """

    groups: Mapping[str, str]
    entities: Mapping[str, r.Entity]
    findings: Mapping[str, r.FindingKind]
    likelihoods: Mapping[tuple[str, str], r.Likelihood]
    factors: tuple[r.Factor, ...]
    prior_indeterminate: float
    profile: r.Profile
    rules: tuple[Rule, ...]
    laboratory: Mapping[str, LaboratoryKind]
    advice: tuple[r.Advice, ...]
    heed: Mapping[str, tuple[float, float]]
    digest: str

    @property
    def assertions(self) -> tuple[r.Assertion, ...]:
        """The assertions as the profile reads them."""
        return self.profile.assertions

    def label(self, entity: str) -> str:
        """The name of an entity or answer as a report shows it."""
        return self.entities[entity].label if entity in self.entities else entity.replace("_", " ").capitalize()

    def group(self, entity: str) -> str:
        """The group of an entity; the two other answers are groups of their own."""
        return self.entities[entity].group if entity in self.entities else entity


def load_knowledge(profile: str | Path, feature_names: frozenset[str] | None) -> Knowledge:
    """The knowledge of configs/ in a profile: "seed", "literature", or the path of a file.

    `feature_names` are the features that rules may name; None leaves them unchecked. Raises ConfigurationError with
    one line for each mistake, sorted by file and line.
    """
    mistakes = Mistakes()
    knowledge = _load(_paths(), profile_path(profile), feature_names, mistakes)
    if mistakes.told:
        raise ConfigurationError("\n".join(_sorted(mistakes.told)))
    return knowledge


def check_file(path: Path, feature_names: frozenset[str] | None = None) -> tuple[str, ...]:
    """The mistakes of one knowledge, profile or settings file, read in the place of the program's own."""
    mistakes = Mistakes()
    top = read_yaml(path, mistakes)
    if mistakes.told:
        return _sorted(mistakes.told)
    sign = next((SIGNS[key] for key in top.entries if key in SIGNS), None)
    if top.has("measurements"):
        read_codes(top)
    elif sign is not None:
        paths = dict(_paths())
        paths[sign] = path
        _load(paths, profile_path("seed"), feature_names, mistakes)
    elif any(key in SECTIONS for key in top.entries):
        read_settings(top)
    elif top.has("name") or top.has("based_on") or top.has("changes"):
        _load(_paths(), path, feature_names, mistakes)
    else:
        signs = ", ".join((*SIGNS, *SECTIONS, "name"))
        mistakes.add(f"{path}:1", "(file)", f"neither knowledge, profile nor settings; begin with one of {signs}")
    return _sorted(mistakes.told)


def _paths() -> Mapping[str, Path]:
    return {name: configs() / file for name, file in FILES.items()}


def _load(
    paths: Mapping[str, Path], profile: Path, feature_names: frozenset[str] | None, mistakes: Mistakes
) -> Knowledge:
    """Read all files; mistakes are noted, and what comes back is to be used only when there are none."""
    tables = {name: read_yaml(path, mistakes) for name, path in paths.items()}
    entities = read_entities(tables["entities"])
    findings = read_findings(tables["findings"])
    assertions = read_assertions(tables["assertions"], entities, findings)
    likelihoods = read_likelihoods(tables["likelihoods"], entities.entities, findings)
    rules, laboratory = read_rules(tables["rules"], findings, feature_names)
    words = Vocabulary(entities, findings, {a.id: a for a in assertions})
    top = read_yaml(profile, mistakes)
    base = _base(top, mistakes)
    chosen = read_profile(top, base, words)
    for table in (base, top):
        rules = refitted(rules, table.table("fitted")) if table is not None else rules
    rules = with_learned(rules, configs() / LEARNED, feature_names, mistakes)
    heed = read_heed(configs() / LEARNED, findings, mistakes)
    advice = read_advice(tables["advice"], words)
    knowledge = Knowledge(
        entities.groups, entities.entities, findings, likelihoods, entities.factors + chosen.factors,
        entities.prior_indeterminate, chosen, rules, laboratory, advice, heed, "",
    )  # fmt: skip
    return dataclasses.replace(knowledge, digest=digest(knowledge))


def _base(top: Table, mistakes: Mistakes) -> Table | None:
    """The profile that `top` is based on: one that comes with the program."""
    if not top.has("based_on"):
        return None
    shipped = {p.stem: p for p in (configs() / "profiles").glob("*.yaml")}
    base = top.choice("based_on", shipped, "profile")
    if base not in shipped:
        return None
    table = read_yaml(shipped[base], mistakes)
    if table.has("based_on"):
        top.wrong("based_on", f"{base} is itself based on another; name the one below")
    return table


def digest(knowledge: Knowledge) -> str:
    """SHA-256 of the knowledge as sorted JSON; comments and the layout of the files do not matter, all values do."""
    return hashlib.sha256(json.dumps(knowledge, sort_keys=True, default=_canonical).encode()).hexdigest()


def _canonical(value: object) -> object:
    """Records as lists with their class, sets sorted, keys as text: what JSON has no form for."""
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    kind: Any = type(value)
    return [kind.__name__, [_with_text_keys(getattr(value, name)) for name in _fields(kind)]]


def _with_text_keys(value: object) -> object:
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else value


@lru_cache(maxsize=64)
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind) if f.name != "digest")


def _sorted(told: list[str]) -> tuple[str, ...]:
    """By file and line, each mistake once."""

    def place(line: str) -> tuple[str, int]:
        file, number, *_ = line.split(":", 2)
        return file, int(number) if number.isdigit() else 0

    return tuple(sorted(dict.fromkeys(told), key=place))
