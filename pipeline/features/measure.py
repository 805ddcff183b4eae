"""Measure a lesion: every row of the table on one patch, each function once."""

from collections.abc import Callable

from pipeline.features.cutting import cut
from pipeline.features.density import contrast, intensity
from pipeline.features.fluid_level import levels
from pipeline.features.needs import missing
from pipeline.features.patch import Patch, Values
from pipeline.features.place import border, skin
from pipeline.features.size import counted, flat_size, parts
from pipeline.features.table import FEATURES, FeatureRow
from pipeline.model.image import Image
from pipeline.model.known import Maybe, Unknown
from pipeline.model.lesion import Lesion, Segmentation
from pipeline.model.measure import Feature, Measurement

FULL_LESIONS = 500
"""So many lesions of a study are measured in full (7 ms each); further ones in brief."""
BRIEF = (parts, counted, flat_size, intensity, contrast, skin, border)
"""What is measured on those."""
IN_BRIEF = Unknown(f"measured in brief: more than {FULL_LESIONS} lesions")


def measure(lesion: Lesion, image: Image, segmentation: Segmentation) -> Measurement:
    """All features of a lesion and the fluid levels to draw."""
    patch = cut(lesion, image, segmentation)
    return Measurement(features_of(patch, FEATURES), levels(patch))


def measure_in_brief(lesion: Lesion, image: Image, segmentation: Segmentation) -> Measurement:
    """Parts, size, density, depth and contact with the border; all other features unknown, with the reason."""
    patch = cut(lesion, image, segmentation)
    brief = {f.name: f for f in features_of(patch, tuple(r for r in FEATURES if r.function in BRIEF))}
    rest = {r.name: Feature(r.name, IN_BRIEF, r.unit, r.code) for r in FEATURES}
    return Measurement(tuple((rest | brief).values()))


def features_of(patch: Patch, rows: tuple[FeatureRow, ...]) -> tuple[Feature, ...]:
    """The features of `rows` on a patch, in their order."""
    reasons = {row.name: missing(row, patch) for row in rows}
    wanted = dict.fromkeys(row.function for row in rows if reasons[row.name] is None)
    values: dict[Callable[[Patch], Values], Values] = {function: function(patch) for function in wanted}

    def value(row: FeatureRow) -> Maybe[float]:
        return reasons[row.name] or values[row.function][row.name]

    return tuple(Feature(row.name, value(row), row.unit, row.code) for row in rows)
