"""Headers are read whatever value representation a file claims for an element."""

import io
from pathlib import Path

import pydicom
import pytest
from dicom_files import claiming

from pipeline.dicom.headers import raw

CLAIMED = ("QQ", "\0\1", "SQ", "FD", "FL", "SL", "UL", "UV", "SV", "US", "AT", "DS", "IS", "DA", "PN", "UN", "OB")


@pytest.mark.parametrize("claim", CLAIMED)
@pytest.mark.parametrize("keyword", ["Manufacturer", "SOPInstanceUID"])
def test_a_value_of_another_representation_is_read_or_absent(tmp_path: Path, keyword: str, claim: str) -> None:
    header = pydicom.dcmread(io.BytesIO(claiming(tmp_path, keyword, claim)), stop_before_pixels=True)
    raw(header, keyword)
    raw(header, "StudyInstanceUID")


@pytest.mark.parametrize("claim", ["QQ", "FD"])
def test_what_cannot_be_converted_is_absent(tmp_path: Path, claim: str) -> None:
    header = pydicom.dcmread(io.BytesIO(claiming(tmp_path, "Manufacturer", claim)), stop_before_pixels=True)
    assert raw(header, "Manufacturer") is None
