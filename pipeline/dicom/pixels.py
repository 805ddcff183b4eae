"""Pixels: read, decoded to stored values, and turned into the units of the modality. VOI windows are never touched."""

import contextlib
import math
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID, RLELossless

from pipeline.dicom import codecs, headers, reading
from pipeline.dicom.layout import PixelLayout, check_pixels, pixel_layout
from pipeline.errors import PixelError
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.image import Floats, Mask
from pipeline.model.known import Known, Maybe, Unknown

Stored = NDArray[Any]
"""Integers [row, col], [frame, row, col], or with samples last."""

_GREY_TOLERANCE: Final = 0.02
"""Largest difference of colour channels of a grey image, part of the range; lossy colour transforms leave some."""
_GREY_SHARE: Final = 0.999
"""Part of the pixels that must be grey; the rest may be a coloured marker's edge."""

codecs.register()


def read_dataset(path: Path, limits: DicomSettings) -> Dataset:
    """The whole data set of the file at `path`, with pixels that are checked but not decoded.

    Raises UnreadableFileError (no DICOM, cut off), LimitError, or PixelError (no pixels, a layout that is impossible or
    wants more bytes than are there).
    """
    whole = reading.read_whole(path, limits)
    check_pixels(whole.dataset, whole.structure, limits)
    return whole.dataset


def stored_values(ds: Dataset) -> Stored:
    """The decoded pixels of `ds`, [row, col] or [frame, row, col]; colour as RGB with samples last.

    Integers of the allocated size: bits above BitsStored are cleared, signed values sign-extended. Values that equal a
    PixelPaddingValue too large for BitsStored stay as they are. Raises PixelError, which names the transfer syntax.
    """
    layout = pixel_layout(ds)
    syntax = UID(str(ds.file_meta.get("TransferSyntaxUID", "")))
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise PixelError(f"transfer syntax {_shown(syntax)} is not known: send the image uncompressed") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = _decoded(ds, decoder, layout)
    except PixelError:
        raise
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # decoders raise anything on broken bytes; those in Rust panic beside Exception
        raise PixelError(
            f"{_shown(syntax)} cannot be decoded ({type(error).__name__}): ask for it uncompressed"
        ) from None
    expected = (layout.rows, layout.columns) if layout.frames == 1 else (layout.frames, layout.rows, layout.columns)
    if values.shape[: len(expected)] != expected:
        raise PixelError(f"{_shown(syntax)} decodes to another shape than Rows × Columns × NumberOfFrames")
    return values if layout.samples == 3 else _clean(values, ds, layout)


def grey(stored: Stored) -> Stored:
    """Colour values [.., sample] whose channels are equal, as [..] of their first channel.

    Raises PixelError when they are not: a picture in colours is no radiograph.
    """
    lowest, highest = stored.min(axis=-1), stored.max(axis=-1)
    largest = int(stored.max(initial=0)) - int(stored.min(initial=0))
    same = (highest.astype(np.int64) - lowest) <= max(1.0, _GREY_TOLERANCE * largest)
    if np.mean(same) < _GREY_SHARE:
        raise PixelError("a colour image: only grey images are analysed")
    return np.ascontiguousarray(stored[..., 1])


def rescale(ds: Dataset) -> Maybe[tuple[float, float]]:
    """(slope, intercept) from RescaleSlope and RescaleIntercept, Unknown with the reason why there is none.

    `ds` is a data set or an item of PixelValueTransformationSequence.
    """
    if "RescaleSlope" not in ds and "RescaleIntercept" not in ds:
        return Unknown("RescaleSlope and RescaleIntercept absent")
    slope, intercept = headers.number(ds, "RescaleSlope"), headers.number(ds, "RescaleIntercept")
    if slope is None or intercept is None:
        return Unknown("RescaleSlope or RescaleIntercept is no number")
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        return Unknown("RescaleSlope is 0 or not finite")
    return Known((slope, intercept), "RescaleSlope, RescaleIntercept")


