"""Region, side and projection of an image from its header, each with its source.

Places that describe this image come first and must agree; those that describe the whole study only fill their silence.
"""

from collections.abc import Iterator

from pydicom import Dataset

from pipeline.dicom import subject_words
from pipeline.dicom.headers import codes, items, text
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.vocabulary import Laterality, Region

_IMAGE_TEXTS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
_STUDY_TEXTS = ("PerformedProcedureStepDescription", "RequestedProcedureDescription", "StudyDescription")

_REGION_CODES = {
    # SNOMED CT codes of DICOM CID 4 and 4031
    "69536005": Region.HEAD, "89546000": Region.HEAD, "91397008": Region.HEAD, "91609006": Region.HEAD,
    "45048000": Region.NECK, "122494005": Region.NECK, "4596009": Region.NECK,
    "16982005": Region.SHOULDER, "51299004": Region.SHOULDER, "79601000": Region.SHOULDER, "85856004": Region.SHOULDER,
    "91470000": Region.AXILLA,
    "40983000": Region.UPPER_ARM, "85050009": Region.UPPER_ARM,
    "16953009": Region.ELBOW,
    "14975008": Region.FOREARM,
    "74670003": Region.WRIST, "8205005": Region.WRIST,
    "85562004": Region.HAND, "7569003": Region.HAND, "76505004": Region.HAND,
    "816094009": Region.CHEST, "51185008": Region.CHEST, "113197003": Region.CHEST, "39607008": Region.CHEST,
    "56873002": Region.CHEST, "818981001": Region.ABDOMEN, "113345001": Region.ABDOMEN,
    "818982008": Region.ABDOMEN,
    "421060004": Region.SPINE, "122495006": Region.SPINE, "122496007": Region.SPINE, "54735007": Region.SPINE,
    "816092008": Region.PELVIS, "12921003": Region.PELVIS, "39723000": Region.PELVIS,
    "26893007": Region.INGUINAL,
    "29836001": Region.HIP, "24136001": Region.HIP,
    "68367000": Region.THIGH, "71341001": Region.THIGH,
    "72696002": Region.KNEE, "49076000": Region.KNEE, "64234005": Region.KNEE,
    "32361000": Region.POPLITEAL,
    "30021000": Region.LOWER_LEG, "87342007": Region.LOWER_LEG, "12611008": Region.LOWER_LEG,
    "70258002": Region.ANKLE,
    "56459004": Region.FOOT, "29707007": Region.FOOT, "80144004": Region.FOOT, "27949001": Region.FOOT,
}  # fmt: skip
_WITHIN = {
    Region.PELVIS: {Region.HIP, Region.INGUINAL},
    Region.HIP: {Region.INGUINAL},
    Region.SHOULDER: {Region.AXILLA},
    Region.CHEST: {Region.AXILLA},
    Region.KNEE: {Region.POPLITEAL},
    Region.HAND: {Region.WRIST},
    Region.FOOT: {Region.ANKLE},
    Region.SPINE: {Region.NECK},
}
_BESIDE = (
    (Region.HEAD, Region.NECK), (Region.NECK, Region.SHOULDER), (Region.NECK, Region.CHEST),
    (Region.NECK, Region.SPINE),
    (Region.SHOULDER, Region.AXILLA), (Region.SHOULDER, Region.UPPER_ARM), (Region.SHOULDER, Region.CHEST),
    (Region.AXILLA, Region.CHEST), (Region.AXILLA, Region.UPPER_ARM), (Region.UPPER_ARM, Region.ELBOW),
    (Region.ELBOW, Region.FOREARM), (Region.FOREARM, Region.WRIST), (Region.WRIST, Region.HAND),
    (Region.CHEST, Region.ABDOMEN), (Region.CHEST, Region.SPINE), (Region.ABDOMEN, Region.SPINE),
    (Region.ABDOMEN, Region.PELVIS), (Region.PELVIS, Region.SPINE), (Region.PELVIS, Region.HIP),
    (Region.PELVIS, Region.INGUINAL), (Region.PELVIS, Region.THIGH), (Region.HIP, Region.INGUINAL),
    (Region.HIP, Region.THIGH), (Region.INGUINAL, Region.THIGH), (Region.THIGH, Region.KNEE),
    (Region.KNEE, Region.POPLITEAL), (Region.THIGH, Region.POPLITEAL), (Region.LOWER_LEG, Region.POPLITEAL),
    (Region.KNEE, Region.LOWER_LEG), (Region.LOWER_LEG, Region.ANKLE), (Region.ANKLE, Region.FOOT),
)  # fmt: skip
_NEIGHBOURS = frozenset(frozenset(pair) for pair in _BESIDE)

