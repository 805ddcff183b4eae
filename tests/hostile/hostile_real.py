"""Real files, spoilt: cut off at the boundary of every element, and mutants by rule and by chance.

Some ten small files of the reference data, each of another kind of image, maker or transfer syntax; nothing is kept.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from hostile_mutants import Mutant, by_chance, by_rule
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

FILES = 10
MOST_BYTES = 700_000
PLACES = ("studies", "odd")
IMAGES = ("CR", "DX", "CT")


def real_files(shared: Path) -> list[Path]:
    """The smallest file of each kind, at most `FILES`, every transfer syntax before a second maker of one."""
    kinds: dict[tuple[str, ...], Path] = {}
    for path in sorted(_small(shared), key=lambda p: (p.stat().st_size, p.name)):
        kind = _kind(path)
        if kind is not None:
            kinds.setdefault(kind, path)
    syntaxes = {kind[0]: path for kind, path in reversed(kinds.items())}
    return list(dict.fromkeys((*syntaxes.values(), *kinds.values())))[:FILES]


def _small(shared: Path) -> Iterator[Path]:
    for place in PLACES:
        for folder in sorted((shared / "real" / place).iterdir()):
            files = [folder] if folder.is_file() else sorted(folder.rglob("*.dcm"))
            small = [path for path in files if path.suffix == ".dcm" and path.stat().st_size < MOST_BYTES]
            yield from sorted(small, key=lambda p: p.stat().st_size)[:1]


def _kind(path: Path) -> tuple[str, ...] | None:
    """Transfer syntax, modality and maker of a file with pixels whose elements lie in the open; None of others."""
    try:
        ds = dcmread(path)
    except InvalidDicomError:
        return None
    syntax = ds.file_meta.get("TransferSyntaxUID")
    if syntax in (None, DeflatedExplicitVRLittleEndian) or "PixelData" not in ds or ds.get("Modality") not in IMAGES:
        return None
    return str(syntax), str(ds.get("Modality")), str(ds.get("Manufacturer", ""))


def cut(path: Path) -> Iterator[Mutant]:
    """The file cut off before each element and before each value, up to the pixels."""
    content = path.read_bytes()
    for at in places(dcmread(path)):
        if at < len(content):
            yield Mutant("truncation", content[:at])


def places(ds: Dataset) -> list[int]:
    """The bytes at which elements and their values start, the pixels' value last.

    A file that is cut off behind its pixels has lost nothing that is used.
    """
    found = set()
    for tag in ds.keys():  # noqa: SIM118  iteration over a data set parses its elements
        if tag > 0x7FE00010:
            break
        raw = ds.get_item(tag)
        if isinstance(raw, DataElement):
            found.add(raw.file_tell or 0)
            continue
        found.add(raw.value_tell)
        if raw.length != 0xFFFFFFFF and tag != 0x7FE00010:
            found.add(raw.value_tell + raw.length)
    return sorted(found - {0})


def real_mutants(shared: Path, chances: int, every: int) -> Iterator[Mutant]:
    """Of every file the cuts, `chances` mutants by chance, and one in `every` of those by rule (explicit files)."""
    for number, path in enumerate(real_files(shared)):
        content = path.read_bytes()
        yield from cut(path)
        yield from by_chance(content, chances, seed=number)
        syntax = UID(dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
        if not syntax.is_implicit_VR and syntax.is_little_endian:
            rules = (mutant for mutant in by_rule(content) if mutant.kind != "truncation")
            yield from islice(rules, number, None, every)
