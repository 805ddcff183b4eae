"""What is looked at before an image is kept, on bytes that claim what they are not."""

import contextlib
from pathlib import Path

import pytest
from dicom_files import claiming

from pipeline.worker.intake import identified

CLAIMED = ("QQ", "\0\1", "SQ", "FD", "FL", "SL", "UL", "UV", "SV", "US", "AT", "DS", "IS", "DA", "PN", "UN", "OB")


@pytest.mark.parametrize("claim", CLAIMED)
@pytest.mark.parametrize("keyword", ["Manufacturer", "SOPInstanceUID"])
def test_any_representation_is_taken_or_refused_and_nothing_else_happens(
    tmp_path: Path, keyword: str, claim: str
) -> None:
    with contextlib.suppress(ValueError):
        identified(claiming(tmp_path, keyword, claim))


@pytest.mark.parametrize("claim", ["QQ", "FD"])
def test_an_unreadable_manufacturer_is_none_and_an_unreadable_uid_is_refused(tmp_path: Path, claim: str) -> None:
    assert identified(claiming(tmp_path, "Manufacturer", claim))[0] == "1.2.840.99999.11"
    with pytest.raises(ValueError, match="no valid"):
        identified(claiming(tmp_path, "SOPInstanceUID", claim))
