"""Files spoilt by rule or by chance: cut off at every element, wrong lengths, representations, values and bits."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
from hostile_files import after, boundaries, encoded, film, is_long, limb, slices, study_uid
from hostile_geometry import enhanced
from made_dicom import compressed
from pydicom import uid

PARENT = study_uid("parent")
"""The study of all sources; a mutant that is to be analysed beside others gets its own, of as many digits."""
LENGTHS = (0, 1, 0x7FFF, 0xFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
REPRESENTATIONS = (b"SQ", b"OB", b"UN", b"US", b"FD", b"UI", b"PN", b"DS", b"AT", b"??", b"\0\0")
VALUES = (b"", b"\0", b"NaN", b"-1", b"9" * 400, b"\xff" * 8, b"\\" * 9, b"<script>", b"\x1b$B\xff", b"1e999\\-0")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A spoilt file, and how it was spoilt: by truncation, length, representation, value or bits."""

    kind: str
    content: bytes


def sources() -> dict[str, bytes]:
    """Small valid files of every way to write an image."""
    packed = film(PARENT)
    packed.compress(uid.RLELossless)
    found = {
        "explicit": encoded(film(PARENT)),
        "implicit": encoded(film(PARENT), uid.ImplicitVRLittleEndian),
        "deflated": encoded(film(PARENT), uid.DeflatedExplicitVRLittleEndian),
        "slice": encoded(slices(PARENT, 1)[0]),
        "frames": encoded(enhanced(PARENT, 5)),
        "capture": encoded(film(PARENT, SOPClassUID=uid.SecondaryCaptureImageStorage)),
        "RLE": encoded(packed),
    }
    for syntax, frame in (
        (uid.JPEG2000Lossless, imagecodecs.jpeg2k_encode(limb(), codecformat="j2k", reversible=True)),
        (uid.HTJ2KLossless, imagecodecs.htj2k_encode(limb(), reversible=True)),
        (uid.JPEGLSLossless, imagecodecs.jpegls_encode(limb())),
        (uid.JPEGLosslessSV1, imagecodecs.ljpeg_encode(limb(), bitspersample=12)),
        (uid.JPEGExtended12Bit, imagecodecs.jpeg8_encode(limb(), bitspersample=12, level=90)),
    ):
        found[syntax.keyword] = encoded(compressed(film(PARENT), syntax, bytes(frame)))
    return found


def by_rule(content: bytes) -> Iterator[Mutant]:
    """Every element of an explicit little endian file spoilt in every way."""
    places = boundaries(content)
    for at in places:
        yield Mutant("truncation", content[:at])
    for at in places[::2]:
        start, end, long = at + (12 if is_long(content, at) else 8), after(content, at), is_long(content, at)
        size = 4 if long else 2
        for length in LENGTHS:
            said = (length & (0xFFFFFFFF if long else 0xFFFF)).to_bytes(size, "little")
            yield Mutant("length", content[: start - size] + said + content[start:])
        for representation in REPRESENTATIONS:
            yield Mutant("representation", content[: at + 4] + representation + content[at + 6 :])
        for value in VALUES:
            even = value + b" " * (len(value) % 2)
            yield Mutant("value", content[: start - size] + len(even).to_bytes(size, "little") + even + content[end:])


def by_chance(content: bytes, count: int, seed: int) -> Iterator[Mutant]:
    """`count` files with 1 to 8 bits flipped or bytes replaced, half of them in the header alone."""
    chance = random.Random(seed)
    header = min(len(content), 2_000)
    for _ in range(count):
        spoilt = bytearray(content)
        reach = header if chance.random() < 0.5 else len(content)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(128, reach)
            spoilt[at] = spoilt[at] ^ 1 << chance.randrange(8) if chance.random() < 0.6 else chance.randrange(256)
        yield Mutant("bits", bytes(spoilt))


def mutants(chances: int, seed: int = 1) -> Iterator[Mutant]:
    """All mutants by rule of the explicit sources, and `chances` by chance of every source."""
    for name, content in sources().items():
        if name not in ("implicit", "deflated"):
            yield from by_rule(content)
        yield from by_chance(content, chances, seed)


def apart(mutant: Mutant, number: int) -> bytes:
    """The mutant as a study of its own."""
    own = f"2.25.{10 ** (len(PARENT) - 6) + number}"
    return mutant.content.replace(PARENT.encode(), own.encode())
