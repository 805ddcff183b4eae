"""Every code that the program writes, each verified (PS3.16 context groups as pydicom 3.0.2 carries them)."""

from pydicom.sr.coding import Code

from pipeline.model.vocabulary import Laterality, Region

ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
"""Algorithm family, CID 7162."""
ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
"""Segmented property category, CID 7150."""
PATHOLOGIC_CALCIFICATION = Code("18115005", "SCT", "Pathologic calcification")
"""Segmented property type, CID 3802 and 6336."""
SOFT_TISSUE = Code("87784001", "SCT", "Soft tissue")
"""Site of a deposit whose region is not known."""

PRESENT = Code("52101004", "SCT", "Present")
"""CID 240."""
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
"""Container of statements on the study, TID 1500."""
LESIONS = Code("246206008", "SCT", "Number of lesions")
SIDES: dict[Laterality, Code] = {
    Laterality.RIGHT: Code("24028007", "SCT", "Right"),
    Laterality.LEFT: Code("7771000", "SCT", "Left"),
    Laterality.BOTH: Code("51440002", "SCT", "Bilateral"),
}
"""CID 244."""

SITES: dict[Region, Code] = {
    Region.HEAD: Code("69536005", "SCT", "Head"),
    Region.NECK: Code("45048000", "SCT", "Neck"),
    Region.SHOULDER: Code("16982005", "SCT", "Shoulder"),
    Region.AXILLA: Code("91470000", "SCT", "Axilla"),
    Region.UPPER_ARM: Code("40983000", "SCT", "Upper arm"),
    Region.ELBOW: Code("16953009", "SCT", "Elbow joint"),
    Region.FOREARM: Code("14975008", "SCT", "Forearm"),
    Region.WRIST: Code("74670003", "SCT", "Wrist joint"),
    Region.HAND: Code("85562004", "SCT", "Hand"),
    Region.CHEST: Code("816094009", "SCT", "Chest"),
    Region.ABDOMEN: Code("818981001", "SCT", "Abdomen"),
    Region.SPINE: Code("421060004", "SCT", "Spine"),
    Region.PELVIS: Code("816092008", "SCT", "Pelvis"),
    Region.INGUINAL: Code("26893007", "SCT", "Inguinal region"),
    Region.HIP: Code("29836001", "SCT", "Hip"),
    Region.THIGH: Code("68367000", "SCT", "Thigh"),
    Region.KNEE: Code("72696002", "SCT", "Knee"),
    Region.POPLITEAL: Code("32361000", "SCT", "Popliteal fossa"),
    Region.LOWER_LEG: Code("30021000", "SCT", "Lower leg"),
    Region.ANKLE: Code("70258002", "SCT", "Ankle joint"),
    Region.FOOT: Code("56459004", "SCT", "Foot"),
}
"""Region to SNOMED CT code, CID 4 and 4031."""
