"""FEATURES: everything that is measured on a lesion, one row each. Docs, schema, rules and tests read this table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.features.bones import mineral
from pipeline.features.course import course
from pipeline.features.density import contrast, inner, intensity, tissue
from pipeline.features.fluid_level import fluid_level
from pipeline.features.inside import holes, inside
from pipeline.features.line import line
from pipeline.features.margin import margin
from pipeline.features.parts import field, sheet
from pipeline.features.patch import Kind, Patch, Values
from pipeline.features.place import bone, border, overlap, skin
from pipeline.features.rim import rim
from pipeline.features.shape import shape
from pipeline.features.size import counted, extents, flat_size, morphology, parts
from pipeline.features.within import within

Need: TypeAlias = Literal["spacing", "whole", "4 elements", "8 across", "10 across"]
"""What a feature cannot do without; `needs.missing` turns what is missing into a reason."""

RADIOGRAPH: tuple[Kind, ...] = ("radiograph",)
CT: tuple[Kind, ...] = ("ct",)
BOTH: tuple[Kind, ...] = ("radiograph", "ct")
HU = "[hnsf'U]"


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One feature: its name, UCUM unit and code (IBSI or SNOMED CT, None where no code was verified).

    `kinds`: images on which it is measured. `needs`: what it cannot do without. `function` measures it, together with
    the other rows that name the same function. `meaning` is a phrase for the docs.
    """

    name: str
    unit: str
    code: str | None
    kinds: tuple[Kind, ...]
    needs: tuple[Need, ...]
    function: Callable[[Patch], Values]
    meaning: str


def _row(
    name: str,
    unit: str,
    function: Callable[[Patch], Values],
    meaning: str,
    *,
    code: str | None = None,
    kinds: tuple[Kind, ...] = BOTH,
    needs: tuple[Need, ...] = (),
) -> FeatureRow:
    return FeatureRow(name, unit, code, kinds, needs, function, meaning)


def _ibsi(
    name: str, unit: str, code: str, meaning: str, function: Callable[[Patch], Values] = morphology
) -> FeatureRow:
    """A morphological feature of IBSI-1."""
    return FeatureRow(name, unit, f"IBSI:{code}", CT, ("4 elements", "whole"), function, meaning)


def _intensity(name: str, code: str, meaning: str, unit: str = HU) -> FeatureRow:
    """An intensity statistic of IBSI-1."""
    return FeatureRow(f"intensity_{name}", unit, f"IBSI:{code}", CT, (), intensity, meaning)


_SIZED: tuple[Need, ...] = ("spacing",)
_OUTLINED: tuple[Need, ...] = ("8 across", "whole")
_LOBED: tuple[Need, ...] = ("10 across", "whole")

