"""Where the calcium is on a radiograph: the story of the search."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from pipeline.knowledge.settings import SegmentationSettings
from pipeline.model.image import CoarseMask, Floats, Mask, Radiograph
from pipeline.model.lesion import Segmentation
from pipeline.segmentation.background import ExcessMap, Kind, excess_maps, layer_of
from pipeline.segmentation.candidates import Candidates, candidates
from pipeline.segmentation.component_judgement import choose, judge
from pipeline.segmentation.evidence import NETWORK, Seen, channels_of
from pipeline.segmentation.extent import Bounds, draw
from pipeline.segmentation.field import Field, block_mean, working_field
from pipeline.segmentation.foreign import foreign_objects
from pipeline.segmentation.grouping import group
from pipeline.segmentation.network import MODEL, ClassMaps, class_maps, interpolation, separable

STRIDES = (1, 2)
"""Layers of the search: the working grid, and half its resolution for what is wide."""
LEAST_SIDE = 12
"""Elements of the working grid a side, some 5 mm, below which nothing can be told."""
SUSPECTED, SUSPECTED_MARGIN, LEAST_CUT_MM = 0.1, 2, 7.0
"""Excess maps from 7 mm upward are also cut where the network's calcium, and two elements around, is above 0.1."""
RULED_OUT = 0.05
"""Probability below which the network's calcium cuts a deposit's extent, so that the bone beside it stays out."""
LIKELY = 0.5
"""Probability from which the network's bone and metal are taken for such."""


def segment_radiograph(radiograph: Radiograph, settings: SegmentationSettings) -> Segmentation:
    """Deposits of a radiograph as lesions, with body, bone, foreign objects, background and noise.

    Raises:
        ConfigurationError: `settings.radiograph_model` cannot be read as a network.
    """
    model = Path(settings.radiograph_model) if settings.radiograph_model else MODEL
    return find_deposits(radiograph, settings, class_maps(radiograph, model))


def find_deposits(radiograph: Radiograph, settings: SegmentationSettings, seen_by_network: ClassMaps) -> Segmentation:
    """Deposits of a radiograph by its own contrasts and a network's class maps.

    Candidates are pieces of excess maps at all scales, and of the network's map of calcium. A boosted table judges
    them by features. The visible extent of those that reach `settings.radiograph_confidence` is drawn where the
    image rises above what it would be without them, so that no boundary is the network's.
    """
    field = working_field(radiograph)
    if min(field.shape) < LEAST_SIDE:
        return _nothing(radiograph, field)
    seen = _seen(radiograph, field, seen_by_network)
    found = _candidates(field, seen)
    probabilities, digest = judge(found.features)
    chosen = choose(found, probabilities, settings.radiograph_confidence, field.shape)
    drawn = draw(radiograph, field, chosen, Bounds(field.valid & ~seen.foreign, _within(field, seen)))
    bone = seen.network[NETWORK.index("bone")] > LIKELY
    return Segmentation(
        lesions=group(drawn.deposits, field.pixel_mm),
        body=_coarse(field.body, field, radiograph),
        bone=_coarse(bone, field, radiograph),
        foreign=_coarse(seen.foreign, field, radiograph),
        noise=field.noise,
        background=drawn.background,
        models=(seen_by_network.digest, digest),
        notes=field.notes,
    )


def found_candidates(radiograph: Radiograph, field: Field, seen_by_network: ClassMaps | None) -> Candidates:
    """The candidates of a radiograph with their features, before they are judged; `field` is its working grid.

    Training also asks for those of the image alone (None): there are more of them, with fewer features.
    """
    return _candidates(field, _seen(radiograph, field, seen_by_network))


def _seen(radiograph: Radiograph, field: Field, seen_by_network: ClassMaps | None) -> Seen:
    return Seen(foreign_objects(radiograph, field), _on_grid(seen_by_network, field))


def _within(field: Field, seen: Seen) -> Mask:
    """Where deposits may lie: where the network does not rule calcium out."""
    return field.valid & (seen.network[NETWORK.index("calcium")] >= RULED_OUT)


def _nothing(radiograph: Radiograph, field: Field) -> Segmentation:
    """The answer for a film that is too small to search."""
    none = _coarse(np.zeros(field.shape, bool), field, radiograph)
    note = f"film of {field.shape[0]} by {field.shape[1]} elements of {field.spacing_mm[0]:.2g} mm: too small to search"
    return Segmentation(
        lesions=(),
        body=_coarse(field.body, field, radiograph),
        bone=none,
        foreign=none,
        noise=field.noise,
        background=radiograph.attenuation,
        notes=(*field.notes, note),
    )


def _on_grid(maps: ClassMaps | None, field: Field) -> tuple[Floats, ...]:
    """The network's maps, in the order of `NETWORK`, at the centres of the working grid's elements."""
    if maps is None:
        return ()
    rows, cols = (
        interpolation((np.arange(n) + 0.5) * f / s - 0.5, m)
        for n, f, s, m in zip(field.shape, field.factor, maps.step, maps.calcium.shape, strict=True)
    )
    return tuple(separable(rows, each, cols) for each in (maps.calcium, maps.bone, maps.foreign))


def _candidates(field: Field, seen: Seen) -> Candidates:
    layers = tuple(layer_of(field, stride) for stride in STRIDES)
    maps = excess_maps(layers)
    channels = tuple(channels_of(layer, maps, field, seen) for layer in layers)
    if seen.network:
        maps += _network_maps(maps, seen.network[NETWORK.index("calcium")] * field.valid)
    return candidates(maps, layers, channels)


def _network_maps(maps: tuple[ExcessMap, ...], calcium: Floats) -> tuple[ExcessMap, ...]:
    """The network's own map, and the `maps` of wider scales where it suspects calcium, so that bone beside is cut."""
    fine = ndimage.binary_dilation(calcium > SUSPECTED, iterations=SUSPECTED_MARGIN)
    coarse = block_mean(fine.astype(np.float32), (2, 2)) > 0.5
    wide = (m for m in maps if m.scale_mm >= LEAST_CUT_MM)
    cut = (replace(m, excess=m.excess * (fine if m.stride == 1 else coarse), kind=Kind.SUSPECTED) for m in wide)
    return (ExcessMap(calcium, 0.0, Kind.NETWORK, 1), *cut)


def _coarse(mask: Mask, field: Field, radiograph: Radiograph) -> CoarseMask:
    return CoarseMask(mask, field.factor, radiograph.shape)
