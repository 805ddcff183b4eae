"""Where the calcium is on CT: body, noise, candidates, pieces, judgement, outline, lesions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from pipeline.segmentation.ct_network import figures, first_views
from pipeline.segmentation.decision import MODEL, Judgement, Kind, judge_pieces, second_look
from pipeline.segmentation.dense import find_dense
from pipeline.segmentation.grouping import group
from pipeline.segmentation.inference import session
from pipeline.segmentation.metal import find_metal
from pipeline.segmentation.noise import Quality, measure_quality
from pipeline.segmentation.pieces import Piece, cut_components
from pipeline.segmentation.recut import recut
from pipeline.segmentation.view import scene_of

NETWORK = Path(__file__).parent / "models" / "ct_network.onnx"
TREES = "_pieces.json"
NO_NETWORK = "none"
"""As a file's name in the settings: pieces are judged without a network."""
LEAST_VOXELS = 3
"""Smaller fragments of an outline are dropped beside a larger one."""


@dataclass(frozen=True, slots=True)
class Models:
    """Files of the network, None where the pieces' own figures have to do, and of the trees that judge the pieces."""

    network: Path | None
    trees: Path


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is dense in a volume before it is judged: `features` float32 [piece, column of `decision.COLUMNS`]."""

    body: CoarseMask
    quality: Quality
    pieces: tuple[Piece, ...]
    features: Floats
    left_out: int


def models_of(settings: SegmentationSettings) -> Models:
    """The files that `settings` name.

    A network's own trees lie beside it, in a file called as the network with `TREES` at its end; where there are none,
    those that come with the program judge.
    """
    if settings.ct_network == NO_NETWORK:
        return Models(None, MODEL)
    network = Path(settings.ct_network) if settings.ct_network else NETWORK
    if not settings.ct_network and not network.exists():
        return Models(None, MODEL)
    own = trees_of(network)
    return Models(network, own if own.exists() else trees_of(NETWORK))


def trees_of(network: Path) -> Path:
    """The file of the trees that go with a network."""
    return network.with_name(network.stem + TREES)


def look_at(volume: Volume, network: Path | None = None) -> Look:
    """Whatever rises above muscle by more than the noise explains, cut at its necks into pieces and described.

    With a `network`, pieces are cut where it sees two kinds in one, and described by what it sees too.
    """
    pooled = pooled_hu(volume)
    body = find_body(volume, pooled)
    quality = measure_quality(volume, body, pooled)
    dense = find_dense(volume, body, quality)
    pieces = cut_components(dense.components, volume.spacing_mm)
    atlas = None if network is None else first_views(pieces, volume, network)
    pieces = pieces if atlas is None else recut(pieces, atlas)
    features = describe(pieces, scene_of(volume, body, pooled, quality))
    if atlas is not None:
        features = np.concatenate([features, figures(pieces, atlas)], axis=1)
    return Look(body, quality, pieces, features, dense.left_out)


def segment_volume(volume: Volume, settings: SegmentationSettings) -> Segmentation:
    """Calcific deposits of a CT, grouped into lesions, with body, bone and metal as coarse masks.

    Each dense piece is judged by what it looks like; what is kept is outlined where it rises by 60 HU above its
    surroundings.
    """
    models = models_of(settings)
    seen = look_at(volume, models.network)
    trees = second_look(models.trees)
    metal = find_metal(volume, seen.body)
    judgements = judge_pieces(seen.pieces, seen.features, metal, volume, least=settings.ct_confidence, trees=trees)
    bone = [p for p, j in zip(seen.pieces, judgements, strict=True) if j.kind is Kind.BONE]
    return Segmentation(
        lesions=group(_deposits(volume, seen, judgements), volume.spacing_mm),
        body=seen.body,
        bone=paint_pieces(bone, volume, seen.body.factor),
        foreign=metal,
        noise=seen.quality.noise_hu,
        models=(trees.digest,) if models.network is None else (session(models.network)[1], trees.digest),
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
