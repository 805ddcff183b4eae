"""Codes and sizes straight from the bytes of an element.

pydicom converts an element on first touch, which costs ten times as much; over thousands of files that tells.
"""

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement

from pipeline.dicom import headers


def code(ds: Dataset, keyword: str) -> str:
    """The values of an element of ASCII codes or identifiers, stripped, joined by a backslash; "" when absent."""
    element = _element(ds, keyword)
    if element is None:
        return ""
    if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
        return "\\".join(part.strip("\0 ") for part in element.value.decode("latin-1").split("\\"))
    return headers.text(ds, keyword).strip("\0 ")


def short(ds: Dataset, keyword: str) -> int | None:
    """The value of an element of one unsigned 16-bit number; None when it is absent or has another form."""
    element = _element(ds, keyword)
    if not isinstance(element, RawDataElement) or element.VR not in (None, "US"):
        return None
    if not isinstance(element.value, bytes) or len(element.value) != 2:
        return None
    return int.from_bytes(element.value, "little" if element.is_little_endian else "big")


def _element(ds: Dataset, keyword: str) -> object:
    tag = tag_for_keyword(keyword)
    return None if tag is None else ds.get_item(tag)
