"""configs/advice.yaml: examinations to ask for, and warnings."""

from pipeline.knowledge import records as r
from pipeline.knowledge.profile_reading import Vocabulary
from pipeline.knowledge.reading import Table
from pipeline.knowledge.vocabulary_reading import read_condition

SECTIONS = ("examinations", "warnings")


def read_advice(top: Table, words: Vocabulary) -> tuple[r.Advice, ...]:
    """All advice; an examination names the findings that it would settle, a warning none."""
    top.only(*SECTIONS)
    found = []
    for section in SECTIONS:
        for name, row in top.table(section).tables():
            advice = _advice(name, row, words)
            if bool(advice.answers) != (section == SECTIONS[0]):
                row.wrong("answers", "an examination names the findings that it settles, a warning names none")
            found.append(advice)
    return tuple(found)


def _advice(name: str, row: Table, words: Vocabulary) -> r.Advice:
    row.only("text", "between", "against", "only_if", "not_if", "answers", "assertions", "source")
    assertions = row.texts("assertions", words.assertions, "assertion")
    if not assertions and not row.has("source"):
        row.wrong("source", "missing; name assertions or a source")
    return r.Advice(
        name,
        row.text("text"),
        row.texts("between", words.entities.entities, "entity"),
        row.texts("against", words.entities.entities, "entity"),
        read_condition(row, words.entities, words.findings),
        row.texts("answers", words.findings, "finding"),
        assertions,
        row.text("source", "") if not row.has("source") else row.text("source"),
    )
