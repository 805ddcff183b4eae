"""The DICOM objects of a study: SEG of each image with lesions, one structured report, one key picture."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydicom.dataset import Dataset

from pipeline.knowledge.codes import load_codes
from pipeline.model.result import Analysis, KeyPicture, Skipped
from pipeline.objects.secondary_capture import secondary_capture
from pipeline.objects.segmentation import segmentation_object
from pipeline.objects.structured_report import Pictured, structured_report


def write_objects(
    analysis: Analysis, folder: Path, key: KeyPicture | None
) -> tuple[tuple[Path, ...], tuple[Skipped, ...]]:
    """Write folder/dicom/seg-N.dcm, sr.dcm and, where there are lesions, sc.dcm; what could not be made comes back."""
    writer = _Writer(folder / "dicom")
    pictured = []
    for index, image in enumerate(analysis.images):
        lesions = tuple(lesion for lesion in analysis.lesions if lesion.image == index)
        made = None
        if lesions:
            made = writer.write(f"seg-{index + 1}", partial(segmentation_object, image, lesions, analysis))
        pictured.append(Pictured(image, lesions, made))
    if pictured:
        writer.write("sr", lambda: structured_report(analysis, pictured, load_codes()))
    if key is not None and analysis.lesions:
        writer.write("sc", lambda: secondary_capture(analysis.images[key.image], key.rgb, key.statement))
    return tuple(writer.written), tuple(writer.skipped)


class _Writer:
    """Makes and saves objects one by one; one that cannot be made is listed with its reason."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: list[Path] = []
        self.skipped: list[Skipped] = []

    def write(self, name: str, make: Callable[[], Dataset]) -> Dataset | None:
        """The object, saved; None where it could not be made."""
        path = self.folder / f"{name}.dcm"
        self.folder.mkdir(exist_ok=True)
        try:
            made = make()
            made.save_as(path)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # highdicom raises anything on odd headers, with texts that may quote them
            path.unlink(missing_ok=True)
            reason = f"no {name.split('-')[0].upper()}: a header lacks what it needs ({type(error).__name__})"
            self.skipped.append(Skipped(f"dicom/{path.name}", reason))
            return None
        self.written.append(path)
        return made
