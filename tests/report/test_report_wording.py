"""What is measured or leading is said so that a reader understands it at once."""

from typing import Any

import pytest

from pipeline.report.templating import amount, percent
from pipeline.report.wording import advice, headline, told


def test_a_learned_reason_gets_its_unit() -> None:
    features = {"depth_from_skin": {"value": 46.61, "unit": "mm"}}
    because = "parts of 8 mm, depth from skin 46.6 speaks for it, rings 3 speaks against it"
    assert told(because, features) == "parts of 8 mm, depth from skin 46.6 mm (for it), rings 3 (against it)"
    assert told("fills 86% of its hull", features) == "fills 86% of its hull"


def test_advice_does_not_name_twice_what_it_rests_on() -> None:
    assert advice("Thin bone speaks for one (A139), a level for the other (A110, A112): ask.") == (
        "Thin bone speaks for one, a level for the other: ask."
    )


@pytest.mark.parametrize(
    ("lesions", "ranked", "said"),
    [
        (0, [("no_calcification", 0.9)], "No soft-tissue calcification was found."),
        (1, [("Gout", 0.8), ("Lipoma", 0.1)], "One lesion was found. Most probable: gout (80%)."),
        (2, [("Gout", 0.2), ("Lipoma", 0.1)], "2 lesions were found. No cause stands out: gout (20%), lipoma (10%)."),
        (
            3,
            [("no_calcification", 0.6), ("Gout", 0.3)],
            "3 possible lesions: no calcification (60%) or gout (30%).",
        ),
    ],
)
def test_the_headline_says_what_leads_if_anything_does(lesions: int, ranked: list[Any], said: str) -> None:
    results = {
        "study": {"status": "analysed"},
        "lesions": [{}] * lesions,
        "differential": [{"entity": entity, "probability": share} for entity, share in ranked],
    }
    assert headline(results, lambda key: key.replace("_", " ")) == said


def test_what_is_nearly_none_or_all_is_not_rounded_to_it() -> None:
    assert [percent(p) for p in (0, 0.004, 0.5, 0.994, 0.999, 1)] == ["0%", "<1%", "50%", "99%", ">99%", "100%"]
    assert amount(0.0, "mm") == "0 mm"
    assert amount(0.004, "mm") == "0.00 mm"
