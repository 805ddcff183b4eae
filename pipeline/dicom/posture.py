"""Posture of the patient from every place of a header that may tell it.

Each place narrows the five postures to those it allows ("recumbent" leaves four). What all places together leave
decides: one posture is known, several are unknown, none is a contradiction, which is unknown too and said.
Order and meaning of the places: PatientOrientationCodeSequence (DICOM CID 19 and 20), PatientPosition (PS3.3
C.7.3.1.1.2), view codes and TableAngle, words in descriptions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom import Dataset

from pipeline.dicom import words
from pipeline.dicom.headers import codes, number, text
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.vocabulary import Posture

UPRIGHT_TABLE_DEG = 75.0
"""TableAngle (0 lying, 90 upright) from which a tilting table stands; below, it says nothing."""

_ANY = frozenset(Posture)
_LYING = _ANY - {Posture.ERECT}
_ON_A_SIDE = frozenset({Posture.LEFT_DECUBITUS, Posture.RIGHT_DECUBITUS})
_CROSS_TABLE_CODE = "111069"
_FROM_CODE = {
    # NCIt and SCT codes of CID 19 and 20, with the older SRT forms that senders still write
    "C86043": words.ERECT,
    "F-10440": words.UPRIGHT_ONLY,
    "F-10320": words.UPRIGHT_ONLY,
    "10904000": words.UPRIGHT_ONLY,
    "33586001": words.SITTING,
    "F-103A0": words.SITTING,
    "102539006": words.SEMI_ERECT,
    "F-10460": words.SEMI_ERECT,
    "102538003": words.LYING,
    "F-10450": words.LYING,
    "40199007": words.SUPINE,
    "F-10340": words.SUPINE,
    "1240000": words.PRONE,
    "F-10310": words.PRONE,
    "32185000": words.ON_A_SIDE,
    "F-10318": words.ON_A_SIDE,
    "102536004": words.LEFT_DOWN,
    "F-10319": words.LEFT_DOWN,
    "102535000": words.RIGHT_DOWN,
    "F-10317": words.RIGHT_DOWN,
}
_ALLOWS = {
    words.ERECT: frozenset({Posture.ERECT}),
    words.UPRIGHT_ONLY: frozenset({Posture.ERECT}),
    words.SITTING: frozenset({Posture.ERECT}),
    words.SEMI_ERECT: frozenset({Posture.ERECT}),
    words.LYING: _LYING,
    words.SUPINE: frozenset({Posture.SUPINE}),
    words.PRONE: frozenset({Posture.PRONE}),
    words.LEFT_DOWN: frozenset({Posture.LEFT_DECUBITUS}),
    words.RIGHT_DOWN: frozenset({Posture.RIGHT_DECUBITUS}),
    words.ON_A_SIDE: _ON_A_SIDE,
    words.CROSS_TABLE: _LYING,
    words.HORIZONTAL_BEAM: _ANY,
    words.NOT_ERECT: _LYING,
    words.NOT_SUPINE: _ANY - {Posture.SUPINE},
    words.NOT_PRONE: _ANY - {Posture.PRONE},
}
_POSITIONS = {
    "S": Posture.SUPINE,
    "P": Posture.PRONE,
    "DL": Posture.LEFT_DECUBITUS,
    "DR": Posture.RIGHT_DECUBITUS,
}
_IMAGE_TEXTS = ("ViewPosition", "SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
_STUDY_TEXTS = ("PerformedProcedureStepDescription", "StudyDescription")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one place of the header says: the postures it allows and the words of `words` it used."""

    allows: frozenset[Posture]
    meanings: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Stance:
    """Posture with all that was said about it; `notes` name contradictions and what was overridden."""

    posture: Maybe[Posture]
    meanings: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def stance(ds: Dataset, context: ClinicalContext, *, uid: str | None, view: str | None) -> Stance:
    """Posture of the patient on the image of `ds`, whose SOP Instance UID is `uid` (None for a CT series).

    The context's posture for this very image stands above the header; its study-wide posture fills silence only.
    `view` (AP, PA) tells on which side a patient lies of whom only lying is said.
    """
    said = tuple(statements(ds))
    found = _agreed(said, view)
    own = context.image_postures.get(uid) if uid is not None else None
    if own is not None:
        return _overridden(own, found)
    if context.posture is not None:
        return _filled(context.posture, found, said)
    return found


