"""A profile: numbers, and changes to how the founding text is read. See configs/profiles/seed.yaml."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pipeline.knowledge import records as r
from pipeline.knowledge.nearest import nearest
from pipeline.knowledge.reading import Table
from pipeline.knowledge.vocabulary_reading import Entities, read_condition, read_factor

WORDS = ("strength", "likelihoods")
NUMBERS: Mapping[str, tuple[float, float]] = {
    "largest_estimate": (0.1, 10),
    "highest_share": (0.5, 0.999),
    "second_process": (0.0001, 0.9),
    "lesions_power": (0, 1),
    "notable_share": (0.001, 0.9),
}
TABLES: Mapping[str, tuple[float, float]] = {
    "strengths": (0, 10),
    "ceilings": (0.0001, 0.5),
    "widening": (0, 1),
    "temperature": (0.1, 10),
    "nothing_missed": (0.01, 0.999),
    "trust_offset": (-6, 6),
    "trust_weight": (0.1, 6),
    "trust_findings": (0, 6),
}
PLAIN = ("name", "title", "based_on", "weights", "origins", "drop", "changes", "fitted")
"""Keys of a profile that are neither numbers nor tables of numbers."""
KINDS = ("assertion", "weight", "equal", "borrow", "yield", "damp", "likelihood", "factor")
CONDITION = ("only_if", "not_if", "only_if_absent", "any_of")
ALL = "all"
"""Stands for every entity in a weight."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a profile may name."""

    entities: Entities
    findings: Collection[str]
    assertions: Mapping[str, r.Assertion]


def read_profile(top: Table, base: Table | None, words: Vocabulary) -> r.Profile:
    """The profile of `top`, on top of its base where it names one."""
    for table in (base, top):
        if table is not None:
            table.only(*PLAIN, *NUMBERS, *TABLES)
    dropped = frozenset(top.texts("drop"))
    rows = [row for row in (base.rows("changes") if base else ()) if row.text("id") not in dropped]
    rows += list(top.rows("changes"))
    known = {row.text("id") for row in (base.rows("changes") if base else ())}
    for word in dropped - known:
        top.wrong("drop", f"unknown change {word}{nearest(word, known)}")
    changes = _Changes(words, {a.id: a for a in words.assertions.values()})
    for row in rows:
        changes.read(row)
    weights = (top if top.has("weights") or base is None else base).choice("weights", WORDS, "word")
    origins = (top if top.has("origins") or base is None else base).texts("origins", r.ORIGINS, "origin")
    return changes.profile(
        r.Profile(
            top.text("name"), top.text("title"), weights == WORDS[0], frozenset(origins), _numbers(top, base, words), ()
        )
    )  # fmt: skip


def _numbers(top: Table, base: Table | None, words: Vocabulary) -> r.Numbers:
    """Each number from the profile, else from its base."""

    def where(key: str) -> Table:
        return base if base is not None and not top.has(key) else top

    values: dict[str, float] = {key: where(key).number(key, *limits) for key, limits in NUMBERS.items()}
    tables = {key: where(key).table(key).numbers(*limits) for key, limits in TABLES.items()}
    for key, needed in (("strengths", r.STRENGTHS), ("widening", r.STRENGTHS), ("ceilings", ("certain", "strong"))):
        for word in needed:
            if word not in tables[key]:
                where(key).wrong(key, f"{word} is missing; give it a number")
    for key in ("temperature", "nothing_missed", "trust_offset", "trust_weight"):
        for word in ("radiograph", "ct"):
            if word not in tables[key]:
                where(key).wrong(key, f"{word} is missing; give it a number")
    for finding in set(tables["trust_findings"]).difference(words.findings):
        where("trust_findings").wrong("trust_findings", f"unknown finding {finding}{nearest(finding, words.findings)}")
    return r.Numbers(
        strengths=tables["strengths"],
        ceilings=tables["ceilings"],
        temperature=tables["temperature"],
        nothing_missed=tables["nothing_missed"],
        trust_offset=tables["trust_offset"],
        trust_weight=tables["trust_weight"],
        trust_findings=tables["trust_findings"],
        widening=tables["widening"],
        largest_estimate=values["largest_estimate"],
        highest_share=values["highest_share"],
        second_process=values["second_process"],
        lesions_power=values["lesions_power"],
        notable_share=values["notable_share"],
    )


