"""Words on posture and beam in descriptions: one table, each word in several languages, negations understood.

Descriptions are compared after `plain`: lower case, no accents, only letters and digits between single spaces. The
words are those of clinical usage in English, German, French, Spanish, Italian and Portuguese.
"""

import re
import unicodedata
from functools import cache

_NOT = (
    r"(?:not|non|no|without|w o|wo|unable to|cannot|can not|never|nicht|ohne|kein|keine|pas de|pas|sans|hors|sin|senza|"
    r"nao|sem)"
)
_BETWEEN = r"(?:\s(?:be|to|in|de|en|the|any|full|possible|able))?"

ERECT, UPRIGHT_ONLY = "erect", "standing"
SITTING, SEMI_ERECT = "sitting", "semi-erect"
LYING, SUPINE, PRONE = "lying", "supine", "prone"
LEFT_DOWN, RIGHT_DOWN, ON_A_SIDE = "left side down", "right side down", "on one side"
CROSS_TABLE, HORIZONTAL_BEAM = "cross-table", "horizontal beam"
NOT_ERECT, NOT_SUPINE, NOT_PRONE, NOTHING = "not erect", "not supine", "not prone", "nothing"

_ERECT = r"erect|upright|aufrecht|eretto|ereto|vertical stand"
_STANDING = (
    r"standing|stand|weight ?bearing|wb|wtb|full weight|bipodal|bipedal|unipodal|one leg stance|stehend|stehen|"
    r"im stehen|"
    r"im stand|belastet|unter belastung|standaufnahme|debout|en charge|de pie|bipedestacion|en carga|in piedi|"
    r"sotto carico|in carico|ortostatismo|ortostatica|ortostatico|em pe|com carga"
)
_SUPINE = (
    r"supine|supino|supina|ruckenlage|rueckenlage|decubito supino|decubito dorsal|decubitus dorsal|decubitus dorsalis|"
    r"dorsal decubitus|dorsal decub|dorsal recumbent|couche sur le dos|auf dem rucken|boca arriba"
)
_PRONE = (
    r"prone|prono|prona|bauchlage|procubito|decubito prono|decubito ventral|decubitus ventral|ventral decubitus|"
    r"ventral decub|couche sur le ventre|auf dem bauch|procubitus|boca abajo"
)
LEFT = r"left|lt|l|links|linke|linken|gauche|izquierdo|izquierda|izq|sinistro|sinistra|sin|sx|esquerdo|esquerda"
RIGHT = r"right|rt|r|rechts|rechte|rechten|droit|droite|derecho|derecha|der|destro|destra|dx|dir|direito|direita"
DECUBITUS = r"decubitus|decub|decubito|dekubitus"
_SIDE_LYING = r"lateral|lat|later"
_LYING = (
    r"lying|recumbent|liegend|im liegen|couche|couchee|acostado|tumbado|sdraiato|clinostatismo|deitado|decubit(?:us|o)"
)

_POSTURES: tuple[tuple[str, str], ...] = (
    # phrases with a negation first, so that what they deny is not read as said
    (rf"{_NOT}{_BETWEEN}\s?(?:{_ERECT})", NOT_ERECT),
    (rf"{_NOT}{_BETWEEN}\s?(?:{_STANDING})|nwb|unbelastet|nonweight ?bearing|unable\s(?:to\s)?stand", NOTHING),
    (rf"{_NOT}{_BETWEEN}\s?(?:{_SUPINE})", NOT_SUPINE),
    (rf"{_NOT}{_BETWEEN}\s?(?:{_PRONE})", NOT_PRONE),
    (
        rf"{_NOT}{_BETWEEN}\s?(?:{_LYING}|{DECUBITUS}|sitting|seated|semi ?erect|semi ?upright|cross ?table|"
        r"horizontal beam)",
        NOTHING,
    ),
    (rf"(?:{LEFT})\s(?:(?:{_SIDE_LYING})\s)?(?:{DECUBITUS})|lld|lldp|linksseitenlage|linke seitenlage", LEFT_DOWN),
    (rf"(?:{RIGHT})\s(?:(?:{_SIDE_LYING})\s)?(?:{DECUBITUS})|rld|rldp|rechtsseitenlage|rechte seitenlage", RIGHT_DOWN),
    (rf"(?:{DECUBITUS})\s(?:(?:{_SIDE_LYING}|laterale)\s)?(?:{LEFT})|left side down|left down", LEFT_DOWN),
    (rf"(?:{DECUBITUS})\s(?:(?:{_SIDE_LYING}|laterale)\s)?(?:{RIGHT})|right side down|right down", RIGHT_DOWN),
    (_SUPINE, SUPINE),
    (_PRONE, PRONE),
    (rf"(?:{_SIDE_LYING})\s(?:{DECUBITUS})|(?:{DECUBITUS})\s(?:{_SIDE_LYING}|laterale)|decubs?|seitenlage", ON_A_SIDE),
    (r"cross ?table|x ?table|xtl|xtable|shoot ?through", CROSS_TABLE),
    (r"horizontal beam|hbl|horizontaler strahlengang|rayon horizontal|haz horizontal|rayo horizontal", HORIZONTAL_BEAM),
    (r"semi ?erect|semi ?upright|semi ?recumbent|halbsitzend|demi assis|semisentado|semisitting", SEMI_ERECT),
    (r"sitting|seated|sitzend|im sitzen|assis|assise|sentado|sentada|seduto|seduta", SITTING),
    (_STANDING, UPRIGHT_ONLY),
    (_ERECT, ERECT),
    (_LYING, LYING),
)

_ELIDED = re.compile(r"\b(?:l|d|all|dell|nell|sull)['’](?=\w)", re.IGNORECASE)
"""Articles before a vowel (French, Italian), whose l is not a side."""


def plain(text: str) -> str:
    """Lower case without accents, only letters and digits, single spaces between."""
    split = _ELIDED.sub("", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text))
    folded = unicodedata.normalize("NFKD", split.casefold())
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", kept).split())


@cache
def pattern(expression: str) -> re.Pattern[str]:
    """The alternatives of `expression` as whole words of a plain text."""
    return re.compile(rf"\b(?:{expression})\b")


def postures(text: str) -> frozenset[str]:
    """What a description says about posture and beam, as words of this module; what is denied is not said."""
    rest, found = plain(text), set()
    for expression, meaning in _POSTURES:
        rest, count = pattern(expression).subn(" | ", rest)
        if count:
            found.add(meaning)
    return frozenset(found - {NOTHING})
