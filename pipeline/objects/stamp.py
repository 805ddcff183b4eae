"""What highdicom takes from the clock or from chance, put right: the same input gives the same bytes."""

import datetime

from pydicom.dataset import Dataset

from pipeline.model.identity import derived_uid

UNDATED = datetime.datetime(1900, 1, 1)
"""Content date where the study bears none: the clock is not asked."""


def stamp(made: Dataset, source: Dataset) -> None:
    """Date an object as its study, and derive the UIDs that highdicom draws at random, in place."""
    date = str(source.get("StudyDate") or "") or UNDATED.strftime("%Y%m%d")
    time = str(source.get("StudyTime") or "") or UNDATED.strftime("%H%M%S")
    made.ContentDate = made.InstanceCreationDate = made.SeriesDate = date
    made.ContentTime = made.InstanceCreationTime = made.SeriesTime = time
    for equipment in made.get("ContributingEquipmentSequence", []):
        if "ContributionDateTime" in equipment:
            equipment.ContributionDateTime = date + time
    organization = derived_uid("dimensions", made.SOPInstanceUID)
    for sequence in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in made.get(sequence, []):
            item.DimensionOrganizationUID = organization
    if "DateOfSecondaryCapture" in made:
        made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = date, time
