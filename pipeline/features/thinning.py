"""Thinning of a mask in the plane at the cost of its border alone.

Lee, Kashyap and Chu, CVGIP 1994;56:462, in the plane; the lines are those that scikit-image finds, which looks at every
element of the array for every element of thickness.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Mask

Places = NDArray[np.intp]

RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""Steps (row, column) to the neighbours of an element, in a circle; bit i of a code says whether there is one at i."""
EARLIER, LATER = (0, 1, 2, 7), (3, 4, 5, 6)
"""Steps to those that stand before and after the element in the array."""
FACES = (1, 5, 3, 7)
"""Steps across the borders in the order in which they are peeled: above, below, right, left."""


def _codes() -> tuple[Mask, Mask]:
    """Of each code: whether an element goes that has it as a round begins, and whether when its turn has come.

    It goes where that parts nothing (connectivity number, Yokoi et al., CGIP 1975;4:63); ends of lines stay.
    """
    there = (np.arange(256)[:, None] >> np.arange(8)) & 1
    empty = 1 - there
    pieces = sum(empty[:, k] - empty[:, k] * empty[:, k + 1] * empty[:, (k + 2) % 8] for k in (1, 3, 5))
    pieces += empty[:, 7] - empty[:, 7] * empty[:, 0] * empty[:, 1]
    return (there.sum(axis=1) > 1) & (pieces == 1), pieces <= 1


GOES, GOES_IN_TURN = _codes()


def thinned(mask: Mask) -> Mask:
    """The middle lines of a mask [row, col].

    Borders are peeled in turn until none gives anything more. After the first round only those elements are looked at
    that lost a neighbour since their border was peeled last.
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    flat = padded.ravel()
    steps = np.array([row * padded.shape[1] + col for row, col in RING])
    everywhere = np.flatnonzero(flat)
    gone: deque[Places] = deque(maxlen=len(FACES))
    while len(gone) < len(FACES) or any(len(places) for places in gone):
        for face in FACES:
            near = everywhere
            if len(gone) == len(FACES):
                near = (np.concatenate(gone)[:, None] + steps).ravel()
            near = near[flat[near] > 0]
            border = np.unique(near[flat[near + steps[face]] == 0])
            gone.append(_peeled(border, flat, steps))
    found: Mask = padded[1:-1, 1:-1] > 0
    return found


def _peeled(places: Places, flat: NDArray[np.uint8], steps: Places) -> Places:
    """Take from `flat` those of `places` that can go one after the other in the order of the array; they are returned.

    Each sees what those before it left. All are taken, then those put back that part something, until nothing changes:
    the first is right at once, each further one when those before it are.
    """
    later = _code(places, flat, steps, LATER)
    goes = GOES[later | _code(places, flat, steps, EARLIER)]
    places, later = places[goes], later[goes]
    goes = np.ones(len(places), bool)
    while True:
        flat[places] = ~goes
        now = GOES_IN_TURN[later | _code(places, flat, steps, EARLIER)]
        if np.array_equal(now, goes):
            gone: Places = places[goes]
            return gone
        goes = now


def _code(places: Places, flat: NDArray[np.uint8], steps: Places, which: Sequence[int]) -> NDArray[np.uint8]:
    """The bits `which` of the codes of elements."""
    code = np.zeros(len(places), np.uint8)
    for i in which:
        code |= flat[places + steps[i]] << np.uint8(i)
    return code
