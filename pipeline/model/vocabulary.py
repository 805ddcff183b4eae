"""Words that stay the same everywhere: regions, postures, sides, states (contract, section 1)."""

from enum import StrEnum


class Region(StrEnum):
    """Body regions."""

    HEAD = "head"
    NECK = "neck"
    SHOULDER = "shoulder"
    AXILLA = "axilla"
    UPPER_ARM = "upper_arm"
    ELBOW = "elbow"
    FOREARM = "forearm"
    WRIST = "wrist"
    HAND = "hand"
    CHEST = "chest"
    ABDOMEN = "abdomen"
    SPINE = "spine"
    PELVIS = "pelvis"
    INGUINAL = "inguinal"
    HIP = "hip"
    THIGH = "thigh"
    KNEE = "knee"
    POPLITEAL = "popliteal"
    LOWER_LEG = "lower_leg"
    ANKLE = "ankle"
    FOOT = "foot"


class Posture(StrEnum):
    """How the patient was held by gravity when the image was made."""

    ERECT = "erect"
    SUPINE = "supine"
    PRONE = "prone"
    LEFT_DECUBITUS = "left_decubitus"
    RIGHT_DECUBITUS = "right_decubitus"


class Laterality(StrEnum):
    """Side of the body, as DICOM codes it."""

    RIGHT = "R"
    LEFT = "L"
    BOTH = "B"


class State(StrEnum):
    """State of a finding."""

    PRESENT = "present"
    ABSENT = "absent"
    NOT_ASSESSABLE = "not_assessable"
