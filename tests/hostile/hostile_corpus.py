"""The whole corpus: every item of the catalogue with the outcome it states, made by script, nothing kept."""

import hostile_geometry  # noqa: F401  each fills the list
import hostile_pixels  # noqa: F401
import hostile_structure  # noqa: F401
import hostile_text  # noqa: F401
from hostile_cases import CASES, Case

WHOLE: tuple[Case, ...] = tuple(CASES)
MOST_ANALYSED = 14
"""Of the sample: a study that is analysed takes a second and more, one that is refused a tenth."""


def sample() -> tuple[Case, ...]:
    """All cases that are only refused, and some that are analysed, spread over the catalogue; not the largest."""
    small = [one for one in WHOLE if not one.whole_only]
    quick = [one for one in small if "analysed" not in one.expected]
    slow = [one for one in small if "analysed" in one.expected]
    return (*quick, *slow[:: -(-len(slow) // MOST_ANALYSED)])