def frame_rescales(ds: Dataset) -> tuple[Maybe[tuple[float, float]], ...]:
    """`rescale` of each frame, from the per-frame, else the shared functional groups, else the data set itself."""
    shared = _transformation(headers.single_item(ds, "SharedFunctionalGroupsSequence"))
    of_all = rescale(shared if shared is not None else ds)
    groups = headers.items(ds, "PerFrameFunctionalGroupsSequence")
    if not groups:
        return (of_all,) * pixel_layout(ds).frames
    own = (_transformation(group) for group in groups)
    return tuple(of_all if item is None else rescale(item) for item in own)


def modality_values(ds: Dataset, stored: Stored) -> Floats:
    """`stored` in the units of the modality, float32 of the same shape: ModalityLUTSequence, else rescale.

    Without either, or with a rescale that is impossible, the values of a radiograph are returned as they are; a CT
    raises PixelError, since its values would not be Hounsfield units.
    """
    table = headers.single_item(ds, "ModalityLUTSequence")
    if table is not None:
        return _looked_up(table, stored, signed=pixel_layout(ds).signed)
    scales = frame_rescales(ds)
    values = stored.astype(np.float32)
    if stored.ndim == 2 or len(set(scales)) == 1:
        return _scaled(values, scales[0], ds)
    if len(scales) != len(stored):
        raise PixelError(f"{len(scales)} functional groups for {len(stored)} frames")
    for frame, scale in zip(values, scales, strict=True):
        frame[...] = _scaled(frame, scale, ds)
    return values


def padding_mask(ds: Dataset, stored: Stored) -> Mask:
    """Where `stored` holds PixelPaddingValue, or a value between it and PixelPaddingRangeLimit; bool of its shape."""
    value = _padding(ds, "PixelPaddingValue", stored.dtype)
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = _padding(ds, "PixelPaddingRangeLimit", stored.dtype)
    low, high = sorted((value, value if limit is None else limit))
    found: Mask = (stored >= low) & (stored <= high)
    return found


def _decoded(ds: Dataset, decoder: Decoder, layout: PixelLayout) -> Stored:
    """All frames; grey through imagecodecs first, then through whatever else pydicom finds."""
    if decoder.is_encapsulated and ds.file_meta.TransferSyntaxUID != RLELossless:
        _check_codestreams(ds, decoder.UID, layout)
    if layout.samples == 1 and decoder.is_encapsulated and codecs.LABEL in decoder.available_plugins:
        with contextlib.suppress(Exception):  # the next decoder may take what this one does not
            return _frames(ds, decoder, layout, codecs.LABEL)
    return _frames(ds, decoder, layout, "")


def _frames(ds: Dataset, decoder: Decoder, layout: PixelLayout, plugin: str) -> Stored:
    options: Any = {"raw": layout.samples == 1, "allow_excess_frames": False, "correct_unused_bits": False}
    return np.asarray(decoder.as_array(ds, decoding_plugin=plugin, **options)[0])


def _check_codestreams(ds: Dataset, syntax: UID, layout: PixelLayout) -> None:
    for source in generate_frames(ds.PixelData, number_of_frames=layout.frames):
        claimed = codecs.claimed_shape(source)
        if claimed is None:
            raise PixelError(f"the compressed bytes are no {_shown(syntax)} codestream")
        if claimed != (layout.rows, layout.columns):
            raise PixelError(
                f"the {_shown(syntax)} codestream holds {claimed[0]} × {claimed[1]} pixels, "
                f"the header says {layout.rows} × {layout.columns}"
            )
        if not codecs.is_complete(source) or codecs.missing_tiles(source):
            raise PixelError(f"the {_shown(syntax)} codestream is cut off: ask the sender to send it again")


def _clean(values: Stored, ds: Dataset, layout: PixelLayout) -> Stored:
    """Bits above BitsStored cleared and signed values sign-extended, in the allocated size."""
    allocated = 8 * values.dtype.itemsize
    raw = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("="), copy=False).view(f"u{allocated // 8}")
    target = f"{'i' if layout.signed else 'u'}{allocated // 8}"
    if layout.bits_stored >= allocated:
        return raw.view(target)
    kept = _padding(ds, "PixelPaddingValue", np.dtype(target))
    keep = None if kept is None or _fits(kept, layout) else raw.view(target) == kept
    shift = _left_shift(raw, layout)
    raw = (raw >> shift) & np.array((1 << layout.bits_stored) - 1, raw.dtype)
    if layout.signed:
        spare = allocated - layout.bits_stored
        raw = (raw << spare).view(target) >> spare
    cleaned: Stored = raw.view(target)
    if keep is not None:
        cleaned[keep] = kept
    return cleaned


