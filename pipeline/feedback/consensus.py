"""What readers say together of one study. Where they disagree, nothing holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.feedback.said import Box, Said

INDETERMINATE = "indeterminate"
"""Diagnosis of a study that fits no entity of the program."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A lesion that was missed: the uid of its image, and a box around it."""

    image: str
    box: Box


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one study: whether each lesion of one result is right, what was missed, and the diagnosis if it was told.

    `lesions` lack what was not said or is disputed. `other` are the words of a diagnosis that is no entity; `entity` is
    then `indeterminate`. `first` and `last` are the times of what was said, seconds since the epoch.
    """

    study: str
    result: str
    lesions: Mapping[int, bool]
    missed: tuple[Drawn, ...]
    entity: str | None
    other: str | None
    first: float
    last: float


def verdict(said: Sequence[Said]) -> Verdict | None:
    """What the statements that hold say of their study together; None when there are none.

    Lesions are those of the newest result of which lesions were marked: their numbers mean nothing in another.
    """
    if not said:
        return None
    marked = [s for s in said if s.lesion is not None]
    result = (marked or said)[-1].result
    opinions: dict[int, set[bool]] = {}
    for one in marked:
        if one.result == result and one.lesion is not None:
            opinions.setdefault(one.lesion, set()).add(one.mark == "right")
    told = {(s.entity or INDETERMINATE, s.other) for s in said if s.mark == "diagnosis"}
    entities = {entity for entity, _ in told}
    return Verdict(
        said[0].study,
        result,
        {lesion: found.pop() for lesion, found in sorted(opinions.items()) if len(found) == 1},
        tuple(dict.fromkeys(Drawn(s.image, s.box) for s in said if s.image is not None and s.box is not None)),
        entities.pop() if len(entities) == 1 else None,
        next((other for _, other in told if other), None) if len(told) == 1 else None,
        min(s.time for s in said),
        max(s.time for s in said),
    )
