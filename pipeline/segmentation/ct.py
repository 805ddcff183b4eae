"""Where the calcium is on CT: body, noise, candidates, pieces, judgement, outline, lesions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.knowledge.settings import SegmentationSettings
from pipeline.model.image import CoarseMask, Floats, Volume
from pipeline.model.known import Known
from pipeline.model.lesion import Crop, Deposit, Segmentation, crop_of, union
from pipeline.segmentation.appearance import describe
from pipeline.segmentation.body import find_body, pooled_hu
from pipeline.segmentation.bone import paint_pieces
from pipeline.segmentation.boundary import visible_extents
from pipeline.segmentation.decision import Judgement, Kind, judge_pieces, second_look
from pipeline.segmentation.dense import find_dense
from pipeline.segmentation.grouping import group
from pipeline.segmentation.metal import find_metal
from pipeline.segmentation.noise import Quality, measure_quality
from pipeline.segmentation.pieces import Piece, cut_components
from pipeline.segmentation.view import scene_of

LEAST_VOXELS = 3
"""Smaller fragments of an outline are dropped beside a larger one."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is dense in a volume before it is judged: `features` float32 [piece, column of `appearance.NAMES`]."""

    body: CoarseMask
    quality: Quality
    pieces: tuple[Piece, ...]
    features: Floats
    left_out: int


def look_at(volume: Volume) -> Look:
    """Whatever rises above muscle by more than the noise explains, cut at its necks into pieces and described."""
    pooled = pooled_hu(volume)
    body = find_body(volume, pooled)
    quality = measure_quality(volume, body, pooled)
    dense = find_dense(volume, body, quality)
    pieces = cut_components(dense.components, volume.spacing_mm)
    return Look(body, quality, pieces, describe(pieces, scene_of(volume, body, pooled, quality)), dense.left_out)


def segment_volume(volume: Volume, settings: SegmentationSettings) -> Segmentation:
    """Calcific deposits of a CT, grouped into lesions, with body, bone and metal as coarse masks.

    Each dense piece is judged by what it looks like; what is kept is outlined where it rises by 60 HU above its
    surroundings.
    """
    seen = look_at(volume)
    metal = find_metal(volume, seen.body)
    judgements = judge_pieces(seen.pieces, seen.features, metal, volume, least=settings.ct_confidence)
    bone = [p for p, j in zip(seen.pieces, judgements, strict=True) if j.kind is Kind.BONE]
    return Segmentation(
        lesions=group(_deposits(volume, seen, judgements), volume.spacing_mm),
        body=seen.body,
        bone=paint_pieces(bone, volume, seen.body.factor),
        foreign=metal,
        noise=seen.quality.noise_hu,
        models=(second_look().digest,),
        notes=_notes(volume, seen, judgements),
    )


def _deposits(volume: Volume, seen: Look, judgements: Sequence[Judgement]) -> tuple[Deposit, ...]:
    """Accepted pieces that touch as one mask, outlined, one deposit for each connected part of the outline."""
    clusters = _clusters(seen.pieces, judgements)
    masks = [union([seen.pieces[i].dense for i in cluster]) for cluster in clusters]
    rest = [p.dense for p, j in zip(seen.pieces, judgements, strict=True) if j.kind is not Kind.DEPOSIT]
    deposits: list[Deposit] = []
    for cluster, outline in zip(clusters, visible_extents(volume, seen.quality, masks, rest), strict=True):
        confidence = max(judgements[i].confidence for i in cluster)
        deposits += [Deposit(crop, confidence) for crop in _parts(outline)]
    return tuple(deposits)


def _clusters(pieces: Sequence[Piece], judgements: Sequence[Judgement]) -> list[list[int]]:
    """Indices of accepted pieces, one list for each set that hangs together."""
    accepted = [i for i, j in enumerate(judgements) if j.kind is Kind.DEPOSIT]
    place = {i: n for n, i in enumerate(accepted)}
    ends = [(place[i], place[c.other]) for i in accepted for c in pieces[i].contacts if c.other in place]
    pairs = np.array(ends, np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(accepted), len(accepted)))
    numbers = connected_components(graph, directed=False)[1] if accepted else []
    clusters: dict[int, list[int]] = {}
    for i, number in zip(accepted, numbers, strict=True):
        clusters.setdefault(int(number), []).append(i)
    return list(clusters.values())


def _parts(outline: Crop | None) -> list[Crop]:
    if outline is None:
        return []
    numbers, count = label(outline.mask, np.ones((3, 3, 3)))
    voxels = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
    kept = [n for n in range(count) if voxels[n] >= min(LEAST_VOXELS, voxels.max())]
    return [crop_of(numbers == n + 1, outline.offset) for n in kept]


def _notes(volume: Volume, seen: Look, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    kinds = Counter(j.kind for j in judgements)
    notes = [seen.quality.note()]
    if isinstance(volume.contrast, Known) and volume.contrast.value:
        notes.append("contrast agent given: even pools are not calcium, small deposits in vessels may be hidden")
    if kinds[Kind.CONTRAST]:
        notes.append(f"{kinds[Kind.CONTRAST]} even pools like contrast left out")
    if kinds[Kind.METAL]:
        notes.append("metal in the field: streaks beside it may hide or imitate calcium")
    if seen.left_out:
        notes.append(f"{seen.left_out} smallest dense specks not judged: too many for one series")
    return tuple(notes)