FEATURES: tuple[FeatureRow, ...] = (
    _row(
        "area",
        "mm2",
        flat_size,
        "area at half maximum",
        code="SCT:42798000",
        kinds=RADIOGRAPH,
        needs=("spacing", "whole"),
    ),
    _row(
        "perimeter",
        "mm",
        flat_size,
        "length of the outline",
        code="SCT:131191004",
        kinds=RADIOGRAPH,
        needs=("spacing", "whole"),
    ),
    _row(
        "maximum_2d_diameter",
        "mm",
        flat_size,
        "greatest extent in the image",
        kinds=RADIOGRAPH,
        needs=("spacing", "whole"),
    ),
    _ibsi("volume_mesh", "mm3", "RNU0", "volume within the surface mesh"),
    _ibsi("volume_voxel_counting", "mm3", "YEKZ", "volume of the voxels", counted),
    _ibsi("surface_area_mesh", "mm2", "C0JK", "area of the surface mesh"),
    _ibsi("surface_to_volume_ratio", "/mm", "2PR5", "surface over volume"),
    _ibsi("compactness_1", "1", "SKGS", "volume against surface, first form"),
    _ibsi("compactness_2", "1", "BQWJ", "volume against surface, 1 for a ball"),
    _ibsi("spherical_disproportion", "1", "KRCK", "surface over that of the ball of the same volume"),
    _ibsi("sphericity", "1", "QCFX", "surface of the ball of the same volume over its own"),
    _ibsi("asphericity", "1", "25C7", "0 for a ball"),
    _ibsi("centre_of_mass_shift", "mm", "KLMA", "distance of the centres of form and density"),
    _ibsi("maximum_3d_diameter", "mm", "L0JK", "greatest distance on the surface"),
    _ibsi("major_axis_length", "mm", "TDIC", "longest axis of the ellipsoid of its moments"),
    _ibsi("minor_axis_length", "mm", "P9VJ", "second axis"),
    _ibsi("least_axis_length", "mm", "7J51", "shortest axis"),
    _ibsi("elongation", "1", "Q3CK", "second axis over longest"),
    _ibsi("flatness", "1", "N17B", "shortest axis over longest"),
    _ibsi("volume_density_convex_hull", "1", "R3ER", "share of the convex hull that is filled"),
    _row("largest_extent", "mm", extents, "greatest extent, plane or solid", needs=_SIZED),
    _row("least_extent", "mm", extents, "least distance of parallel lines or planes about it", needs=_SIZED),
    _row("parts", "1", parts, "connected pieces of the label"),
    _row("median_part_extent", "mm", extents, "median greatest extent of the parts", needs=_SIZED),
    _row("circularity", "1", shape, "roundness of the outline, 1 for a disc or ball", needs=_OUTLINED),
    _row("aspect_ratio", "1", shape, "longest over shortest axis", needs=("4 elements",)),
    _row("solidity", "1", shape, "share of the convex hull that the outline fills", needs=_OUTLINED),
    _row("lobules", "1", margin, "rounded domes of the outline", needs=_LOBED),
    _row("notch_depth_fraction", "1", margin, "deepest notch over greatest extent", needs=_LOBED),
    _row("edge_sharpness", "1", margin, "share of density gained across the outline", needs=("4 elements",)),
    _row("septum_fraction", "1", inside, "share of the outline in lucent bands", needs=("10 across",)),
    _row("compartments", "1", inside, "pieces between lucent bands", needs=_LOBED),
    _row("filled_fraction", "1", inside, "share of the outline that is dense", needs=("8 across",)),
    _row("coefficient_of_variation", "1", inside, "unevenness of density inside", needs=("8 across",)),
    _row(
        "euler_number_density",
        "/cm2",
        holes,
        "objects less holes an area; strongly negative when lacy",
        needs=("spacing", "8 across"),
    ),
    _row("hole_diameter", "mm", holes, "median diameter of holes", needs=("spacing", "8 across")),
    _row("rings", "1", holes, "parts that close about a hole"),
    _row("skeleton_length", "mm", line, "length of the middle line", needs=_SIZED),
    _row("mean_width", "mm", line, "width about the middle line", needs=_SIZED),
    _row("width_variation", "1", line, "unevenness of that width"),
    _row("length_to_width", "1", line, "length of the middle line over width"),
    _row("tortuosity", "1", line, "way along a line over its extent"),
    _row("branches", "1", line, "junctions of the middle line"),
    _row("linearity", "1", line, "1 on a line, 0 on a disc or ball"),
    _row("tram_track_fraction", "1", line, "share of the line with a parallel wall at a vessel's calibre"),
    _row("clumps", "1", course, "groups of parts with some 5 mm between them", needs=_SIZED),
    _row("course_fraction", "1", course, "longest way through the lesion over its whole course", needs=_SIZED),
    _row("course_length", "mm", course, "that longest way", needs=_SIZED),
    _row("course_straightness", "1", course, "extent of the longest way over its length", needs=_SIZED),
    _row("rim_completeness", "1", rim, "share of the border that is denser than the middle", needs=_OUTLINED),
    _row("rim_thickness", "mm", rim, "thickness of the rim at half maximum", needs=("spacing", "8 across")),
    _row("rim_radius_variation", "1", rim, "unevenness of the course of the rim", needs=_OUTLINED),
    _row("lucent_centre_contrast", "1", rim, "rim less middle over rim", needs=_OUTLINED),
    _row("outer_to_inner_density", "1", rim, "density of the outer over that of the inner third", needs=_OUTLINED),
    _row("part_aspect_ratio", "1", field, "median aspect ratio of the parts"),
    _row("part_orientation_coherence", "1", field, "how parallel long parts lie, 0 to 1"),
    _row("part_roundness", "1", field, "median roundness of the parts"),
    _row("field_extent", "mm", extents, "extent over which the parts are spread", needs=_SIZED),
    _row("sheet_fraction", "1", sheet, "share in one layer under the skin"),
    _intensity("mean", "Q4LE", "mean"),
    _intensity("variance", "ECT3", "variance", unit="[hnsf'U]2"),
    _intensity("skewness", "KE2A", "skewness", unit="1"),
    _intensity("kurtosis", "IPH6", "excess kurtosis", unit="1"),
    _intensity("median", "Y12H", "median"),
    _intensity("minimum", "1GSF", "minimum"),
    _intensity("10th_percentile", "QG58", "10th percentile"),
    _intensity("90th_percentile", "8DWT", "90th percentile"),
    _intensity("maximum", "84IY", "maximum"),
    _intensity("interquartile_range", "SALO", "75th less 25th percentile"),
    _intensity("range", "2OJQ", "maximum less minimum"),
    _intensity("mean_absolute_deviation", "4FUA", "mean distance from the mean"),
    _intensity("energy", "N8CA", "sum of squares", unit="[hnsf'U]2"),
    _intensity("root_mean_square", "5ZWQ", "root of the mean square"),
    _row("inner_density", HU, inner, "median inside, away from the outline", kinds=CT, needs=("8 across",)),
    _row("inner_unevenness", HU, inner, "spread inside beyond the noise", kinds=CT, needs=("8 across",)),
    _row("fraction_above_300_hu", "1", tissue, "share of the label above 300 HU", kinds=CT),
    _row("fat_fraction", "1", tissue, "share of the hull that is fat", kinds=CT),
    _row("fluid_fraction", "1", tissue, "share of the outline that is fluid", kinds=CT),
    _row("surrounding_mass_ratio", "1", tissue, "deposits with soft tissue between them over deposits", kinds=CT),
    _row("contrast_to_noise", "1", contrast, "mean excess over noise"),
    _row("relative_contrast", "1", contrast, "excess over that of the image's bone"),
    _row("depth_from_skin", "mm", skin, "least depth under the skin", needs=_SIZED),
    _row("skin_alignment", "1", skin, "extent along the skin over that across"),
    _row("bone_contact_fraction", "1", bone, "share of the border that touches bone"),
    _row("distance_to_bone", "mm", bone, "least distance to bone, at most 40 mm", needs=_SIZED),
    _row("bone_overlap_fraction", "1", overlap, "share before or behind bone", kinds=RADIOGRAPH),
    _row("midline_offset", "1", within, "-1 to 1 from the middle of the body to its left", kinds=CT),
    _row("midline_distance", "1", within, "0 in the middle of the body, 1 at its side", kinds=CT),
    _row("depth_fraction", "1", within, "0 at the front of the body, 1 at its back", kinds=CT),
    _row("lung_fraction", "1", within, "share of lung in what surrounds it", kinds=CT),
    _row("trabecular_density", HU, mineral, "median density inside the bones of the image", kinds=CT),
    _row("bone_contrast", "1", mineral, "bone over soft tissue, of the whole image", kinds=RADIOGRAPH),
    _row("border_contact", "1", border, "1 at the edge of the field"),
    _row("fluid_level_width_fraction", "1", fluid_level, "share of the width with a level"),
    _row("fluid_level_tilt", "deg", fluid_level, "angle of the best level against the horizontal"),
    _row("fluid_level_contrast_to_noise", "1", fluid_level, "step of the best level over noise"),
    _row("fluid_level_count", "1", fluid_level, "levels"),
    _row("fluid_level_row", "1", fluid_level, "row index of the best level in the image"),
    _row("fluid_level_score", "1", fluid_level, "how much the best step looks like a level, 0 to 1"),
)


def feature_names() -> frozenset[str]:
    """Names of all features, for the check of rules."""
    return frozenset(row.name for row in FEATURES)
