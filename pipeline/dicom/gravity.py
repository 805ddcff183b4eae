"""Which way is down in an image: posture and the directions of the image's axes in the patient.

Directions are patient LPS vectors (+x left, +y back, +z head). A gravity vector is given along the image's own axes,
(row, col) or (slice, row, col), as cosines with them: it is the direction in which depth below the ceiling grows.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.dicom import words
from pipeline.dicom.posture import Stance
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.vocabulary import Posture, Region

IN_PLANE = math.cos(math.radians(25.0))
"""Least part of gravity in the image plane (cosine of the angle between both) for a level to show on a radiograph."""
SECONDARY = 0.5
"""Share of each further letter of a PatientOrientation value such as "LF" against the letter before it."""
PERPENDICULAR = 0.3
"""Largest cosine between the row and the column direction of a valid PatientOrientation."""

DOWN: dict[Posture, tuple[float, float, float]] = {
    Posture.ERECT: (0, 0, -1),
    Posture.SUPINE: (0, 1, 0),
    Posture.PRONE: (0, -1, 0),
    Posture.LEFT_DECUBITUS: (1, 0, 0),
    Posture.RIGHT_DECUBITUS: (-1, 0, 0),
}
_LETTERS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
_BEAM = {"AP": 1, "PA": 1, "LAT": 0}
_FREE = (Region.ELBOW, Region.FOREARM, Region.WRIST, Region.HAND)
_LEGS = (
    Region.HIP,
    Region.INGUINAL,
    Region.THIGH,
    Region.KNEE,
    Region.POPLITEAL,
    Region.LOWER_LEG,
    Region.ANKLE,
    Region.FOOT,
)
_ALONG = "gravity runs along the beam"


def axes_gravity(posture: Maybe[Posture], directions: NDArray[np.float64], axes: str) -> Maybe[tuple[float, ...]]:
    """Gravity along image axes with known patient directions.

    `directions` [patient xyz, axis] are those of growing index, any length; `axes` names their source. Unknown when
    the posture is, or when less than `IN_PLANE` of gravity lies along the axes.
    """
    if isinstance(posture, Unknown):
        return Unknown(posture.reason)
    unit = directions / np.linalg.norm(directions, axis=0)
    along = unit.T @ np.asarray(DOWN[posture.value], float)
    strength = float(np.linalg.norm(along))
    if strength < IN_PLANE:
        return Unknown(_ALONG if strength < 1 - IN_PLANE else "gravity is oblique to the image")
    return Known(tuple(float(round(v, 6)) + 0.0 for v in along / strength), f"{posture.source}; {axes}")


def radiograph_gravity(
    stance: Stance, orientation: tuple[str, ...], *, view: str | None, region: Region | None
) -> Maybe[tuple[float, ...]]:
    """Gravity (row, col) on a projection.

    `orientation` is PatientOrientation: the patient direction of a row, then of a column. Without it only an erect
    standard view is known to have the feet at the bottom. A hand or an elbow lies
    as it likes, whatever the patient does.
    """
    posture = stance.posture
    if isinstance(posture, Unknown):
        return Unknown(posture.reason)
    directions = letter_directions(orientation)
    reason = _unrelated(stance, posture.value, view, region) or _from_above(posture.value, view, region, directions)
    if reason:
        return Unknown(reason)
    if directions is not None:
        found = axes_gravity(posture, directions, "PatientOrientation")
        contradicts = view in _BEAM and abs(np.cross(*directions.T)[_BEAM[view]]) < math.sqrt(0.5)
        if contradicts and posture.value is not Posture.ERECT:
            return Unknown(f"PatientOrientation contradicts the {view} view")
        return found
    if posture.value is Posture.ERECT and view in _BEAM:
        return Known((1.0, 0.0), f"{posture.source}; upright {view} view")
    if posture.value in (Posture.SUPINE, Posture.PRONE) and view in ("AP", "PA"):
        return Unknown(_ALONG)
    return Unknown("directions of rows and columns in the patient not stated")


def _from_above(
    posture: Posture, view: str | None, region: Region | None, directions: NDArray[np.float64] | None
) -> str:
    """Why a standing foot shows no gravity: on other views than the lateral it is seen from above.

    "" where the header says that rows or columns run from head to foot: then the beam was horizontal.
    """
    if posture is not Posture.ERECT or region is not Region.FOOT or view == "LAT":
        return ""
    upright = directions is not None and bool(np.abs(directions[2]).max() > math.sqrt(0.5))
    return "" if upright else "foot seen from above: gravity runs along the beam"


def letter_directions(orientation: tuple[str, ...]) -> NDArray[np.float64] | None:
    """Unit patient directions [xyz, (row index, column index)] of a PatientOrientation, None when it is not valid.

    The first value is the direction along a row, in which the column index grows, the second that down a column.
    """
    if len(orientation) != 2 or not all(orientation):
        return None
    vectors = []
    for value in (orientation[1], orientation[0]):
        letters = value.strip().upper()
        if not 1 <= len(letters) <= 3 or any(letter not in _LETTERS for letter in letters):
            return None
        vector = np.zeros(3)
        for n, letter in enumerate(letters):
            vector += SECONDARY**n * np.asarray(_LETTERS[letter], float)
        if np.linalg.norm(vector) < SECONDARY:
            return None
        vectors.append(vector / np.linalg.norm(vector))
    if abs(float(vectors[0] @ vectors[1])) > PERPENDICULAR:
        return None
    return np.stack(vectors, axis=1)


def _unrelated(stance: Stance, posture: Posture, view: str | None, region: Region | None) -> str:
    """Why the patient's posture does not tell how this part of the body hangs, "" when it does."""
    if region is None:
        return "region not known: a limb on a table does not follow the posture"
    if region in _FREE:
        return f"{region.value}: it may lie on a table, whatever the patient's posture"
    if view == "AXIAL":
        return "axial view: the beam may have any direction"
    if posture is not Posture.ERECT:
        return ""
    if words.SITTING in stance.meanings and region in _LEGS and words.UPRIGHT_ONLY not in stance.meanings:
        return "sitting: the leg may be stretched out"
    if words.SEMI_ERECT in stance.meanings and view not in ("AP", "PA"):
        return "semi-erect: tilt not known"
    return ""