def statements(ds: Dataset) -> Iterator[Statement]:
    """Every statement of the header on posture or beam, most trusted first."""
    coded = _meanings(codes(ds, "PatientOrientationCodeSequence", "PatientOrientationModifierCodeSequence"))
    coded |= _meanings(codes(ds, "PatientOrientationModifierCodeSequence"))
    yield from _statement(coded, "PatientOrientationCodeSequence")
    position = text(ds, "PatientPosition").upper()
    if position[:2] in ("HF", "FF") and position[2:] in _POSITIONS:
        yield Statement(frozenset({_POSITIONS[position[2:]]}), frozenset(), f"PatientPosition: {position}")
    if _CROSS_TABLE_CODE in set(codes(ds, "ViewCodeSequence", "ViewModifierCodeSequence")):
        yield from _statement(frozenset({words.CROSS_TABLE}), "ViewModifierCodeSequence")
    angle = number(ds, "TableAngle")
    if angle is not None and UPRIGHT_TABLE_DEG <= abs(angle) <= 180 - UPRIGHT_TABLE_DEG:
        yield from _statement(frozenset({words.ERECT}), "TableAngle")
    for keyword in (*_IMAGE_TEXTS, *_STUDY_TEXTS):
        yield from _statement(words.postures(text(ds, keyword)), keyword)


def _meanings(values: Iterable[str]) -> frozenset[str]:
    return frozenset(_FROM_CODE[value] for value in values if value in _FROM_CODE)


def _statement(meanings: frozenset[str], place: str) -> Iterator[Statement]:
    """One statement; none when the place is silent, or names postures that exclude each other ("erect and supine")."""
    allows = _ANY
    for meaning in meanings:
        allows &= _ALLOWS[meaning]
    if meanings and allows:
        yield Statement(allows, meanings, f"{place}: {', '.join(sorted(meanings))}")
    elif meanings and place not in _STUDY_TEXTS:
        yield Statement(frozenset(), meanings, f"{place}: {', '.join(sorted(meanings))}")


def _agreed(said: tuple[Statement, ...], view: str | None) -> Stance:
    allows = _ANY
    for statement in said:
        allows &= statement.allows
    meanings = frozenset().union(*(statement.meanings for statement in said))
    speaking = [statement for statement in said if statement.allows != _ANY]
    if not speaking:
        return Stance(Unknown("posture not stated"), meanings)
    if not allows:
        clause = "; ".join(statement.source for statement in speaking)
        return Stance(Unknown(f"posture contradictory ({clause})"), meanings, (f"posture contradictory: {clause}",))
    if len(allows) == 1:
        first = next((s for s in speaking if len(s.allows) == 1), speaking[0])
        return Stance(Known(next(iter(allows)), first.source), meanings)
    return Stance(_usual(allows, meanings, speaking[0].source, view), meanings)


def _usual(allows: frozenset[Posture], meanings: frozenset[str], source: str, view: str | None) -> Maybe[Posture]:
    """The posture of a patient of whom only lying is said, where the beam leaves one."""
    if words.ON_A_SIDE not in meanings:
        if Posture.SUPINE in allows and words.CROSS_TABLE in meanings:
            return Known(Posture.SUPINE, f"{source}: on the back unless stated")
        if Posture.SUPINE in allows and view == "AP" and words.LYING in meanings:
            return Known(Posture.SUPINE, f"{source}, AP view")
        if Posture.PRONE in allows and view == "PA" and words.LYING in meanings:
            return Known(Posture.PRONE, f"{source}, PA view")
    return Unknown(f"{source}: {' or '.join(p.value for p in Posture if p in allows)}")


def _overridden(own: Posture, found: Stance) -> Stance:
    """The context names this image: it stands, and a header that says otherwise is noted."""
    notes: tuple[str, ...] = ("posture of this image from context.json",)
    if isinstance(found.posture, Known) and found.posture.value != own:
        notes = (f"posture of this image from context.json; {found.posture.source} is overridden",)
    beam = found.meanings & {words.CROSS_TABLE, words.HORIZONTAL_BEAM}
    return Stance(Known(own, "context.json: images"), beam, notes)


def _filled(general: Posture, found: Stance, said: tuple[Statement, ...]) -> Stance:
    """The study-wide posture of the context where the header leaves it open."""
    if isinstance(found.posture, Known):
        if found.posture.value == general:
            return found
        note = f"context.json says {general.value} for the study; the header of this image stands"
        return Stance(found.posture, found.meanings, (*found.notes, note))
    if all(general in statement.allows for statement in said):
        return Stance(Known(general, "context.json: posture"), found.meanings, found.notes)
    return found
