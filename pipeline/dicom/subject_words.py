"""Words on what a picture shows: region, side and projection, each in several languages (see `words`)."""

import re

from pipeline.dicom import words
from pipeline.model.vocabulary import Laterality, Region

_REGIONS: tuple[tuple[str, Region], ...] = (
    # several words before single ones, joints before the segments beside them
    (r"(?:popliteal|poplitea|kniekehle)(?:\s(?:fossa|space))?", Region.POPLITEAL),
    (r"axilla|axillary (?:fossa|region|nodes?)|armpit|achselhohle|aisselle|axila|ascella", Region.AXILLA),
    (r"inguinal|groin|leiste|leistenregion|aine|ingle|inguine|virilha", Region.INGUINAL),
    (
        r"c ?spine|cspine|cervical(?: spine)?|hws|halswirbelsaule|rachis cervical|columna cervical|cervicale|"
        r"cervicais",
        Region.NECK,
    ),
    (
        r"(?:l|t|s|ls|tl|th)\s?spine|(?:lumbar|lumbosacral|thoracolumbar)(?: spine)?|(?:thoracic|dorsal) spine|"
        r"lspine|tspine|sspine|lws|bws|wirbelsaule|spine|spinal|rachis|columna|colonna|coluna|vertebra[el]?|sacrum|coccyx|scoliosis",
        Region.SPINE,
    ),
    (r"fore ?arms?|unterarm|avant bras|antebrazo|avambraccio|antebraco|radius|ulna|radio y cubito", Region.FOREARM),
    (r"upper arms?|upperarm|oberarm|bras|brazo|braccio|braco|humerus|humero|omero|umero|arm", Region.UPPER_ARM),
    (r"upper legs?|upperleg|thighs?|oberschenkel|cuisse|muslo|coscia|femur|femora|femoral", Region.THIGH),
    (
        r"lower legs?|lowerleg|unterschenkel|jambe|pierna|gamba|perna|tib(?:ia)? ?fib(?:ula)?|tibia|fibula|"
        r"shin|calf|wade|leg",
        Region.LOWER_LEG,
    ),
    (
        r"shoulders?|schulter|epaules?|hombros?|spalla|ombro|clavicle|klavikula|clavicula|scapula|omoplate|"
        r"acromioclavicular|ac joints?",
        Region.SHOULDER,
    ),
    (r"elbows?|ellenbogen|ellbogen|coudes?|codos?|gomito|cotovelo|olecranon", Region.ELBOW),
    (r"wrists?|handgelenk|poignets?|muneca|polso|punho|carpus|carpal|scaphoid|skaphoid", Region.WRIST),
    (
        r"hands?|mains|main (?:gauche|droite)|manos?|mano|mao|maos|fingers?|doigts?|dedos? de la mano|dito|"
        r"thumbs?|daumen|pouce|pulgar|metacarp\w*",
        Region.HAND,
    ),
    (r"hips?|huft(?:e|gelenk)|hueft(?:e|gelenk)|hanches?|caderas?|anca|quadril|acetabulum|trochanter", Region.HIP),
    (r"pelvis|pelvic|becken\w*|beckenubersicht|bassin|bacino|bacia|sacroiliac|si joints?|ilium", Region.PELVIS),
    (r"knees?|knie\w*|genoux?|rodillas?|ginocchio|ginocchia|joelhos?|patella|patellae|kneecap", Region.KNEE),
    (r"ankles?|sprunggelenk|osg|chevilles?|tobillos?|caviglia|tornozelos?|malleol\w*", Region.ANKLE),
    (
        r"foot|feet|fuss|fusse|pieds?|pies|piede|piedi|toes?|zehen?|orteils?|calcaneus|heel|ferse|fersenbein|"
        r"metatars\w*|hallux",
        Region.FOOT,
    ),
    (r"neck|hals|cou|cuello|collo|pescoco|larynx|thyroid|soft tissue neck|carotid\w*", Region.NECK),
    (
        r"head|skull|brain|kopf|schadel|crane|craneo|cranio|testa|cabeza|cabeca|sinus(?:es)?|orbits?|facial|"
        r"mandible|maxilla|jaw|tmj|cerebral",
        Region.HEAD,
    ),
    (
        r"chest|thorax|thoracic|lungs?|cxr|lunge|poumons?|pulmon\w*|torax|torace|polmon\w*|ribs?|rippen|"
        r"sternum|mediastinum",
        Region.CHEST,
    ),
    (
        r"abdom\w*|abd|kub|ventre|addome|liver|leber|foie|higado|kidneys?|niere\w*|reins|renal|bauch|urinary|"
        r"bladder|bowel",
        Region.ABDOMEN,
    ),
)

