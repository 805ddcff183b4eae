"""Words for readers: numbers in reasons with their units, advice, the sentence that heads a page."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.report.templating import amount

Row = Mapping[str, Any]

LEARNED = re.compile(r"([a-z0-9 ]+?) (-?[0-9.]+(?:e[-+]?[0-9]+)?) speaks (for|against) it")
"""A reason that a learned curve gives: a measurement, its bare value, and which way it speaks."""
REFERENCE = re.compile(r" \(A\d{3}(?:, A\d{3})*\)")
"""Assertions named within a sentence that lists them at its end too."""
CLEAR_LEAD = 1 / 3
"""Probability below which nothing is said to lead. Own choice."""


def told(because: str, features: Mapping[str, Row]) -> str:
    """A reason in which measurements that a learned curve names have units; `features` are a lesion's, or none."""

    def with_unit(found: re.Match[str]) -> str:
        feature = features.get(found[1].strip().replace(" ", "_"), {})
        value = amount(feature["value"], feature["unit"]) if "value" in feature else found[2]
        return f"{found[1]} {value} ({found[3]} it)"

    return LEARNED.sub(with_unit, because)


def advice(text: str) -> str:
    """A recommendation without the references within it."""
    return REFERENCE.sub("", text)


def headline(results: Row, entity: Callable[[str], str]) -> str:
    """One sentence: what was found and what leads, if anything does. `entity` names an entity by its id."""
    status = results["study"]["status"]
    if status == "failed":
        return "This study could not be analysed."
    if status == "nothing_to_analyse":
        return "Nothing in this study could be analysed: it holds no radiograph or CT."
    count = len(results["lesions"])
    if not count:
        return "No soft-tissue calcification was found."
    first, *others = [f"{_low(entity(row['entity']))} ({row['probability']:.0%})" for row in results["differential"]]
    top = results["differential"][0]
    found = "One lesion was found" if count == 1 else f"{count} lesions were found"
    if top["probability"] < CLEAR_LEAD:
        return f"{found}. No cause stands out: {', '.join([first, *others[:1]])}."
    if top["entity"] == "no_calcification":
        unsure = "One possible lesion" if count == 1 else f"{count} possible lesions"
        return f"{unsure}: {' or '.join([first, *others[:1]])}."
    return f"{found}. Most probable: {first}."


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]
