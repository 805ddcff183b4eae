"""One statement of a reader about a result, checked against that result and what the program knows."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pipeline.errors import InputError
from pipeline.knowledge.nearest import nearest

Mark = Literal["right", "wrong", "missed", "diagnosis", "withdrawn"]
MARKS: tuple[Mark, ...] = get_args(Mark)
KEYS = ("mark", "lesion", "image", "box", "slices", "about", "entity", "other", "reader", "result")
MOST_WORDS = 200
"""Characters of a free diagnosis and of a reader's name."""
LEAST_SIDE = 0.002
"""Least side of a drawn box, as a share of the image: less is a click that slipped."""
DIAGNOSIS = "diagnosis"

Row = Mapping[str, Any]
Box = tuple[tuple[int, ...], tuple[int, ...]]
"""First and last index, both inside: (row, col), or (slice, row, col)."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a reader said. `about` names what it is about: "lesion:3", "missed:ID" or "diagnosis".

    `result` is the digest of the result that the reader saw, `image` its SOP Instance UID or, on CT, its Series
    Instance UID. A diagnosis is an entity, "no_calcification", or free words in `other`. `reader` may be empty.
    `time` is in seconds since the epoch, 0 until it is stored.
    """

    study: str
    result: str
    about: str
    mark: Mark
    lesion: int | None = None
    image: str | None = None
    box: Box | None = None
    entity: str | None = None
    other: str | None = None
    reader: str = ""
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader looks at: content of results.json, its digest, and the diagnoses that can be named."""

    results: Row
    digest: str
    diagnoses: Collection[str]


class StaleError(InputError):
    """The statement is about an older result than the one that is there."""


def read_said(asked: object, seen: Seen, token: str) -> Said:
    """A statement as the page sends it, checked. InputError says what is wrong, StaleError that the page is old.

    `token` names a new box; the keys are KEYS. A box comes as shares of the image: [top, left, bottom, right], on CT
    with `slices` [first, last], counted from 1.
    """
    if not isinstance(asked, Mapping):
        raise InputError("a statement is a JSON object with a mark; see the keys in the documentation of feedback")
    for key in asked:
        if key not in KEYS:
            raise InputError(f"{_shown(key)}: not a key here{nearest(str(key), KEYS)}")
    mark = asked.get("mark")
    if mark not in MARKS:
        raise InputError(f"mark: {_shown(mark)} is none of {', '.join(MARKS)}")
    if asked.get("result", seen.digest) != seen.digest:
        raise StaleError("the study was analysed again since this page was opened: reload it")
    study, reader = str(seen.results["study"]["study_instance_uid"]), _words(asked, "reader")
    match mark:
        case "right" | "wrong":
            lesion, image = _lesion(asked, seen.results)
            return Said(study, seen.digest, f"lesion:{lesion}", mark, lesion, image, reader=reader)
        case "missed":
            image, box = _box(asked, seen.results)
            return Said(study, seen.digest, f"missed:{token}", mark, image=image, box=box, reader=reader)
        case "diagnosis":
            entity, other = _diagnosis(asked, seen.diagnoses)
            return Said(study, seen.digest, DIAGNOSIS, mark, entity=entity, other=other, reader=reader)
        case _:
            return Said(study, seen.digest, _about(asked), "withdrawn", reader=reader)


def _lesion(asked: Row, results: Row) -> tuple[int, str]:
    """Number of a lesion and the uid of its image."""
    number = asked.get("lesion")
    known = {row["id"]: row["image"] for row in results["lesions"]}
    if isinstance(number, bool) or not isinstance(number, int) or number not in known:
        raise InputError(f"lesion: {_shown(number)} is not among the {len(known)} lesions of this result")
    return number, image_uid(results["images"][known[number]])


def _box(asked: Row, results: Row) -> tuple[str, Box]:
    """The image and the box in its indices."""
    images = {image_uid(row): row for row in results["images"]}
    uid = asked.get("image")
    if not isinstance(uid, str) or uid not in images:
        raise InputError(f"image: {_shown(uid)} is no image of this study")
    shape = images[uid]["shape"]
    shares = _numbers(asked, "box", 4)
    top, left, bottom, right = shares
    if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
        raise InputError("box: give [top, left, bottom, right] as shares of the image, 0 to 1, top before bottom")
    if bottom - top < LEAST_SIDE or right - left < LEAST_SIDE:
        raise InputError("box: too small to be seen; draw it around the lesion")
    first = (_index(top, shape[-2]), _index(left, shape[-1]))
    last = (max(first[0], _index(bottom, shape[-2], end=True)), max(first[1], _index(right, shape[-1], end=True)))
    if len(shape) == 2:
        return uid, (first, last)
    low, high = _numbers(asked, "slices", 2)
    if not (low == int(low) and high == int(high) and 1 <= low <= high <= shape[0]):
        raise InputError(f"slices: give [first, last], whole numbers from 1 to {shape[0]}")
    return uid, ((int(low) - 1, *first), (int(high) - 1, *last))


def _index(share: float, count: int, *, end: bool = False) -> int:
    """The index in which a share of an axis lies; of an end, the last index before it."""
    at = math.ceil(share * count) - 1 if end else math.floor(share * count)
    return min(max(at, 0), count - 1)


def _numbers(asked: Row, key: str, count: int) -> Sequence[float]:
    given = asked.get(key)
    numbers = given if isinstance(given, list) else []
    if len(numbers) != count or any(
        isinstance(n, bool) or not isinstance(n, int | float) or not math.isfinite(n) for n in numbers
    ):
        raise InputError(f"{key}: give a list of {count} numbers")
    return [float(n) for n in numbers]


def _diagnosis(asked: Row, diagnoses: Collection[str]) -> tuple[str | None, str | None]:
    """An entity, or free words."""
    entity, other = asked.get("entity"), _words(asked, "other")
    if (entity is None) == (not other):
        raise InputError("diagnosis: give one of entity and other")
    if entity is not None and entity not in diagnoses:
        raise InputError(f"entity: unknown entity {_shown(entity)}{nearest(str(entity), diagnoses)}")
    return entity, other or None


def _about(asked: Row) -> str:
    """What is withdrawn."""
    about = asked.get("about")
    kind, _, name = about.partition(":") if isinstance(about, str) else ("", "", "")
    if about != DIAGNOSIS and not (kind in ("lesion", "missed") and name.isalnum() and len(name) <= MOST_WORDS):
        raise InputError(f'about: {_shown(about)} is none of "lesion:NUMBER", "missed:ID" and "{DIAGNOSIS}"')
    return str(about)


def _words(asked: Row, key: str) -> str:
    """Free words on one line, empty where there are none."""
    given = asked.get(key) or ""
    if not isinstance(given, str) or len(given) > MOST_WORDS or not (given.isprintable()):
        raise InputError(f"{key}: give one line of at most {MOST_WORDS} characters")
    return given.strip()


def _shown(value: object) -> str:
    """A value as an error names it: short, on one line."""
    return repr(value)[:60]


def image_uid(row: Row) -> str:
    """The SOP instance of a radiograph, the series of a CT, of a row of `images` in results.json."""
    return str(row["sop_instance_uid"] or row["series_instance_uid"])