_VIEW_CODES = {
    # SNOMED CT codes of DICOM CID 4010
    "399348003": "AP", "272479007": "PA", "399033003": "AP",
    "399067008": "LAT", "399198007": "LAT", "399173006": "LAT", "399352003": "LAT", "399260004": "LAT",
    "30730003": "LAT",
    "399061009": "AXIAL", "399110001": "AXIAL", "399162004": "AXIAL", "399196006": "AXIAL", "399071006": "AXIAL",
    "399335002": "AP",
    "399182000": "OBL", "399312000": "OBL", "399059000": "OBL", "399356000": "OBL", "399135007": "OBL",
    "399038007": "OBL", "399006002": "OBL", "260427002": "OBL", "260426006": "OBL", "399236003": "OBL",
    "399184004": "OBL", "399099002": "OBL", "399368009": "OBL",
}  # fmt: skip
_SIDE_CODES = {"24028007": Laterality.RIGHT, "7771000": Laterality.LEFT, "51440002": Laterality.BOTH}
_UNPAIRED = ("U",)


def region(ds: Dataset, context: ClinicalContext) -> tuple[Maybe[Region], tuple[str, ...]]:
    """The region and notes on contradictions.

    A place that names several regions means the first. Places that name a region and one within it mean the inner;
    neighbours keep what the first place says; others contradict and make it Unknown.
    """
    named = tuple(_named_regions(ds))
    found = _agreed_region(named)
    study = _first_named(ds, _STUDY_TEXTS)
    if not named and study is not None:
        found = study
    if context.region is None:
        return found, ()
    if not isinstance(found, Known):
        return (Known(context.region, "context.json"), ()) if not named else (found, ())
    note = (
        f"context.json says region {context.region.value}, {found.source} says {found.value.value}: the header stands"
    )
    return found, (note,) if context.region != found.value else ()


def _named_regions(ds: Dataset) -> Iterator[tuple[tuple[Region, ...], str]]:
    """Regions and their place, for the places that describe this image."""
    coded = tuple(_REGION_CODES[c] for c in codes(ds, "AnatomicRegionSequence") if c in _REGION_CODES)
    if coded:
        yield coded, "AnatomicRegionSequence"
    for keyword in ("BodyPartExamined", *_IMAGE_TEXTS):
        found = subject_words.regions(text(ds, keyword))
        if found:
            yield found, keyword


def _first_named(ds: Dataset, keywords: tuple[str, ...]) -> Known[Region] | None:
    for keyword in keywords:
        found = subject_words.regions(text(ds, keyword))
        if found:
            return Known(found[0], keyword)
    return None


def _agreed_region(named: tuple[tuple[tuple[Region, ...], str], ...]) -> Maybe[Region]:
    if not named:
        return Unknown("region not stated")
    (first, *_), source = named[0]
    for others, place in named[1:]:
        inner = [other for other in others if other in _WITHIN.get(first, ())]
        if inner and first not in others:
            first, source = inner[0], place
        elif not any(other == first or frozenset((first, other)) in _NEIGHBOURS for other in others):
            return Unknown(f"region contradictory ({source}: {first.value}; {place}: {others[0].value})")
    return Known(first, source)


def laterality(ds: Dataset) -> Maybe[Laterality]:
    """The side of the body that is shown."""
    named = tuple(_named_sides(ds))
    if not named:
        unpaired = text(ds, "ImageLaterality").upper() in _UNPAIRED
        return Unknown("unpaired part of the body" if unpaired else "side not stated")
    first, source = named[0]
    for other, place in named[1:]:
        if other != first:
            return Unknown(f"side contradictory ({source}: {first.value}; {place}: {other.value})")
    return Known(first, source)


def _named_sides(ds: Dataset) -> Iterator[tuple[Laterality, str]]:
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        value = text(ds, keyword).upper()
        if value in tuple(Laterality):
            yield Laterality(value), keyword
    for item in items(ds, "AnatomicRegionSequence"):
        for code in codes(item, "AnatomicRegionModifierSequence"):
            if code in _SIDE_CODES:
                yield _SIDE_CODES[code], "AnatomicRegionModifierSequence"
    for keyword in ("BodyPartExamined", *_IMAGE_TEXTS):
        found = subject_words.side(text(ds, keyword))
        if found is not None:
            yield found, keyword


def view(ds: Dataset) -> Maybe[str]:
    """The projection: AP, PA, LAT, OBL or AXIAL; contradictory places make it Unknown."""
    named: list[tuple[str, str]] = []
    for code in codes(ds, "ViewCodeSequence"):
        if code in _VIEW_CODES:
            named.append((_VIEW_CODES[code], "ViewCodeSequence"))
            break
    for keyword in ("ViewPosition", *_IMAGE_TEXTS):
        found = subject_words.view(text(ds, keyword))
        if found is not None:
            named.append((found, keyword))
    if not named:
        return Unknown("view not stated")
    first, source = named[0]
    for other, place in named[1:]:
        if other != first and {first, other} & {"LAT"} and {first, other} & {"AP", "PA"}:
            return Unknown(f"view contradictory ({source}: {first}; {place}: {other})")
    return Known(first, source)
