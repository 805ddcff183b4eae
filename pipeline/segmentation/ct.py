"""Where the calcium is on CT: body, noise, candidates, pieces, judgement, outline, lesions."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.knowledge.settings import SegmentationSettings
from pipeline.model.image import Volume
from pipeline.model.known import Known
from pipeline.model.lesion import Crop, Deposit, Segmentation, crop_of, union
from pipeline.segmentation.appearance import describe, scene_of
from pipeline.segmentation.body import find_body, pooled_hu
from pipeline.segmentation.bone import paint_pieces
from pipeline.segmentation.boundary import visible_extents
from pipeline.segmentation.decision import Judgement, Kind, judge_pieces, second_look
from pipeline.segmentation.dense import Dense, find_dense
from pipeline.segmentation.grouping import group
from pipeline.segmentation.metal import find_metal
from pipeline.segmentation.noise import Quality, measure_quality
from pipeline.segmentation.pieces import Piece, cut_components

LEAST_VOXELS = 3
"""Smaller fragments of an outline are dropped beside a larger one."""


def segment_volume(volume: Volume, settings: SegmentationSettings) -> Segmentation:
    """Calcific deposits of a CT, grouped into lesions, with body, bone and metal as coarse masks.

    Whatever rises above muscle by more than the noise explains is cut at its necks into pieces; each piece is judged
    by what it looks like; what is kept is outlined where it rises by 60 HU above its surroundings.
    """
    body = find_body(volume)
    pooled = pooled_hu(volume, body.factor)
    quality = measure_quality(volume, body, pooled)
    dense = find_dense(volume, body, quality)
    metal = find_metal(volume, body)
    pieces = cut_components(dense.components, volume.spacing_mm)
    features = describe(pieces, scene_of(volume, body, pooled, quality))
    judgements = judge_pieces(pieces, features, metal, volume, least=settings.ct_confidence)
    deposits = _deposits(volume, quality, pieces, judgements)
    bone = [p for p, j in zip(pieces, judgements, strict=True) if j.kind is Kind.BONE]
    return Segmentation(
        lesions=group(deposits, volume.spacing_mm),
        body=body,
        bone=paint_pieces(bone, volume, body.factor),
        foreign=metal,
        noise=quality.noise_hu,
        models=(second_look().digest,),
        notes=_notes(volume, quality, dense, judgements),
    )


def _deposits(
    volume: Volume, quality: Quality, pieces: Sequence[Piece], judgements: Sequence[Judgement]
) -> tuple[Deposit, ...]:
    """Accepted pieces that touch as one mask, outlined, one deposit for each connected part of the outline."""
    clusters = _clusters(pieces, judgements)
    masks = [union([pieces[i].dense for i in cluster]) for cluster in clusters]
    rest = [p.dense for p, j in zip(pieces, judgements, strict=True) if j.kind is not Kind.DEPOSIT]
    deposits: list[Deposit] = []
    for cluster, outline in zip(clusters, visible_extents(volume, quality, masks, rest), strict=True):
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


def _notes(volume: Volume, quality: Quality, dense: Dense, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    kinds = Counter(j.kind for j in judgements)
    notes = [quality.note()]
    if isinstance(volume.contrast, Known) and volume.contrast.value:
        notes.append("contrast agent given: even pools are not calcium, small deposits in vessels may be hidden")
    if kinds[Kind.CONTRAST]:
        notes.append(f"{kinds[Kind.CONTRAST]} even pools like contrast left out")
    if kinds[Kind.METAL]:
        notes.append("metal in the field: streaks beside it may hide or imitate calcium")
    if dense.left_out:
        notes.append(f"{dense.left_out} smallest dense specks not judged: too many for one series")
    return tuple(notes)