def _left_shift(raw: Stored, layout: PixelLayout) -> int:
    """How far values are stored above bit 0.

    HighBit must be BitsStored - 1 (PS3.5 section 8.1.1). Old files pack samples at the top and leave the low bits
    empty; others only have a wrong HighBit. The bits decide.
    """
    shift = layout.high_bit + 1 - layout.bits_stored
    if shift <= 0 or not raw.any():
        return 0
    low_bits = np.array((1 << shift) - 1, raw.dtype)
    return 0 if (raw & low_bits).any() else shift


def _fits(value: int, layout: PixelLayout) -> bool:
    if layout.signed:
        return -(1 << (layout.bits_stored - 1)) <= value < 1 << (layout.bits_stored - 1)
    return 0 <= value < 1 << layout.bits_stored


def _padding(ds: Dataset, keyword: str, dtype: np.dtype[Any]) -> int | None:
    """A padding value as `dtype` stores it; some writers give it with the wrong sign."""
    value = headers.number(ds, keyword)
    if value is None or value != int(value) or not np.issubdtype(dtype, np.integer):
        return None
    bits = 8 * dtype.itemsize
    wrapped = int(value) % (1 << bits)
    return wrapped - (1 << bits) if dtype.kind == "i" and wrapped >= 1 << (bits - 1) else wrapped


def _transformation(group: Dataset | None) -> Dataset | None:
    return None if group is None else headers.single_item(group, "PixelValueTransformationSequence")


def _scaled(values: Floats, scale: Maybe[tuple[float, float]], ds: Dataset) -> Floats:
    match scale:
        case Known(value=(slope, intercept)):
            return values * np.float32(slope) + np.float32(intercept)
        case Unknown(reason=reason) if headers.text(ds, "Modality") == "CT":
            raise PixelError(f"no Hounsfield units: {reason}")
    return values


def _looked_up(table: Dataset, stored: Stored, *, signed: bool) -> Floats:
    """Values of a modality LUT (PS3.3 section C.11.1); beyond its ends the first and last entry stand."""
    descriptor, entries = headers.numbers(table, "LUTDescriptor"), _lut_entries(table)
    if len(descriptor) != 3 or entries is None:
        raise PixelError("ModalityLUTSequence is not readable")
    count, first = int(descriptor[0]) or 2**16, int(descriptor[1])
    if signed and first >= 2**15:
        first -= 2**16
    if len(entries) < count:
        raise PixelError(f"ModalityLUTSequence has {len(entries):,} entries, {count:,} expected")
    index = np.clip(stored.astype(np.int64) - first, 0, count - 1)
    return np.asarray(entries[:count].astype(np.float32)[index], np.float32)


def _lut_entries(table: Dataset) -> NDArray[np.uint16] | None:
    """The entries of a LUT, 16-bit words or 8-bit entries, as numbers."""
    value = headers.raw(table, "LUTData")
    if isinstance(value, bytes):
        bits = headers.numbers(table, "LUTDescriptor")[-1:]
        order = "<" if table.original_encoding[1] in (True, None) else ">"
        packed = bits == (8.0,) and len(value) <= int(headers.numbers(table, "LUTDescriptor")[0] or 2**16) + 1
        return np.frombuffer(value, "u1" if packed else f"{order}u2").astype(np.uint16)
    numbers = headers.numbers(table, "LUTData")
    return np.asarray(numbers).astype(np.int64).astype(np.uint16) if numbers else None


def _shown(syntax: UID) -> str:
    """The name of a transfer syntax, or the UID where it has none."""
    return syntax.name if syntax.name != syntax else f"{syntax or 'not stated'}"