class _Changes:
    """Gathers the changes of a profile row by row."""

    def __init__(self, words: Vocabulary, assertions: dict[str, r.Assertion]) -> None:
        self.words = words
        self.assertions = assertions
        self.stated: set[str] = set()
        self.subtype_only: set[str] = set()
        self.weights: list[r.FixedWeight] = []
        self.equals: list[r.Equal] = []
        self.borrowed: list[r.Borrowed] = []
        self.yielding: list[r.Yielding] = []
        self.damped: list[r.Damped] = []
        self.likelihoods: list[r.ModalityLikelihood] = []
        self.factors: list[r.Factor] = []
        self.notes: dict[str, str] = {}

    def profile(self, frame: r.Profile) -> r.Profile:
        """The frame with all changes."""
        return replace(
            frame,
            assertions=tuple(self.assertions.values()),
            stated=frozenset(self.stated),
            subtype_only=frozenset(self.subtype_only),
            weights=tuple(self.weights),
            equals=tuple(self.equals),
            borrowed=tuple(self.borrowed),
            yielding=tuple(self.yielding),
            damped=tuple(self.damped),
            likelihoods=tuple(self.likelihoods),
            factors=tuple(self.factors),
            notes=self.notes,
        )

    def read(self, row: Table) -> None:
        """One change; exactly one of KINDS."""
        name = row.text("id")
        if row.has("note"):
            self.notes[name] = row.text("note")
        kinds = [kind for kind in KINDS if row.has(kind)]
        if len(kinds) != 1:
            row.wrong("id", f"{name} must have exactly one of {', '.join(KINDS)}")
            return
        getattr(self, f"_{kinds[0]}")(name, row)

    def _assertion(self, name: str, row: Table) -> None:
        row.only("id", "note", "assertion", "off", "direction", "strength", "subtype_only", *CONDITION)
        which = row.choice("assertion", self.assertions, "assertion")
        if which not in self.assertions:
            return
        old = self.assertions[which]
        if row.flag("off", False):
            self.assertions[which] = replace(old, direction="neutral", acts="nothing", how=self.notes.get(name, "off"))
            return
        if row.flag("subtype_only", False):
            self.subtype_only.add(which)
        direction = row.choice("direction", r.DIRECTIONS, "direction") if row.has("direction") else old.direction
        strength = row.choice("strength", r.STRENGTHS, "strength") if row.has("strength") else old.strength
        if row.has("direction") or row.has("strength"):
            self.stated.add(which)
        acts = "weight" if direction in ("for", "against", "requires") and old.acts == "exclusion" else old.acts
        condition = old.condition
        if any(row.has(key) for key in CONDITION):
            condition = read_condition(row, self.words.entities, self.words.findings)
        self.assertions[which] = replace(old, direction=direction, strength=strength, acts=acts, condition=condition)

    def _inner(self, row: Table, kind: str, *keys: str) -> Table:
        row.only("id", "note", "claim", "source", kind)
        inner = row.table(kind)
        inner.only(*keys)
        return inner

    def _finding(self, row: Table) -> str:
        return row.choice("finding", self.words.findings, "finding")

    def _entity(self, row: Table, key: str = "entity") -> str:
        return row.choice(key, self.words.entities.entities, "entity")

    def _condition(self, row: Table) -> r.Condition:
        return read_condition(row, self.words.entities, self.words.findings)

    def _weight(self, name: str, row: Table) -> None:
        inner = self._inner(row, "weight", "finding", "entity", "present", "absent", "assertions", *CONDITION)
        about = [self._entity(inner)] if inner.text("entity") != ALL else list(self.words.entities.entities)
        present, absent = inner.optional_number("present", -10, 10), inner.optional_number("absent", -10, 10)
        fixed = (row.text("source"), row.text("claim"), self._condition(inner))
        named = inner.texts("assertions", self.assertions, "assertion")
        self.weights += [r.FixedWeight(name, self._finding(inner), e, present, absent, *fixed, named) for e in about]

    def _equal(self, name: str, row: Table) -> None:
        inner = self._inner(row, "equal", "finding", "entities", "like")
        entities = inner.texts("entities", self.words.entities.entities, "entity")
        like = inner.choice("like", self.assertions, "assertion")
        self.equals.append(r.Equal(name, self._finding(inner), entities, like))

    def _borrow(self, name: str, row: Table) -> None:
        inner = self._inner(row, "borrow", "findings", "of", "to", *CONDITION)
        findings = inner.texts("findings", self.words.findings, "finding")
        of, to = self._entity(inner, "of"), self._entity(inner, "to")
        self.borrowed.append(r.Borrowed(name, findings, of, to, row.text("source"), self._condition(inner)))

    def _yield(self, name: str, row: Table) -> None:
        inner = self._inner(row, "yield", "assertions", "to", "indeterminate", "entities")
        assertions = inner.texts("assertions", self.assertions, "assertion")
        to = inner.choice("to", self.words.findings, "finding")
        entities = inner.texts("entities", self.words.entities.entities, "entity")
        least = inner.number("indeterminate", 0, 0.9)
        self.yielding.append(r.Yielding(name, assertions, to, least, row.text("note"), entities))

    def _damp(self, name: str, row: Table) -> None:
        inner = self._inner(row, "damp", "findings", "entity", "times", *CONDITION)
        findings = inner.texts("findings", self.words.findings, "finding")
        times = inner.number("times", 0, 1)
        self.damped.append(r.Damped(name, findings, self._entity(inner), times, self._condition(inner)))

    def _likelihood(self, name: str, row: Table) -> None:
        inner = self._inner(row, "likelihood", "finding", "entity", "modality", "p")
        where = inner.choice("modality", ("radiograph", "ct"), "modality")
        p = inner.number("p", 0.0005, 0.9995)
        source = row.text("source")
        self.likelihoods.append(
            r.ModalityLikelihood(name, self._finding(inner), self._entity(inner), where, p, source)
        )  # fmt: skip

    def _factor(self, name: str, row: Table) -> None:
        row.only("id", "note", "source", "factor")
        self.factors.append(read_factor(row.table("factor"), self.words.entities.entities, row.text("source")))