_NOT_FEET = r"in piedi|de pie|em pe"
"""Standing, in words that hold the foot."""

_SIDES: tuple[tuple[str, Laterality], ...] = (
    (r"bilateral\w*|both|beidseits|beidseitig|bds|beide|deux|ambos|ambas|entrambi|b l|bil|bilat", Laterality.BOTH),
    (words.LEFT.replace("|sin|", "|"), Laterality.LEFT),
    (words.RIGHT.replace("|der|", "|").replace("|dir|", "|"), Laterality.RIGHT),
)

_VIEWS: tuple[tuple[str, str], ...] = (
    (
        r"axial|axiale|axillary|axillaire|tangential|tangentiell|sunrise|skyline|merchant|laurin|tunnel|notch|swimmers?|"
        r"patella defile|defile|inlet|outlet|judet",
        "AXIAL",
    ),
    (r"oblique|obliqua|oblicua|obl|schrag|schraeg|rao|lao|rpo|lpo|mortise|scapular y", "OBL"),
    (r"ap|a p|antero ?posterior|anteroposterior|a p view|face|faccia|dp|dorso ?plantar|d p", "AP"),
    (r"pa|p a|postero ?anterior|posteroanterior|dorso ?(?:volar|palmar)", "PA"),
    (
        r"lat|lateral|laterale|seitlich|seitl|profil|profile|perfil|ll|rl|latero ?lateral|medio ?lateral|"
        r"latero ?medial|cross ?table",
        "LAT",
    ),
)

_NOT_A_SIDE = re.compile(
    r"\b(?:(?:left|right|lt|rt|l|r)\s(?:lat|lateral)(?:\s(?:view|decub\w*))?|l\s?spine|(?:lat|lateral)\s[lr]\b|"
    r"[lr]\s?[1-5]\b|l\s?r\b|r\s?l\b|left anterior|right anterior|left posterior|right posterior|"
    r"(?:left|right)\s(?:side\s)?down)\b"
)
_DECUBITUS_ALONE = re.compile(rf"\b(?:left|right|l|r|lt|rt)?\s?(?:lat|lateral)\s(?:{words.DECUBITUS})\b")


def regions(text: str) -> tuple[Region, ...]:
    """Regions that a description names, in order of their place in it."""
    rest, found = words.pattern(_NOT_FEET).sub(" ", words.plain(text)), []
    for expression, region in _REGIONS:
        for match in words.pattern(expression).finditer(rest):
            found.append((match.start(), region))
        rest = words.pattern(expression).sub(lambda match: "|" * len(match.group()), rest)
    return tuple(dict.fromkeys(region for _, region in sorted(found, key=lambda pair: pair[0])))


def side(text: str) -> Laterality | None:
    """The side of the body that a description names; None when it names none, or both left and right apart."""
    rest = _NOT_A_SIDE.sub(" ", _DECUBITUS_ALONE.sub(" ", words.plain(text)))
    found = {meaning for expression, meaning in _SIDES if words.pattern(expression).search(rest)}
    return found.pop() if len(found) == 1 else None


def view(text: str) -> str | None:
    """The projection that a description names: AP, PA, LAT, OBL or AXIAL; None when none or several."""
    rest, found = _DECUBITUS_ALONE.sub(" ", words.plain(text)), []
    for expression, meaning in _VIEWS:
        rest, count = words.pattern(expression).subn(" | ", rest)
        if count:
            found.append(meaning)
    return found[0] if len(found) == 1 or (found and found[0] in ("AXIAL", "OBL")) else None
