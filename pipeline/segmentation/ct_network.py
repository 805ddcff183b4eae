"""What a small network makes of dense pieces on CT: calcium or not, cell by cell, in slices a few millimetres apart.

It looks at the planes of `ct_planes`. One view serves all pieces in it; the pieces most in question come first, as the
number of views has a limit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Floats, Volume
from pipeline.segmentation.ct_planes import CELLS, GRID_MM, Place, planes_about
from pipeline.segmentation.inference import session
from pipeline.segmentation.pieces import Piece

NAMES = ("net_mean", "net_low", "net_high", "net_share", "net_beside", "net_around")
"""Of a piece's voxels in view: mean, 10th and 90th percentile of the log odds of calcium, share above even odds; mean
of the pieces that touch it; mean of all other pieces in the same views."""
LATTICE_MM = 4.5
"""Slices this far apart are looked at; pieces between two of them are looked at in their own middle."""
PLANES_PER_PIECE = 3
INNER_MM = 64.0
"""What lies this near to a view's middle, along rows and columns, is in view."""
MOST_VIEWS = 120
BATCH = 6
MOST_LOG_ODDS = 8.0
UNSEEN = -20.0
"""Figures of what was not looked at."""

Ints = NDArray[np.intp]


@dataclass(slots=True, eq=False)
class Atlas:
    """Views of a volume so far: places (slice, row, col, in indices) and log odds of calcium [row, col] of each."""

    volume: Volume
    model: Path
    places: list[Place] = field(default_factory=list)
    maps: list[Floats] = field(default_factory=list)

    def look(self, pieces: Iterable[Piece], planes: int | None = PLANES_PER_PIECE) -> None:
        """Add views, up to the limit, until each piece was seen in `planes` of its slices (None: all)."""
        for piece in pieces:
            for n in _slices_of(piece, self.volume.spacing_mm[0], planes):
                if len(self.places) < MOST_VIEWS:
                    self._serve(piece, n)
        self._run()

    def _serve(self, piece: Piece, n: int) -> None:
        rows, columns = np.nonzero(piece.dense.mask[n])
        if not len(rows):
            return
        number, offset = n + piece.dense.offset[0], piece.dense.offset
        low = (rows.min() + offset[1], columns.min() + offset[2])
        high = (rows.max() + offset[1], columns.max() + offset[2])
        middle = (float(rows.mean() + offset[1]), float(columns.mean() + offset[2]))
        small = max((b - a) * s for a, b, s in zip(low, high, self.volume.spacing_mm[1:], strict=True)) < 2 * INNER_MM
        edges = (low, high) if small else (middle, middle)
        if not any(p[0] == number and all(self._within(p, edge) for edge in edges) for p in self.places):
            self.places.append((float(number), *middle))

    def _within(self, place: Place, at: tuple[float, float]) -> bool:
        return all(abs(at[k] - place[k + 1]) * self.volume.spacing_mm[k + 1] <= INNER_MM for k in (0, 1))

    def _run(self) -> None:
        while len(self.maps) < len(self.places):
            network = session(self.model)[0]
            wanted = self.places[len(self.maps) : len(self.maps) + BATCH]
            views = np.stack([planes_about(self.volume, place) for place in wanted])
            self.maps += list(np.clip(network.run(None, {"planes": views})[0][:, 0], -MOST_LOG_ODDS, MOST_LOG_ODDS))

    def values(self, k: int, rows: Ints, columns: Ints) -> tuple[Floats, NDArray[np.bool_]]:
        """Log odds in view `k` at voxels (image indices), and which of them are in view."""
        place, spacing = self.places[k], self.volume.spacing_mm
        away = [(at - place[a]) * spacing[a] for at, a in ((rows, 1), (columns, 2))]
        seen = (np.abs(away[0]) <= INNER_MM + GRID_MM) & (np.abs(away[1]) <= INNER_MM + GRID_MM)
        cells = [np.clip(np.rint(d / GRID_MM + (CELLS - 1) / 2), 0, CELLS - 1).astype(int) for d in away]
        return self.maps[k][cells[0], cells[1]], seen


def first_views(pieces: Sequence[Piece], volume: Volume, model: Path) -> Atlas:
    """Views of all pieces: of each in one slice, the largest first, then in more.

    Raises:
        ConfigurationError: `model` cannot be read as a network for CT.
    """
    atlas = Atlas(volume, model)
    ordered = sorted(pieces, key=lambda piece: -np.count_nonzero(piece.dense.mask))
    atlas.look(ordered, 1)
    atlas.look(ordered)
    return atlas


def _slices_of(piece: Piece, step_mm: float, most: int | None) -> list[int]:
    """Slices of a piece that are looked at, counted from its first: those on the lattice, or its middle."""
    mask, first = piece.dense.mask, piece.dense.offset[0]
    every = max(1, round(LATTICE_MM / step_mm))
    found = [n for n in range(len(mask)) if (n + first) % every == 0]
    if not found:
        counts = np.count_nonzero(mask, axis=(1, 2))
        return [int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))]
    if most is not None and len(found) > most:
        found = [found[round((k + 0.5) * len(found) / most - 0.5)] for k in range(most)]
    return found


def figures(pieces: Sequence[Piece], atlas: Atlas) -> Floats:
    """Figures float32 [piece, column of `NAMES`]; `UNSEEN` where a piece is in no view."""
    found = np.full((len(pieces), len(NAMES)), UNSEEN, np.float32)
    values, members = _values_in_view(pieces, atlas)
    means = {i: float(own.mean()) for i, own in values.items()}
    around: dict[int, list[float]] = {i: [] for i in means}
    for inside in members:
        for i in inside:
            around[i] += [means[j] for j in inside if j != i]
    for i, own in values.items():
        beside = [means[c.other] for c in pieces[i].contacts if c.other in means]
        low, high = np.percentile(own, (10, 90))
        found[i] = (means[i], low, high, (own > 0).mean(), _mean(beside), _mean(around[i]))
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else UNSEEN


def _values_in_view(pieces: Sequence[Piece], atlas: Atlas) -> tuple[dict[int, Floats], list[list[int]]]:
    """Log odds at the voxels of each piece that is in view, and the pieces in each view."""
    spacing = np.asarray(atlas.volume.spacing_mm)
    low, high = (np.array([getattr(p.dense, end) for p in pieces]).reshape(-1, 3) for end in ("offset", "stop"))
    reach = INNER_MM / spacing[1:]
    values: dict[int, list[Floats]] = {}
    members: list[list[int]] = []
    for k, place in enumerate(atlas.places):
        here = (low[:, 0] <= place[0]) & (high[:, 0] > place[0])
        here &= (low[:, 1:] <= place[1:] + reach).all(axis=1) & (high[:, 1:] > place[1:] - reach).all(axis=1)
        members.append([])
        for i in np.flatnonzero(here).tolist():
            rows, columns = np.nonzero(pieces[i].dense.mask[int(place[0]) - low[i, 0]])
            odds, seen = atlas.values(k, rows + low[i, 1], columns + low[i, 2])
            if seen.any():
                values.setdefault(i, []).append(odds[seen])
                members[-1].append(i)
    return {i: np.concatenate(found) for i, found in values.items()}, members
